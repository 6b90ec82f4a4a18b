/** The whole of a context: one listener, any number of clients, and all the connections they make. */

import type { Context, DestroyOptions } from "../api/context.ts";
import { type CheckedOptions, CONTEXT_PORT_NO_LISTEN } from "../api/creation_info.ts";
import type { Extension } from "../api/extension.ts";
import type { FileOps } from "../api/file_ops.ts";
import type { FetchHandler } from "../api/http/fetch.ts";
import type { Limits } from "../api/limits.ts";
import type { Listener, Network, Transport } from "../api/network.ts";
import type { ReasonData } from "../api/reasons.ts";
import type { Stats } from "../api/stats/stats.ts";
import { POLLOUT } from "../api/service.ts";
import { LwsError } from "../base/errors.ts";
import { isLogged, limitBy, line, log, thrown } from "../base/log.ts";
import { call } from "../connection/callbacks.ts";
import { ClientHandshake } from "../connection/client/handshake.ts";
import type { ClientTarget } from "../connection/client/route.ts";
import { Connection } from "../connection/connection.ts";
import type { CheckedTokenLimits } from "../connection/http/header_reader.ts";
import { KeepAlive } from "../connection/keep_alive.ts";
import { BufferedBytes } from "../connection/limits/buffered_bytes.ts";
import { RoomLine } from "../connection/limits/room_line.ts";
import { HandshakeRates } from "../connection/limits/handshake_rates.ts";
import { type Metering, meteringOf } from "../connection/limits/session_meter.ts";
import { Overload } from "../connection/limits/overload.ts";
import { PendingHandshakes } from "../connection/limits/pending_handshakes.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { ConnectionOwner, Member, ProtocolEntry } from "../connection/owner.ts";
import type { Framed } from "../connection/prepared_message.ts";
import { CONNECTIONS, traceStep } from "../connection/tracing/channels.ts";
import { WebSocketSession } from "../connection/websocket_session.ts";
import { ContextCounters } from "../connection/stats/counters.ts";
import { Admission } from "./admission.ts";
import { Clients } from "./clients/clients.ts";
import { Connector } from "./connector.ts";
import type { CheckedInfo } from "./creation_options.ts";
import { digests } from "./digests.ts";
import { Descriptors, LISTENER_FD } from "./descriptors.ts";
import { answersHttp, filtersHttp } from "./protocol/method_table.ts";
import { checkSource, listenAs } from "./listen.ts";
import { hasProtocols } from "./options/protocols.ts";
import { giveUpRoot } from "./privileges.ts";
import { Protocols } from "./protocols.ts";
import { Shutdown } from "./shutdown.ts";
import { statsOf } from "./stats/stats.ts";
import { tlsOf } from "./tls_callbacks.ts";
import { PresenceFace } from "./topics/presence.ts";
import { topicsOf } from "./topics/topics.ts";
import type { Methods } from "../core/http/methods.ts";
import type { Draft04Masking, WireVersion } from "../core/websocket/wire_version.ts";
import { attempt } from "../extensions/pipeline.ts";
import { Compression } from "../files/compression.ts";
import type { CheckedMount } from "../files/mounts.ts";
import { OpenFiles } from "../files/open_files.ts";
import { mostOpenFiles } from "./options/descriptor_shares.ts";
import type { ProxyTrust } from "../proxy/forwarded_for.ts";
import { BroadcastInbox } from "../remote/broadcast_inbox.ts";
import { PatientClock } from "../service/patient_clock.ts";
import { LoopLag } from "../service/loop_lag.ts";
import { type PollCallbacks, Polling } from "../service/polling.ts";
import { AutomaticScheduler, type Scheduler } from "../service/scheduler.ts";
import { TimerWheel } from "../service/timer_wheel.ts";
import { type TurnBudget, turnBudgetOf, UNLIMITED } from "../service/turn_budget.ts";
import type { ContextTls } from "../tls/context_tls.ts";
import type { TopicCalls } from "../topics/topics.ts";
import { hostName, UNKNOWN_HOST } from "../transport/machine.ts";

/** Undoes the steps of a creation that fails, the last one first. */
type RollBack = (() => void)[];

/** Programs have its `face`, connections know it as their owner. */
export class ServingContext implements ConnectionOwner, PollCallbacks {
  readonly face: Context;
  readonly limits: Limits;
  readonly fileOps: FileOps;
  readonly openFiles: OpenFiles;
  readonly mounts: readonly CheckedMount[];
  readonly compresses: boolean;
  readonly compression = new Compression();
  readonly answersHttp: boolean;
  readonly filtersHttp: boolean;
  readonly fetch: FetchHandler | undefined;
  readonly hasProtocols: boolean;
  readonly extensions: readonly Extension[];
  readonly options: CheckedOptions;
  readonly keepAlive: KeepAlive | undefined;
  readonly metering: Metering | undefined;
  readonly buffered: BufferedBytes;
  readonly roomLine: RoomLine;
  readonly handshakeRates: HandshakeRates | undefined;
  readonly pendingHandshakes: PendingHandshakes;
  readonly overload: Overload | undefined;
  /** Whether TCP keep-alive is on for what the program brings along. */
  readonly hasTcpKeepAlive: boolean;
  readonly proxyTrust: ProxyTrust | undefined;
  readonly tokenLimits: CheckedTokenLimits;
  readonly methods: Methods;
  readonly versions: readonly WireVersion[];
  readonly draft04Masking: Draft04Masking;
  readonly subprotocolsAreOptional: boolean;
  readonly digests = digests;
  /** Only set for programs that were made before there were names. */
  repeatsNames = false;
  readonly user: unknown;
  readonly network: Network;
  readonly descriptors: Descriptors;
  readonly hasDescriptors: boolean;
  readonly wheel: TimerWheel;
  readonly budget: TurnBudget;
  readonly scheduler: Scheduler;
  /** Unless the context serves by itself. */
  readonly polling: Polling | undefined;
  readonly listener: Listener | undefined;
  readonly inbox: BroadcastInbox;
  readonly counters = new ContextCounters();
  readonly topics: TopicCalls<Framed>;
  readonly presence: PresenceFace;
  readonly clients = new Clients(this);
  readonly protocols: Protocols;
  readonly entries: readonly ProtocolEntry[];
  readonly tls: ContextTls;
  readonly connector: Connector;
  readonly admission: Admission;
  readonly closed: Promise<void>;
  isDestroyed = false;

  readonly #info: CheckedInfo;
  /** For what belongs to no connection. */
  readonly #standIn: Connection;
  readonly #onAbort = () => void this.face.destroy();
  /** Every protocol had its `protocolInit`, in which one may destroy the context already. */
  #isSetUp = false;
  /** All has been told that it ends. */
  #isOver = false;
  readonly #loopLag: LoopLag;
  #hostName: string | undefined;
  #dirty: Outbox[] = [];
  #shutdown: Shutdown | undefined;
  readonly #unlimit: () => void;
  #resolveClosed!: (released?: Promise<void>) => void;

  /** @param faceOf makes what programs get */
  constructor(info: CheckedInfo, faceOf: (context: ServingContext) => Context) {
    this.#info = info;
    this.face = faceOf(this);
    this.limits = info.limits;
    this.fileOps = info.fileOps;
    this.openFiles = new OpenFiles(mostOpenFiles(info.limits.maxConnections));
    this.mounts = info.mounts;
    this.compresses = info.compression;
    this.fetch = info.fetch;
    this.hasProtocols = hasProtocols(info.protocols);
    this.answersHttp = info.fetch !== undefined || answersHttp(info.protocols[0]!.callback) ||
      info.protocols.some((each) => each.fetch !== undefined);
    this.filtersHttp = filtersHttp(info.protocols[0]!.callback);
    this.extensions = info.extensions;
    this.options = info.options;
    this.metering = meteringOf(info.limits, info.rateExcess);
    const { maxHandshakesPerSecond, maxPendingHandshakes } = info.limits;
    this.handshakeRates = maxHandshakesPerSecond === Infinity
      ? undefined
      : new HandshakeRates(maxHandshakesPerSecond);
    this.pendingHandshakes = new PendingHandshakes(maxPendingHandshakes, this.counters);
    this.hasTcpKeepAlive = info.tcpKeepAlive !== false;
    this.proxyTrust = info.listen.proxyTrust;
    this.tokenLimits = info.tokenLimits;
    this.methods = info.methods;
    this.versions = info.versions;
    this.draft04Masking = info.draft04Masking;
    this.subprotocolsAreOptional = info.subprotocols === "optional";
    this.user = info.user;
    this.hasDescriptors = info.network.polled !== undefined;
    this.descriptors = new Descriptors(this.hasDescriptors);
    this.polling = info.service === "automatic"
      ? undefined
      : new Polling(info.service === "external", info.clock, info.network, this);
    this.network = this.polling?.network ?? info.network;
    const served = { ...info, network: this.network };
    this.scheduler = this.polling?.scheduler ?? new AutomaticScheduler();
    this.budget = this.polling === undefined ? turnBudgetOf(info.clock, info.network) : UNLIMITED;
    this.wheel = new TimerWheel(this.polling?.scheduler.clock ?? new PatientClock(info.clock));
    this.buffered = new BufferedBytes({
      wheel: this.wheel,
      counters: this.counters,
      limits: info.limits,
      holders: () => this.descriptors.connections.values(),
    });
    this.roomLine = new RoomLine(this);
    this.#loopLag = new LoopLag(
      this.polling?.scheduler.clock ?? info.clock,
      () => this.overload?.look(),
    );
    const { maxLoopLagMs } = info.limits;
    this.overload = maxLoopLagMs === Infinity
      ? undefined
      : new Overload(this.#loopLag, maxLoopLagMs);
    this.keepAlive = info.keepAlive && new KeepAlive(info.keepAlive, this.wheel, (socketFd) => {
      const phase = this.descriptors.connections.get(socketFd)?.phase;
      return phase instanceof WebSocketSession ? phase : undefined;
    });
    if (info.signal?.aborted) {
      throw new LwsError("aborted", "signal has aborted already", { cause: info.signal.reason });
    }
    this.topics = topicsOf(info, {
      wheel: this.wheel,
      onLimit: (limit) => this.counters.hit(`topics.${limit}`),
      onBrokerLimit: (name) => this.counters.hit(`broker.${name}`),
      serve: this.polling && ((work) => this.inbox.deliver(work)),
      tellState: (isUp) => {
        this.callFirst(LISTENER_FD, isUp ? "brokerUp" : "brokerDown", undefined);
      },
    });
    this.presence = new PresenceFace(this.topics);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#unlimit = limitBy(info.clock);
    this.budget.enter();
    const rollBack: RollBack = [
      this.#unlimit,
      () => this.budget.leave(),
      () => this.polling?.network?.release(),
    ];
    try {
      this.listener = this.#listen(rollBack);
      this.inbox = this.#openInbox(rollBack);
      this.protocols = new Protocols(info.protocols, this.face, (i) => this.inbox.socket(i));
      this.entries = this.protocols.entries;
      this.#standIn = new Connection(this, LISTENER_FD, false);
      this.tls = tlsOf(info, this.#standIn, this.entries[0]!);
      rollBack.push(() => this.tls.close());
      // Behind all that may need root, and before the program's first callback of a protocol.
      giveUpRoot(info.identity);
      this.connector = new Connector(served, this.tls);
      this.admission = new Admission(this, served, {
        descriptors: this.descriptors,
        standIn: this.#standIn,
        tls: this.tls,
        polling: this.polling,
      });
      if (this.listener !== undefined && !this.admission.watch(this.listener)) {
        throw new LwsError("listen-failed", "addPollFd can't watch the listener");
      }
    } catch (error) {
      for (const undo of rollBack.reverse()) {
        try {
          undo();
        } catch (failure) {
          // The first one is what the program has to know.
          log("err", () => line`a context that could not be made: ${thrown(failure)}`);
        }
      }
      throw error;
    }
    this.#setUpProtocols();
    this.inbox.open();
    this.overload?.look();
    this.admission.open();
  }

  get canonicalHostname(): string {
    return this.options.skipServerCanonicalName ? UNKNOWN_HOST : (this.#hostName ??= hostName());
  }

  /** What of the context goes on only while the runtime does, if there is such. */
  get runtimeIsNeededFor(): string | undefined {
    return this.tls.runtimeIsNeededFor(this.connector.usesTls) ??
      (this.#info.listen.proxyProtocol ? "the PROXY protocol" : undefined);
  }

  stats(): Stats {
    const { counters, entries, descriptors, wheel: { size: timers }, buffered } = this;
    const connections = descriptors.connections.values();
    return statsOf({
      counters,
      entries,
      connections,
      timers,
      buffered: buffered.bytes,
      requestsWaiting: this.roomLine.requests,
      loopLagMs: this.#loopLag.ms,
    });
  }

  /** Begins a client's connection; what becomes of it is told later. */
  connect(target: ClientTarget, user: unknown, userOf?: ProtocolEntry): Connection {
    const connection = new Connection(this, this.descriptors.next(), true);
    connection.user = user;
    const handshake = new ClientHandshake(connection, target, this.connector, userOf);
    connection.phase = handshake;
    const { socketFd } = connection;
    this.descriptors.connections.set(socketFd, connection);
    if (CONNECTIONS.hasSubscribers) traceStep(connection, "connecting");
    if (this.#watches(socketFd)) handshake.start();
    else handshake.abandon("addPollFd can't watch the connection");
    return connection;
  }

  /** Has a client's descriptor watched, where the program does so. */
  #watches(socketFd: number): boolean {
    const { polling } = this;
    return polling === undefined || polling.watch(socketFd, POLLOUT) !== undefined;
  }

  /** Stops listening, and closes every connection as the options say. */
  destroy(options: Required<DestroyOptions>): Promise<void> {
    if (this.isDestroyed) return this.closed;
    this.isDestroyed = true;
    this.#info.signal?.removeEventListener("abort", this.#onAbort);
    this.admission.stop();
    this.#loopLag.stop();
    this.clients.stop();
    this.inbox.close();
    this.polling?.scheduler.release();
    this.#shutdown = new Shutdown(this.wheel, [...this.descriptors.connections.values()], options);
    this.#endIfEmpty();
    return this.closed;
  }

  // What connections need.

  protocolNamed(name: string): ProtocolEntry | undefined {
    return this.protocols.named(name);
  }

  protocolForClient(name: string): ProtocolEntry | undefined {
    return this.protocols.forClient(name);
  }

  flushLater(outbox: Outbox): void {
    // Before the call returns, as nothing happens between calls there.
    if (this.polling !== undefined) outbox.flush();
    else if (this.#dirty.push(outbox) === 1) queueMicrotask(() => this.#flushDirty());
  }

  opened(connection: Member, fd: number | undefined): void {
    if (!this.hasDescriptors || fd === undefined) return;
    connection.descriptor = fd;
    this.descriptors.open(connection.socketFd, fd);
    this.polling?.open(connection.socketFd, fd);
  }

  reopen(connection: Member): boolean {
    const { socketFd, descriptor } = connection;
    this.descriptors.release(socketFd, descriptor);
    if (this.hasDescriptors) connection.descriptor = -1;
    this.unwatch(socketFd);
    return this.#watches(socketFd);
  }

  polled(socketFd: number, transport: Transport): Transport {
    return this.polling?.polled(socketFd, transport) ?? transport;
  }

  unwatch(socketFd: number): void {
    this.polling?.scheduler.unwatch(socketFd);
  }

  forget(connection: Member): void {
    if (isLogged("debug")) log("debug", line`connection ${connection.socketFd}: gone`);
    this.descriptors.close(connection.socketFd, connection.descriptor);
    this.admission.forget(connection);
    if (this.isDestroyed) this.#endIfEmpty();
  }

  #flushDirty(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  }

  // What polling needs.

  callFirst<R extends keyof ReasonData>(id: number, reason: R, data: ReasonData[R]): number {
    const wsi = this.descriptors.connections.get(id) ?? this.#standIn;
    return call(wsi, this.entries[0]!, reason, data, undefined);
  }

  abort(id: number): void {
    this.descriptors.connections.get(id)?.abort("callback");
  }

  // The steps of its making.

  #listen(rollBack: RollBack): Listener | undefined {
    const { listen, options: { disableIpv6 }, tcpKeepAlive } = this.#info;
    if (listen.port === CONTEXT_PORT_NO_LISTEN) {
      if (listen.iface !== undefined) checkSource(listen.iface, disableIpv6);
      return undefined;
    }
    const listener = listenAs(this.network, listen, { disableIpv6, keepAlive: tcpKeepAlive });
    rollBack.push(() => listener.close());
    return listener;
  }

  #openInbox(rollBack: RollBack): BroadcastInbox {
    const { broadcastSockets, protocols, network, clock } = this.#info;
    const inbox = new BroadcastInbox(this.face, this.wheel, {
      polling: this.polling,
      newFd: () => this.descriptors.next(),
    });
    rollBack.push(() => inbox.close());
    if (broadcastSockets) inbox.listen(protocols.map(({ name }) => name), network, clock);
    return inbox;
  }

  /** Tells protocols and extensions that there is a context. */
  #setUpProtocols(): void {
    this.#info.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.protocols.callEach("protocolInit", this.#standIn);
    for (const extension of this.extensions) {
      attempt("contextConstruct", () => extension.contextConstruct?.(this.face));
    }
    this.#isSetUp = true;
    if (this.isDestroyed) this.#endIfEmpty();
  }

  // The end.

  #endIfEmpty(): void {
    if (this.#isOver || this.descriptors.connections.size > 0 || !this.#isSetUp) return;
    // The last connection may end, and ask again, within the call that ends them.
    this.#isOver = true;
    for (const extension of this.extensions) {
      attempt("contextDestruct", () => extension.contextDestruct?.(this.face));
    }
    this.protocols.callEach("protocolDestroy", this.#standIn);
    for (const extension of this.extensions) attempt("close", () => extension.close());
    this.#shutdown?.stop();
    const closing = this.topics.close();
    if (closing === undefined) this.wheel.stop();
    this.scheduler.stop();
    this.#resolveClosed(this.#released(closing));
  }

  /** The port is free then: the runtime keeps a listener's socket for as long as an accept is under way. */
  async #released(closing: Promise<void> | undefined): Promise<void> {
    try {
      // A broker is waited for by the wheel, and not for good.
      await closing;
      this.wheel.stop();
      await this.admission.stopped;
      await this.network.released?.();
    } finally {
      this.tls.close();
      this.budget.leave();
      this.#unlimit();
    }
  }
}
