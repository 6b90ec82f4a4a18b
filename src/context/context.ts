/** A context: one listener, any number of clients, and all the connections they make. */

import type { ClientConnectInfo } from "../api/client_info.ts";
import type { Context, DestroyOptions } from "../api/context.ts";
import {
  type CheckedOptions,
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
} from "../api/creation_info.ts";
import type { Extension } from "../api/extension.ts";
import type { FileOps } from "../api/file_ops.ts";
import type { KeepAliveSettings, Limits } from "../api/limits.ts";
import type { Listener, PeerAddresses, StreamConn, Transport } from "../api/network.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";
import type { Reason, ReasonData } from "../api/reasons.ts";
import { type PollFd, POLLIN, POLLOUT } from "../api/service.ts";
import type { CertificateInfo } from "../api/tls.ts";
import type { Wsi } from "../api/wsi.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { isLogged, log } from "../base/log.ts";
import { ClientHandshake } from "../connection/client_handshake.ts";
import { call } from "../connection/callbacks.ts";
import { Connection } from "../connection/connection.ts";
import type { Member, ProtocolEntry } from "../connection/owner.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { CheckedTokenLimits } from "../connection/http/header_reader.ts";
import { LISTENER_FD, Reception, type ReceptionHost } from "./admission.ts";
import { checkClientInfo } from "./client_options.ts";
import { ClientRoutes } from "./connector.ts";
import { checkCreationInfo, type CheckedInfo } from "./creation_options.ts";
import { answersHttp } from "./handlers.ts";
import { checkSource, listenAs } from "./listen.ts";
import { checkFd, type Descriptors, peerAddressesOf, resolvedPeer } from "./peer_names.ts";
import { giveUpRoot } from "./privileges.ts";
import { Protocols } from "./protocols.ts";
import { tlsOf } from "./tls_callbacks.ts";
import { checkDestroyOptions, Departure } from "./shutdown.ts";
import type { Methods } from "../core/http/methods.ts";
import { attempt } from "../extensions/pipeline.ts";
import { Compression } from "../files/compression.ts";
import type { CheckedMount } from "../files/mounts.ts";
import type { ProxyTrust } from "../proxy/forwarded_for.ts";
import { Elsewhere } from "../remote/broadcast_inbox.ts";
import { PatientClock } from "../service/patient_clock.ts";
import { mustPoll, Polling, type PollingHost } from "../service/poll_announcements.ts";
import { AutomaticScheduler, type Scheduler } from "../service/scheduler.ts";
import { TimerWheel } from "../service/timer_wheel.ts";
import { type TurnBudget, turnBudgetOf, UNLIMITED } from "../service/turn_budget.ts";
import type { ContextTls } from "../tls/context_tls.ts";
import { hostName, UNKNOWN_HOST } from "../transport/machine.ts";
import { tcpNetwork } from "../transport/network.ts";
import { transportOver } from "../transport/stream_transport.ts";

/**
 * Makes a context: listens, unless told not to, and serves from then on.
 *
 * Needs `--allow-net` to listen and to connect, and `--allow-read` for folders of `mounts` and files of
 * certificates.
 *
 * @category Server and client
 * @throws {LwsError} `invalid-option`, naming everything that is wrong; `address-in-use`;
 *   `permission-denied`, also when `gid` or `uid` can't be changed; `listen-failed`; `invalid-state` when
 *   the system has no such ids; `aborted` when the signal has aborted before.
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

class ServingContext implements Context, ReceptionHost, PollingHost {
  readonly face: Context = this;
  readonly limits: Limits;
  readonly fileOps: FileOps;
  readonly mounts: readonly CheckedMount[];
  readonly compresses: boolean;
  readonly compression = new Compression();
  readonly answersHttp: boolean;
  readonly extensions: readonly Extension[];
  readonly options: CheckedOptions;
  readonly keepAlive: KeepAliveSettings | undefined;
  readonly proxyTrust: ProxyTrust | undefined;
  readonly tokenLimits: CheckedTokenLimits;
  readonly methods: Methods;
  readonly user: unknown;
  readonly wheel: TimerWheel;
  readonly budget: TurnBudget;
  readonly scheduler: Scheduler;
  readonly entries: readonly ProtocolEntry[];
  readonly protocols: readonly ActiveProtocol[];
  readonly closed: Promise<void>;
  readonly connections = new Map<number, Connection>();
  readonly standIn: Connection;
  isDestroyed = false;

  readonly #info: CheckedInfo;
  readonly #protocols: Protocols;
  readonly #listener: Listener | undefined;
  /** Unless the context serves by itself. */
  readonly #polling: Polling | undefined;
  readonly #elsewhere: Elsewhere;
  readonly #tls: ContextTls;
  readonly #routes: ClientRoutes;
  readonly #reception: Reception;
  readonly #descriptors: Descriptors = {
    connections: this.connections,
    filtering: (socketFd) => this.#reception.filtering(socketFd),
  };
  readonly #onAbort = () => void this.destroy();
  /** Every protocol had its `protocolInit`, in which one may destroy the context already. */
  #isSetUp = false;
  #lastFd = 0;
  #hostName: string | undefined;
  /** The descriptor of broadcast sockets and ports, once there are some and the program polls. */
  #elsewhereFd = 0;
  #dirty: Outbox[] = [];
  #departure: Departure | undefined;
  #resolveClosed!: () => void;

  constructor(info: CheckedInfo) {
    this.#info = info;
    this.limits = info.limits;
    this.fileOps = info.fileOps;
    this.mounts = info.mounts;
    this.compresses = info.compression;
    this.answersHttp = answersHttp(info.protocols[0]!.callback);
    this.extensions = info.extensions;
    this.options = info.options;
    this.keepAlive = info.keepAlive;
    this.proxyTrust = info.listen.proxyTrust;
    this.tokenLimits = info.tokenLimits;
    this.methods = info.methods;
    this.user = info.user;
    this.#polling = info.service === "automatic"
      ? undefined
      : new Polling(info.service === "external", info.clock, this);
    this.scheduler = this.#polling?.scheduler ?? new AutomaticScheduler();
    this.budget = this.#polling === undefined ? turnBudgetOf(info.clock) : UNLIMITED;
    this.wheel = new TimerWheel(this.#polling?.scheduler.clock ?? new PatientClock(info.clock));
    if (info.signal?.aborted) {
      throw new LwsError("aborted", "signal has aborted already", { cause: info.signal.reason });
    }
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    // What is open already is closed, the last one first, when a later step fails.
    const rollBack: (() => void)[] = [];
    try {
      const isClientOnly = info.listen.port === CONTEXT_PORT_NO_LISTEN;
      const source = isClientOnly ? info.listen.iface : undefined;
      const sockets = {
        disableIpv6: info.options.disableIpv6,
        keepAlive: info.keepAlive?.usesTcp ?? false,
      };
      if (source !== undefined) checkSource(source, sockets.disableIpv6);
      this.#listener = isClientOnly ? undefined : listenAs(info.network, info.listen, sockets);
      rollBack.push(() => this.#listener?.close());
      this.#elsewhere = this.#openElsewhere();
      rollBack.push(() => this.#elsewhere.close());
      this.#protocols = new Protocols(info.protocols, this, (i) => this.#elsewhere.socket(i));
      this.entries = this.#protocols.entries;
      this.protocols = this.#protocols.active;
      this.standIn = new Connection(this, LISTENER_FD, false);
      this.#tls = tlsOf(info, this.standIn, this.entries[0]!);
      // Behind all that may need root, and before the program's first callback of a protocol.
      giveUpRoot(info.identity);
      this.#routes = new ClientRoutes({
        tls: this.#tls,
        network: info.network,
        limits: info.limits,
        iface: source,
        ...sockets,
        proxy: info.proxy,
        proxyPort: info.proxyPort,
        // Who brings a network of its own is not in the one that the environment speaks of.
        usesEnvironment: info.network === tcpNetwork,
      });
      this.#reception = new Reception(this, {
        clock: info.clock,
        proxyProtocol: info.listen.proxyProtocol,
        allowedOrigins: info.allowedOrigins,
        halfOpenHttp: info.halfOpenHttp,
        tls: this.#tls,
        polling: this.#polling,
      });
      if (this.#listener !== undefined && !this.#reception.watch(this.#listener)) {
        throw new LwsError("listen-failed", "addPollFd can't watch the listener");
      }
    } catch (error) {
      for (const undo of rollBack.reverse()) undo();
      throw error;
    }
    this.#setUpProtocols();
    this.#elsewhere.open();
    this.#reception.open();
  }

  get port(): number {
    return this.#listener?.address.port ?? CONTEXT_PORT_NO_LISTEN;
  }

  clientConnect(info: ClientConnectInfo): Wsi {
    this.#mustLive("clientConnect");
    const target = checkClientInfo(info);
    const connection = new Connection(this, ++this.#lastFd, true);
    connection.user = info.userdata;
    const handshake = new ClientHandshake(connection, target, this.#routes);
    connection.phase = handshake;
    const { socketFd } = connection;
    this.connections.set(socketFd, connection);
    const polling = this.#polling;
    if (polling === undefined || polling.watch(socketFd, POLLOUT) !== undefined) handshake.start();
    else handshake.abandon("addPollFd can't watch the connection");
    return connection.wsi;
  }

  adopt(conn: StreamConn): Wsi | undefined {
    this.#mustLive("adopt");
    for (const method of ["read", "write", "closeWrite", "close"] as const) {
      if (typeof conn?.[method] === "function") continue;
      refuseArgument("adopt", "conn", conn, `a connection, with a method ${method}`);
    }
    return this.#reception.serve(transportOver(conn, this.keepAlive?.usesTcp))?.wsi;
  }

  get canonicalHostname(): string {
    return this.options.skipServerCanonicalName ? UNKNOWN_HOST : (this.#hostName ??= hostName());
  }

  peerAddresses(socketFd: number): PeerAddresses {
    checkFd("peerAddresses", socketFd);
    return peerAddressesOf(this.#descriptors, socketFd);
  }

  async resolvePeerAddresses(socketFd: number): Promise<PeerAddresses> {
    checkFd("resolvePeerAddresses", socketFd);
    return await resolvedPeer(this.#descriptors, socketFd, this.#info.network);
  }

  hangupOnClient(socketFd: number): number {
    checkFd("hangupOnClient", socketFd);
    this.connections.get(socketFd)?.hangup();
    return 0;
  }

  setCertificate(certificate: CertificateInfo, others: readonly CertificateInfo[] = []): void {
    this.#mustLive("setCertificate");
    this.#tls.setCertificate(certificate, others);
  }

  setProxy(proxy: string): number {
    this.#mustLive("setProxy");
    if (typeof proxy !== "string") refuseArgument("setProxy", "proxy", proxy, "a text");
    return this.#routes.setProxy(proxy);
  }

  callbackOnWritableAllProtocol(protocol: Protocol | string): number {
    this.#protocols.callbackOnWritable(protocol);
    return 0;
  }

  rxFlowAllowAllProtocol(protocol: Protocol | string): void {
    this.#protocols.rxFlowAllow(protocol);
  }

  callbackAllProtocol(protocol: Protocol | string, reason: Reason): number {
    this.#protocols.callback(protocol, reason);
    return 0;
  }

  broadcast(protocol: Protocol | string, data: Bytes | string): number {
    return this.#protocols.broadcast(protocol, data, this.isDestroyed);
  }

  openPort(): MessagePort {
    this.#mustLive("openPort");
    return this.#elsewhere.openPort();
  }

  destroy(options: DestroyOptions = {}): Promise<void> {
    const checked = checkDestroyOptions(options);
    if (this.isDestroyed) return this.closed;
    this.isDestroyed = true;
    this.#info.signal?.removeEventListener("abort", this.#onAbort);
    this.#reception.stop();
    this.#elsewhere.close();
    const polled = this.#polling?.scheduler;
    polled?.unwatch(this.#elsewhereFd);
    polled?.release();
    this.#departure = new Departure(this.wheel, [...this.connections.values()], checked);
    this.#endIfEmpty();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  // Service.

  service(timeoutMs: number): Promise<number> {
    return mustPoll(this.#polling, "service").service(timeoutMs);
  }

  cancelService(): void {
    mustPoll(this.#polling, "cancelService").scheduler.cancel();
  }

  serviceFd(pollFd: PollFd | null): number {
    return mustPoll(this.#polling, "serviceFd").serviceFd(pollFd);
  }

  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    return mustPoll(this.#polling, "poll").poll(pollFds, timeoutMs);
  }

  pollNow(pollFds: readonly PollFd[]): number {
    return mustPoll(this.#polling, "pollNow").pollNow(pollFds);
  }

  callFirst<R extends keyof ReasonData>(fd: number, reason: R, data: ReasonData[R]): number {
    const wsi = this.connections.get(fd) ?? this.standIn;
    return call(wsi, this.entries[0]!, reason, data, undefined);
  }

  cutFd(fd: number): void {
    this.connections.get(fd)?.cut("callback");
  }

  // What connections need.

  newFd(): number {
    return ++this.#lastFd;
  }

  protocolNamed(name: string): ProtocolEntry | undefined {
    return this.#protocols.named(name);
  }

  flushLater(outbox: Outbox): void {
    // Before the call returns, as nothing happens between calls there.
    if (this.#polling !== undefined) outbox.flush();
    else if (this.#dirty.push(outbox) === 1) queueMicrotask(() => this.#flushDirty());
  }

  gated(socketFd: number, transport: Transport): Transport {
    return this.#polling?.gate(socketFd, transport) ?? transport;
  }

  unwatch(socketFd: number): void {
    this.#polling?.scheduler.unwatch(socketFd);
  }

  forget(connection: Member): void {
    if (isLogged("debug")) log("debug", `connection ${connection.socketFd}: gone`);
    this.connections.delete(connection.socketFd);
    this.#reception.forget(connection);
    if (this.isDestroyed) this.#endIfEmpty();
  }

  #flushDirty(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  }

  // The steps of its making.

  /** Tells protocols and extensions that there is a context. */
  #setUpProtocols(): void {
    this.#info.signal?.addEventListener("abort", this.#onAbort, { once: true });
    for (const entry of this.entries) {
      call(this.standIn, entry, "protocolInit", undefined, undefined);
    }
    for (const extension of this.extensions) {
      attempt("contextConstruct", () => extension.contextConstruct?.(this));
    }
    this.#isSetUp = true;
    if (this.isDestroyed) this.#endIfEmpty();
  }

  // What comes from other workers and processes.

  #openElsewhere(): Elsewhere {
    const { broadcastSockets, protocols, network, clock } = this.#info;
    const elsewhere = new Elsewhere({
      limits: this.limits,
      wheel: this.wheel,
      deliver: (work) => this.#deliver(work),
      broadcast: (protocol, data) => this.broadcast(protocol, data),
      callbackOnWritableAllProtocol: (name) => this.callbackOnWritableAllProtocol(name),
      cancelService: () => this.#polling?.scheduler.cancel(),
      destroy: () => this.destroy(),
    });
    if (broadcastSockets) elsewhere.listen(protocols.map(({ name }) => name), network, clock);
    return elsewhere;
  }

  /** Does what a message from elsewhere asks for, in service if the program wants that. */
  #deliver(work: () => void): void {
    if (this.#polling === undefined) return work();
    if (this.#elsewhereFd === 0) {
      this.#elsewhereFd = ++this.#lastFd;
      if (this.#polling.watch(this.#elsewhereFd) === undefined) {
        log("err", "addPollFd can't watch for broadcasts, which are delivered at once therefore");
      }
    }
    this.scheduler.arrived({ socketFd: this.#elsewhereFd, service: work }, POLLIN);
  }

  // The end.

  #endIfEmpty(): void {
    if (this.connections.size > 0 || !this.#isSetUp) return;
    for (const extension of this.extensions) {
      attempt("contextDestruct", () => extension.contextDestruct?.(this));
    }
    for (const entry of this.entries) {
      call(this.standIn, entry, "protocolDestroy", undefined, undefined);
    }
    for (const extension of this.extensions) attempt("close", () => extension.close());
    this.#departure?.stop();
    this.wheel.stop();
    this.budget.rest();
    this.scheduler.stop();
    this.#resolveClosed();
  }

  #mustLive(call: string): void {
    if (this.isDestroyed) throw new LwsError("destroyed", `${call}: the context is destroyed`);
  }
}
