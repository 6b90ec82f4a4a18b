/** A context: one listener, any number of clients, and all the connections they make. */

import { activate } from "./active_protocol.ts";
import { broadcastBytes } from "./broadcast_data.ts";
import { BroadcastSocket } from "./broadcast_socket.ts";
import { ClientHandshake } from "./client_handshake.ts";
import { Acceptor, type AcceptorHost } from "./acceptor.ts";
import { checkClientInfo, type ClientConnectInfo } from "./client_info.ts";
import type { Context } from "./context.ts";
import { Connection, type ConnectionOwner, type ProtocolEntry } from "./connection.ts";
import { ContextPort } from "./context_port.ts";
import {
  checkCreationInfo,
  type CheckedInfo,
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  rxBufferSizeOf,
} from "./creation_info.ts";
import { LwsError } from "./errors.ts";
import type { Extension } from "./extensions/extension.ts";
import type { FileOps } from "./file_ops.ts";
import { GatedTransport } from "./gated_transport.ts";
import { HttpSession } from "./http_session.ts";
import { listen } from "./listening.ts";
import type { Limits } from "./limits.ts";
import { log } from "./log.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";
import type { Reason } from "./reasons.ts";
import { type PollArgs, type PollFd, POLLIN, type PollLock, POLLOUT } from "./service/polling.ts";
import type { PollSlot } from "./service/poll_slot.ts";
import { PolledService, type PollHost } from "./service/polled_service.ts";
import { AutomaticScheduler, type Scheduler } from "./service/scheduler.ts";
import { TimerWheel } from "./service/timer_wheel.ts";
import { type StreamConn, StreamTransport } from "./transport/tcp.ts";
import type { Address, Listener, Transport } from "./transport/transport.ts";
import type { PeerAddresses, Wsi } from "./wsi.ts";

/**
 * Makes a context: listens, unless told not to, and serves from then on.
 *
 * Needs `--allow-net` to listen and to connect.
 *
 * @throws {LwsError} `invalid-option`, naming everything that is wrong; `address-in-use`;
 *   `permission-denied`; `listen-failed`; `aborted` when the signal has aborted before.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({
 *       message: (wsi, _user, message) => void wsi.write(message),
 *     }),
 *   }],
 * });
 * console.log(`ws://127.0.0.1:${context.port}`);
 * ```
 */
export function createContext(info: ContextCreationInfo): Context {
  return new ServingContext(checkCreationInfo(info));
}

/** The descriptor of the listener, and of what belongs to no connection. */
const LISTENER_FD = 0;

class ServingContext implements Context, ConnectionOwner, AcceptorHost, PollHost {
  readonly face: Context = this;
  readonly limits: Limits;
  readonly fileOps: FileOps;
  readonly extensions: readonly Extension[];
  readonly user: unknown;
  readonly wheel: TimerWheel;
  readonly scheduler: Scheduler;
  readonly entries: readonly ProtocolEntry[];
  readonly protocols: readonly ActiveProtocol[];
  readonly closed: Promise<void>;
  isDestroyed = false;

  readonly #info: CheckedInfo;
  readonly #named = new Map<string, ProtocolEntry>();
  readonly #connections = new Map<number, Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #listener: Listener | undefined;
  readonly #acceptor: Acceptor | undefined;
  /** Unless the context serves by itself. */
  readonly #polled: PolledService | undefined;
  /** One a protocol, or none at all. */
  readonly #sockets: readonly BroadcastSocket[];
  readonly #ports = new Set<ContextPort>();
  /** For what belongs to no connection: the listener, the protocols. */
  readonly #standIn: Connection;
  #listenerSlot: PollSlot | undefined;
  readonly #onAbort = () => void this.destroy();
  /** Every protocol had its `protocolInit`, in which one may destroy the context already. */
  #isSetUp = false;
  #lastFd = 0;
  /** The descriptor of broadcast sockets and ports, once there are some and the program polls. */
  #elsewhereFd = 0;
  #filtering: { fd: number; address: Address } | undefined;
  #dirty: Connection[] = [];
  #resolveClosed!: () => void;

  constructor(info: CheckedInfo) {
    this.#info = info;
    this.limits = info.limits;
    this.fileOps = info.fileOps;
    this.extensions = info.extensions;
    this.user = info.user;
    this.#polled = info.service === "automatic" ? undefined : new PolledService(info.clock, this);
    this.scheduler = this.#polled ?? new AutomaticScheduler();
    this.wheel = new TimerWheel(this.#polled?.clock ?? info.clock);
    if (info.signal?.aborted) {
      throw new LwsError("aborted", "signal has aborted already", { cause: info.signal.reason });
    }
    this.#listener = info.port === CONTEXT_PORT_NO_LISTEN ? undefined : listen(info.network, info);
    this.#sockets = info.broadcastSockets ? this.#openSockets() : [];
    this.entries = info.protocols.map((protocol, index) => ({
      protocol,
      active: activate(protocol, {
        owningServer: this,
        protocolIndex: index,
        broadcastSocketPort: this.#sockets[index]?.port ?? 0,
        broadcastToken: this.#sockets[index]?.token ?? "",
      }),
      index,
      rxBufferSize: rxBufferSizeOf(protocol),
      allowedOrigins: protocol.allowedOrigins,
      connections: new Set<Connection>(),
    }));
    this.protocols = this.entries.map((entry) => entry.active);
    for (const entry of this.entries) this.#named.set(entry.protocol.name, entry);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#standIn = new Connection(this, LISTENER_FD, false);
    if (this.#listener !== undefined) {
      this.#acceptor = new Acceptor(this.#listener, this, info.clock);
      this.#listenerSlot = this.#polled?.slot(LISTENER_FD, POLLIN);
      if (this.#listenerSlot !== undefined && !this.#polled!.announce(this.#listenerSlot)) {
        this.#listener.close();
        for (const socket of this.#sockets) socket.close();
        throw new LwsError("listen-failed", "addPollFd can't watch the listener");
      }
    }
    info.signal?.addEventListener("abort", this.#onAbort, { once: true });
    for (const entry of this.entries) {
      this.#standIn.call(entry, "protocolInit", undefined, undefined);
    }
    for (const extension of this.extensions) extension.contextConstruct?.(this);
    this.#isSetUp = true;
    if (this.isDestroyed) this.#endIfEmpty();
    for (const socket of this.#sockets) socket.open();
    void this.#acceptor?.run();
  }

  get port(): number {
    return this.#listener?.address.port ?? CONTEXT_PORT_NO_LISTEN;
  }

  clientConnect(info: ClientConnectInfo): Wsi {
    this.#mustLive("clientConnect");
    const target = checkClientInfo(info);
    const connection = new Connection(this, ++this.#lastFd, true);
    connection.user = info.userdata;
    const handshake = new ClientHandshake(connection, target, this.#info.network);
    connection.phase = handshake;
    const { socketFd } = connection;
    this.#connections.set(socketFd, connection);
    const slot = this.#polled?.slot(socketFd, POLLOUT);
    if (slot === undefined || this.#polled!.announce(slot)) handshake.start();
    else handshake.abandon("addPollFd can't watch the connection");
    return connection;
  }

  adopt(conn: StreamConn): Wsi | undefined {
    this.#mustLive("adopt");
    return this.#serve(new StreamTransport(conn));
  }

  peerAddresses(socketFd: number): PeerAddresses {
    if (this.#filtering?.fd === socketFd) {
      const { hostname, port } = this.#filtering.address;
      return { name: "", ip: hostname, port };
    }
    return this.#connections.get(socketFd)?.peerAddresses ?? { name: "", ip: "", port: 0 };
  }

  callbackOnWritableAllProtocol(protocol: Protocol | string): number {
    for (const connection of this.#entryOf(protocol).connections) connection.callbackOnWritable();
    return 0;
  }

  callbackAllProtocol(protocol: Protocol | string, reason: Reason): number {
    const entry = this.#entryOf(protocol);
    for (const connection of [...entry.connections]) connection.callAny(entry, reason, undefined);
    return 0;
  }

  broadcast(protocol: Protocol | string, data: Uint8Array | string): number {
    const entry = this.#entryOf(protocol);
    const bytes = broadcastBytes(data);
    if (this.isDestroyed) return -1;
    // Descriptors count up as connections are accepted; the set has the order of the handshakes.
    const accepted = [...entry.connections].sort((a, b) => a.socketFd - b.socketFd);
    for (const connection of accepted) {
      // A callback before may have closed it.
      if (connection.isClient || !connection.isEstablished) continue;
      connection.call(entry, "broadcast", bytes);
    }
    return 0;
  }

  openPort(): MessagePort {
    this.#mustLive("openPort");
    const { port1, port2 } = new MessageChannel();
    this.#ports.add(
      new ContextPort(port1, {
        deliver: (work) => this.#deliver(work),
        broadcast: (protocol, data) => this.broadcast(protocol, data),
        callbackOnWritableAllProtocol: (name) => this.callbackOnWritableAllProtocol(name),
        cancelService: () => this.#polled?.cancel(),
        destroy: () => this.destroy(),
        forget: (port) => void this.#ports.delete(port),
      }),
    );
    return port2;
  }

  destroy(): Promise<void> {
    if (this.isDestroyed) return this.closed;
    this.isDestroyed = true;
    this.#info.signal?.removeEventListener("abort", this.#onAbort);
    this.#acceptor?.stop();
    for (const socket of this.#sockets) socket.close();
    for (const port of this.#ports) port.close();
    this.#ports.clear();
    this.#polled?.unwatch(LISTENER_FD);
    this.#polled?.unwatch(this.#elsewhereFd);
    this.#polled?.release();
    for (const connection of [...this.#connections.values()]) connection.leave();
    this.#endIfEmpty();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  // Service.

  service(timeoutMs: number): Promise<number> {
    return this.#mustBePolled("service").service(checkTimeout("service", timeoutMs));
  }

  cancelService(): void {
    this.#mustBePolled("cancelService").cancel();
  }

  serviceFd(pollFd: PollFd | null): number {
    return this.#mustBePolled("serviceFd").serviceFd(checkPollFd("serviceFd", pollFd));
  }

  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    const polled = this.#mustBePolled("poll");
    if (!Array.isArray(pollFds)) {
      throw new LwsError("invalid-argument", "poll: pollFds is no array");
    }
    for (const each of pollFds) checkPollFd("poll", each);
    return polled.poll(pollFds, checkTimeout("poll", timeoutMs));
  }

  addPollFd(fd: number, events: number): boolean {
    return this.#changePoll("addPollFd", { fd, events, prevEvents: events });
  }

  delPollFd(fd: number, events: number): void {
    this.#changePoll("delPollFd", { fd, events, prevEvents: events });
  }

  changeModePollFd(fd: number, events: number, prevEvents: number): void {
    if (this.#changePoll("changeModePollFd", { fd, events, prevEvents })) return;
    this.#connections.get(fd)?.cut();
  }

  serviceBegins(): void {
    this.#standIn.call(this.entries[0]!, "getThreadId", undefined, undefined);
  }

  /** Tells an external loop of a change, between locking and unlocking; false when it fails. */
  #changePoll(reason: "addPollFd" | "delPollFd" | "changeModePollFd", args: PollArgs): boolean {
    if (this.#info.service !== "external") return true;
    const first = this.entries[0]!;
    const wsi = this.#connections.get(args.fd) ?? this.#standIn;
    const lock: PollLock = { ...args, isTableChange: reason !== "changeModePollFd" };
    if (wsi.call(first, "lockPoll", lock, undefined) !== 0) return false;
    const result = wsi.call(first, reason, args, undefined);
    return wsi.call(first, "unlockPoll", lock, undefined) === 0 && result === 0;
  }

  #mustBePolled(call: string): PolledService {
    if (this.#polled !== undefined) return this.#polled;
    throw new LwsError(
      "invalid-state",
      `${call}: the context serves by itself; create it with service "manual" or "external"`,
    );
  }

  // What connections need.

  protocolNamed(name: string): ProtocolEntry | undefined {
    return this.#named.get(name);
  }

  flushLater(connection: Connection): void {
    // Before the call returns, as nothing happens between calls there.
    if (this.#polled !== undefined) return connection.flush();
    if (this.#dirty.push(connection) === 1) queueMicrotask(() => this.#flushDirty());
  }

  gated(connection: Connection, transport: Transport): Transport {
    const polled = this.#polled;
    if (polled === undefined) return transport;
    const gatesWrites = this.#info.service === "external";
    return new GatedTransport(transport, polled.slot(connection.socketFd), polled, gatesWrites);
  }

  unwatch(connection: Connection): void {
    this.#polled?.unwatch(connection.socketFd);
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection.socketFd);
    if (!connection.isClient) this.#countAddress(connection.peerAddresses.ip, -1);
    if (this.hasRoom) {
      this.#acceptor?.resume();
      this.#listenerSlot?.setReading(true);
    }
    if (this.isDestroyed) this.#endIfEmpty();
  }

  #flushDirty(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  }

  // What comes from other workers and processes.

  #openSockets(): BroadcastSocket[] {
    const sockets: BroadcastSocket[] = [];
    const host = {
      limits: this.limits,
      wheel: this.wheel,
      deliver: (work: () => void) => this.#deliver(work),
      broadcast: (name: string, message: Uint8Array) => void this.broadcast(name, message),
    };
    try {
      for (const { name } of this.#info.protocols) {
        sockets.push(new BroadcastSocket(name, this.#info.network, host));
      }
    } catch (error) {
      for (const socket of sockets) socket.close();
      this.#listener?.close();
      throw error;
    }
    return sockets;
  }

  /** Does what a message from elsewhere asks for. */
  #deliver(work: () => void): void {
    if (this.#polled === undefined) return work();
    this.#watchElsewhere(this.#polled);
    this.scheduler.arrived({ socketFd: this.#elsewhereFd, service: work }, POLLIN);
  }

  /** Gives what comes from elsewhere a descriptor, so that it waits for service, too. */
  #watchElsewhere(polled: PolledService): void {
    if (this.#elsewhereFd !== 0) return;
    this.#elsewhereFd = ++this.#lastFd;
    if (polled.announce(polled.slot(this.#elsewhereFd, POLLIN))) return;
    log("err", "addPollFd can't watch for broadcasts, which are delivered at once therefore");
  }

  // Accepting.

  get hasRoom(): boolean {
    return this.#connections.size < this.limits.maxConnections;
  }

  accepted(transport: Transport): void | Promise<void> {
    if (this.#polled === undefined) return void this.#serve(transport);
    return new Promise((resolve) => {
      const service = () => {
        this.#serve(transport);
        this.#listenerSlot?.setReading(this.hasRoom);
        resolve();
      };
      this.scheduler.arrived({ socketFd: LISTENER_FD, service }, POLLIN);
    });
  }

  /** The way of an accepted connection up to its first read (reasons as in the C library). */
  #serve(transport: Transport): Connection | undefined {
    if (this.isDestroyed) {
      transport.close();
      return undefined;
    }
    const first = this.entries[0]!;
    const fd = ++this.#lastFd;
    const { remoteAddress } = transport;
    const ofAddress = this.#perAddress.get(remoteAddress.hostname) ?? 0;
    if (ofAddress >= this.limits.maxConnectionsPerAddress) {
      log("info", `${remoteAddress.hostname} has maxConnectionsPerAddress (${ofAddress}) already`);
      transport.close();
      return undefined;
    }
    this.#filtering = { fd, address: remoteAddress };
    const verdict = this.#standIn.call(first, "filterNetworkConnection", fd, undefined);
    this.#filtering = undefined;
    if (verdict !== 0 || this.isDestroyed) {
      transport.close();
      return undefined;
    }

    const connection = new Connection(this, fd, false);
    if (!connection.makeUser(first)) {
      transport.close();
      return undefined;
    }
    this.#connections.set(fd, connection);
    this.#countAddress(remoteAddress.hostname, 1);
    connection.enter(first);
    connection.phase = new HttpSession(connection, { allowedOrigins: this.#info.allowedOrigins });
    connection.attach(transport);
    connection.call(first, "wsiCreate", undefined);
    connection.call(first, "serverNewClientInstantiated", undefined);
    const slot = this.#polled?.slot(fd);
    if (slot !== undefined && !this.#polled!.announce(slot)) connection.cut();
    return connection;
  }

  #countAddress(address: string, change: 1 | -1): void {
    if (this.limits.maxConnectionsPerAddress === Infinity) return;
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }

  // Ends and lookups.

  #endIfEmpty(): void {
    if (this.#connections.size > 0 || !this.#isSetUp) return;
    for (const extension of this.extensions) extension.contextDestruct?.(this);
    for (const entry of this.entries) {
      this.#standIn.call(entry, "protocolDestroy", undefined, undefined);
    }
    for (const extension of this.extensions) extension.close();
    this.wheel.stop();
    this.scheduler.stop();
    this.#resolveClosed();
  }

  #entryOf(protocol: Protocol | string): ProtocolEntry {
    const name = typeof protocol === "string" ? protocol : protocol.name;
    const entry = this.#named.get(name);
    if (entry !== undefined) {
      if (typeof protocol === "string") return entry;
      if (entry.protocol === protocol || entry.active === protocol) return entry;
    }
    throw new LwsError("invalid-argument", `the context has no protocol "${name}"`);
  }

  #mustLive(call: string): void {
    if (this.isDestroyed) throw new LwsError("destroyed", `${call}: the context is destroyed`);
  }
}

function checkTimeout(call: string, timeoutMs: number): number {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return timeoutMs;
  throw new LwsError(
    "invalid-argument",
    `${call}: timeoutMs is ${timeoutMs}; allowed: a number from 0, or Infinity`,
  );
}

function checkPollFd<Given extends PollFd | null>(call: string, pollFd: Given): Given {
  const isWhole = (value: unknown) => Number.isInteger(value);
  if (pollFd === null) return pollFd;
  const { fd, events, revents } = pollFd as Partial<PollFd>;
  if (isWhole(fd) && isWhole(events) && isWhole(revents)) return pollFd;
  throw new LwsError(
    "invalid-argument",
    `${call}: a pollFd has the whole numbers fd (${fd}), events (${events}) and revents (${revents})`,
  );
}
