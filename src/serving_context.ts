/** A context: one listener, any number of clients, and all the connections they make. */

import { ClientHandshake } from "./client_handshake.ts";
import { checkClientInfo, type ClientConnectInfo } from "./client_info.ts";
import type { Context } from "./context.ts";
import { Connection, type ConnectionOwner, type ProtocolEntry } from "./connection.ts";
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
import { HttpSession } from "./http_session.ts";
import type { Limits } from "./limits.ts";
import { describeError, log } from "./log.ts";
import type { Protocol } from "./protocol.ts";
import type { Reason } from "./reasons.ts";
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

/** How long accepting rests after it failed, as it does when no descriptor is left. */
const ACCEPT_REST_MS = 100;

class ServingContext implements Context, ConnectionOwner {
  readonly face: Context = this;
  readonly limits: Limits;
  readonly fileOps: FileOps;
  readonly extensions: readonly Extension[];
  readonly user: unknown;
  readonly wheel: TimerWheel;
  readonly scheduler: Scheduler = new AutomaticScheduler();
  readonly entries: readonly ProtocolEntry[];
  readonly closed: Promise<void>;
  isDestroyed = false;

  readonly #info: CheckedInfo;
  readonly #named = new Map<string, ProtocolEntry>();
  readonly #connections = new Map<number, Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #listener: Listener | undefined;
  readonly #standIn: Connection;
  readonly #onAbort = () => void this.destroy();
  /** Every protocol had its `protocolInit`, in which one may destroy the context already. */
  #isSetUp = false;
  #lastFd = 0;
  #filtering: { fd: number; address: Address } | undefined;
  #dirty: Connection[] = [];
  #resumeAccepting: (() => void) | undefined;
  #restTimer: unknown;
  #resolveClosed!: () => void;

  constructor(info: CheckedInfo) {
    this.#info = info;
    this.limits = info.limits;
    this.fileOps = info.fileOps;
    this.extensions = info.extensions;
    this.user = info.user;
    this.wheel = new TimerWheel(info.clock);
    this.entries = info.protocols.map((protocol, index) => ({
      protocol,
      index,
      rxBufferSize: rxBufferSizeOf(protocol),
      allowedOrigins: protocol.allowedOrigins,
      connections: new Set<Connection>(),
    }));
    for (const entry of this.entries) this.#named.set(entry.protocol.name, entry);
    if (info.signal?.aborted) {
      throw new LwsError("aborted", "signal has aborted already", { cause: info.signal.reason });
    }
    this.#listener = info.port === CONTEXT_PORT_NO_LISTEN ? undefined : listen(info);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#standIn = new Connection(this, 0, false);
    info.signal?.addEventListener("abort", this.#onAbort, { once: true });
    for (const entry of this.entries) {
      this.#standIn.call(entry, "protocolInit", undefined, undefined);
    }
    for (const extension of this.extensions) extension.contextConstruct?.(this);
    this.#isSetUp = true;
    if (this.isDestroyed) this.#endIfEmpty();
    if (this.#listener !== undefined) void this.#acceptAll(this.#listener);
  }

  get port(): number {
    return this.#listener?.address.port ?? CONTEXT_PORT_NO_LISTEN;
  }

  get protocols(): readonly Protocol[] {
    return this.#info.protocols;
  }

  clientConnect(info: ClientConnectInfo): Wsi {
    this.#mustLive("clientConnect");
    const target = checkClientInfo(info);
    const connection = new Connection(this, ++this.#lastFd, true);
    connection.user = info.userdata;
    const handshake = new ClientHandshake(connection, target, this.#info.network);
    connection.phase = handshake;
    this.#connections.set(connection.socketFd, connection);
    void handshake.start();
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

  destroy(): Promise<void> {
    if (this.isDestroyed) return this.closed;
    this.isDestroyed = true;
    this.#info.signal?.removeEventListener("abort", this.#onAbort);
    this.#listener?.close();
    this.#resumeAccepting?.();
    for (const connection of [...this.#connections.values()]) connection.leave();
    this.#endIfEmpty();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  // What connections need.

  protocolNamed(name: string): ProtocolEntry | undefined {
    return this.#named.get(name);
  }

  flushLater(connection: Connection): void {
    if (this.#dirty.push(connection) === 1) queueMicrotask(() => this.#flushDirty());
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection.socketFd);
    if (!connection.isClient) this.#countAddress(connection.peerAddresses.ip, -1);
    if (this.#connections.size < this.limits.maxConnections) this.#resumeAccepting?.();
    if (this.isDestroyed) this.#endIfEmpty();
  }

  #flushDirty(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  }

  // Accepting.

  async #acceptAll(listener: Listener): Promise<void> {
    while (!this.isDestroyed) {
      if (this.#connections.size >= this.limits.maxConnections) {
        await new Promise<void>((resolve) => this.#resumeAccepting = resolve);
        this.#resumeAccepting = undefined;
        continue;
      }
      let transport: Transport;
      try {
        transport = await listener.accept();
      } catch (error) {
        if (this.isDestroyed) return;
        log("err", `accept failed, trying again in ${ACCEPT_REST_MS} ms: ${describeError(error)}`);
        await this.#rest();
        continue;
      }
      if (this.isDestroyed) transport.close();
      else this.#serve(transport);
    }
  }

  /** Waits a little, or until the context is destroyed. */
  async #rest(): Promise<void> {
    const { clock } = this.#info;
    await new Promise<void>((resolve) => {
      this.#resumeAccepting = resolve;
      this.#restTimer = clock.setTimer(resolve, ACCEPT_REST_MS);
    });
    clock.clearTimer(this.#restTimer);
    this.#resumeAccepting = undefined;
  }

  /** The way of an accepted connection up to its first read (reasons as in the C library). */
  #serve(transport: Transport): Connection | undefined {
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
    if (entry !== undefined && (typeof protocol === "string" || entry.protocol === protocol)) {
      return entry;
    }
    throw new LwsError("invalid-argument", `the context has no protocol "${name}"`);
  }

  #mustLive(call: string): void {
    if (this.isDestroyed) throw new LwsError("destroyed", `${call}: the context is destroyed`);
  }
}

function listen(info: CheckedInfo): Listener {
  const { hostname, port } = info;
  try {
    return info.network.listen({ hostname, port });
  } catch (cause) {
    const where = `${hostname} port ${port}`;
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "AddrInUse" || code === "address-in-use") {
      throw new LwsError("address-in-use", `${where} is in use; free it or listen on another`, {
        cause,
      });
    }
    if (name === "NotCapable" || name === "PermissionDenied") {
      throw new LwsError("permission-denied", `may not listen on ${where}; run with --allow-net`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LwsError("listen-failed", `can't listen on ${where}: ${why}`, { cause });
  }
}
