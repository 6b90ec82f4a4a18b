/** How a context takes in the connections of a listener. */

import type { Listener, PolledListener, Transport } from "../api/network.ts";
import type { TlsInfo } from "../api/tls.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../api/service.ts";
import { nameOf } from "../base/log/callback_names.ts";
import { noteClosing, whenSettled } from "../base/callback_results.ts";
import { isLogged, line, log } from "../base/log.ts";
import { askAwaited, call, judges, makeUser } from "../connection/callbacks.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionOwner, Member } from "../connection/owner.ts";
import { CONNECTIONS, traceStep } from "../connection/tracing/channels.ts";
import { HttpSession } from "../connection/http/server.ts";
import type { CheckedInfo } from "./creation_options.ts";
import { type Descriptors, LISTENER_FD } from "./descriptors.ts";
import { ProxyHeaders } from "./proxy_headers.ts";
import type { Polling } from "../service/polling.ts";
import { isOfNetwork } from "../service/turn_budget.ts";
import type { Slot } from "../service/poll_slot.ts";
import { WheelTimer } from "../service/timer_wheel.ts";
import type { ContextTls } from "../tls/context_tls.ts";
import { Acceptor, type AcceptorHost, PolledAcceptor } from "../transport/acceptor.ts";
import { networkOf } from "../proxy/ip_address.ts";
import { PeekedTransport } from "../transport/first_bytes.ts";

/** What else an admission needs of its context, which gives it. */
export interface AdmissionParts {
  readonly descriptors: Descriptors;
  /** For what belongs to no connection. */
  readonly standIn: Connection;
  readonly tls: ContextTls;
  /** Unless the context serves by itself. */
  readonly polling: Polling | undefined;
}

/** What is known of a connection that another server hands over, with the request that it has read of it. */
export interface HandedOver {
  /** What its handshake told; undefined where there was none. */
  readonly tls: TlsInfo | undefined;
}

/** Below so much of `maxConnections` the log tells again when it is reached. */
const QUIET_SHARE = 0.9;

/** Accepts, asks the filters, counts, and makes connections. */
export class Admission implements AcceptorHost {
  readonly #owner: ConnectionOwner;
  readonly #info: CheckedInfo;
  readonly #parts: AdmissionParts;
  readonly #proxyHeaders: ProxyHeaders;
  readonly #perAddress = new Map<string, number>();
  /** Accepted, and waiting for the program to call for service. */
  readonly #unserved = new Set<Transport>();
  #acceptor: Acceptor | PolledAcceptor | undefined;
  /** Resolves when the listener has let go of its socket, once {@linkcode stop} was called. */
  stopped: Promise<void> | undefined;
  #slot: Slot | undefined;
  /** Whether the log has it that all places are taken. */
  #isToldFull = false;
  /** Drops those whose filter is awaited, by descriptor. */
  readonly #awaiting = new Map<number, () => void>();

  constructor(owner: ConnectionOwner, info: CheckedInfo, parts: AdmissionParts) {
    this.#owner = owner;
    this.#info = info;
    this.#parts = parts;
    this.#proxyHeaders = new ProxyHeaders(owner);
  }

  /** Takes a listener, from which {@linkcode open} accepts; false when the program can't watch it. */
  watch(listener: Listener): boolean {
    const { polling } = this.#parts;
    // Where descriptors are real, what happens to this one is told in service already.
    const isTold = polling === undefined || polling.network !== undefined;
    if (isTold && "take" in listener) {
      const clock = polling?.scheduler.clock ?? this.#info.clock;
      this.#acceptor = new PolledAcceptor(listener as PolledListener, this, clock, "listener");
    } else this.#acceptor = new Acceptor(listener, this, this.#info.clock, "listener");
    polling?.open(LISTENER_FD, listener.fd, POLLIN);
    this.#slot = polling?.watch(LISTENER_FD);
    return polling === undefined || this.#slot !== undefined;
  }

  /** Accepts from now on. */
  open(): void {
    this.stopped = this.#acceptor?.run();
  }

  /** Stops listening, and closes the connections that are not served yet. */
  stop(): void {
    this.#acceptor?.stop();
    this.#proxyHeaders.stop();
    for (const transport of this.#unserved) transport.close();
    this.#unserved.clear();
    for (const drop of [...this.#awaiting.values()]) drop();
    this.#parts.polling?.scheduler.unwatch(LISTENER_FD);
  }

  get hasRoom(): boolean {
    // While one waits to be served, the next one waits in the backlog.
    return this.#unserved.size === 0 && this.#size < this.#owner.limits.maxConnections;
  }

  /** Whether one that is accepted already has a place. */
  get hasPlace(): boolean {
    return this.#size + this.#unserved.size < this.#owner.limits.maxConnections;
  }

  /** All that have a place, but for those that are not served yet. */
  get #size(): number {
    return this.#parts.descriptors.connections.size + this.#proxyHeaders.size + this.#awaiting.size;
  }

  accepted(transport: Transport): void {
    this.#take(transport);
    const { counters, limits: { maxConnections } } = this.#owner;
    if (this.hasPlace) return;
    counters.hit("maxConnections");
    if (!this.#isToldFull) {
      log("warn", line`maxConnections (${maxConnections}) reached: others wait`);
    }
    this.#isToldFull = true;
  }

  acceptFailed(): void {
    this.#owner.counters.turnAway("accept");
  }

  #take(transport: Transport): void {
    if (!this.#info.listen.proxyProtocol) {
      if (!(this.#acceptor instanceof PolledAcceptor)) return this.#admit(transport);
      this.serve(transport);
      return;
    }
    void this.#proxyHeaders.read(transport).then((proxied) => {
      if (proxied !== undefined) this.#admit(proxied);
      else this.#left();
    });
  }

  /** Serves a connection, in service if the program wants that. */
  #admit(transport: Transport): void {
    if (this.#parts.polling === undefined) {
      this.serve(transport);
      return this.#left();
    }
    this.#unserved.add(transport);
    const service = () => {
      this.#unserved.delete(transport);
      this.serve(transport);
      this.#slot?.setReading(this.hasRoom);
      this.#left();
    };
    // It may be the last one that there is room for, whose header has come now.
    this.#slot?.setReading(true);
    this.#owner.scheduler.arrived({ socketFd: LISTENER_FD, service }, POLLIN);
  }

  /** There is room for one more, unless others wait already. */
  #left(): void {
    if (!this.hasRoom) return;
    this.#acceptor?.resume();
    this.#slot?.setReading(true);
  }

  /** Whether it matters whose connections they are; a transport makes the name of an address when it is asked. */
  get #counts(): boolean {
    return this.#owner.limits.maxConnectionsPerAddress !== Infinity;
  }

  /** A connection is gone. */
  forget(connection: Member): void {
    const isCounted = this.#counts && !connection.isClient;
    if (isCounted) this.#count(connection.peer?.socketAddress ?? "", -1);
    if (this.#size < this.#owner.limits.maxConnections * QUIET_SHARE) this.#isToldFull = false;
    this.#left();
  }

  /** The way of an accepted connection up to its first read (reasons as in the C library). */
  serve(transport: Transport, handed?: HandedOver): Connection | undefined {
    const owner = this.#owner;
    const { descriptors, standIn } = this.#parts;
    if (owner.isDestroyed) {
      transport.close();
      return undefined;
    }
    const first = owner.entries[0]!;
    const fd = descriptors.next();
    const known = owner.hasDescriptors ? transport.fd ?? -1 : fd;
    this.#parts.polling?.open(fd, transport.fd);
    descriptors.open(fd, known);
    if (this.#counts && this.#isFull(transport.remoteAddress.hostname)) {
      this.#drop(fd, transport);
      return undefined;
    }
    descriptors.asks(fd, transport);
    const verdict = askAwaited(standIn, first, "filterNetworkConnection", known, undefined);
    descriptors.hasAsked();
    if (typeof verdict === "number") return this.#judged(fd, transport, verdict, handed);
    this.#await(fd, transport, verdict, handed);
    return undefined;
  }

  /** Waits for the filter, and sees whether the peer goes; there is no HTTP yet to answer it with. */
  #await(
    fd: number,
    transport: Transport,
    promised: PromiseLike<unknown>,
    handed: HandedOver | undefined,
  ): void {
    const { wheel, limits: { headerTimeoutMs, maxHeaderBytes }, scheduler, entries } = this.#owner;
    const { descriptors, polling } = this.#parts;
    const { hostname } = transport.remoteAddress;
    const reason = "filterNetworkConnection";
    const peeked = new PeekedTransport(
      transport,
      (bytes) => bytes.length >= maxHeaderBytes || undefined,
    );
    let isSettled = false;
    const judge = (result: number) => {
      if (!this.#awaiting.has(fd)) return;
      end();
      this.#judged(fd, peeked, result, handed, true);
      this.#left();
    };
    whenSettled(
      promised,
      `${entries[0]!.protocol.name}: ${nameOf(entries[0]!.protocol, reason)}`,
      (result) => {
        isSettled = true;
        scheduler.arrived({ socketFd: fd, service: () => judge(result) }, POLLOUT);
      },
    );
    if (polling !== undefined && polling.watch(fd, 0) === undefined) return this.#drop(fd, peeked);
    const timer = new WheelTimer({
      onTimeout: () => {
        if (isSettled) return;
        this.#owner.counters.hit("headerTimeoutMs");
        log("warn", line`connection ${fd}: ${reason} did not settle within ${headerTimeoutMs} ms`);
        drop();
      },
    });
    const end = () => {
      this.#awaiting.delete(fd);
      descriptors.filtering.delete(fd);
      wheel.cancel(timer);
      this.#count(hostname, -1);
    };
    const drop = () => {
      if (!this.#awaiting.has(fd)) return;
      end();
      this.#drop(fd, peeked);
      this.#left();
    };
    this.#awaiting.set(fd, drop);
    descriptors.filtering.set(fd, transport);
    this.#count(hostname, 1);
    wheel.arm(timer, headerTimeoutMs);
    void peeked.found.then((found) => {
      // Later its end is the connection's to tell, in whose place this would be told.
      const isAwaited = this.#awaiting.has(fd);
      if (!found && isAwaited) scheduler.arrived({ socketFd: fd, service: drop }, POLLHUP);
    });
  }

  /** Closes one that becomes no connection. */
  #drop(fd: number, transport: Transport): void {
    const { descriptors, polling } = this.#parts;
    descriptors.close(fd, transport.fd ?? -1);
    transport.close();
    polling?.scheduler.unwatch(fd);
  }

  /** @param isWatched whether the program knows the descriptor already */
  #judged(
    fd: number,
    transport: Transport,
    verdict: number,
    handed: HandedOver | undefined,
    isWatched = false,
  ): Connection | undefined {
    const owner = this.#owner;
    const { allowedOrigins, halfOpenHttp } = this.#info;
    const { descriptors, tls, polling } = this.#parts;
    const first = owner.entries[0]!;
    if (verdict === 0) owner.pendingHandshakes.makeRoom();
    const connection = new Connection(owner, fd, false);
    if (verdict !== 0) noteClosing(fd, "filterNetworkConnection", verdict);
    const hasUser = verdict === 0 && !owner.isDestroyed && makeUser(connection, first);
    if (!hasUser) {
      if (!owner.isDestroyed) owner.counters.turnAway(verdict === 0 ? "fault" : "filter");
      this.#drop(fd, transport);
      return undefined;
    }
    owner.opened(connection, transport.fd);
    descriptors.connections.set(fd, connection);
    owner.pendingHandshakes.add(connection);
    owner.counters.accepted++;
    if (this.#counts) this.#count(transport.remoteAddress.hostname, 1);
    connection.enter(first);
    connection.phase = new HttpSession(connection, { allowedOrigins, halfOpenHttp });
    if (isLogged("debug")) {
      log("debug", line`connection ${fd}: from ${transport.remoteAddress.hostname}`);
    }
    if (CONNECTIONS.hasSubscribers) traceStep(connection, "accepted");
    if (handed?.tls !== undefined) isSecured(connection, handed.tls);
    const speaksTls = tls.isServer && handed === undefined;
    connection.attach(speaksTls ? this.#secure(connection, transport) : transport);
    call(connection, first, "wsiCreate", undefined);
    call(connection, first, "serverNewClientInstantiated", undefined);
    const mustWatch = polling !== undefined && !isWatched;
    if (mustWatch && polling.watch(fd) === undefined) connection.abort("callback");
    return connection;
  }

  #secure(connection: Connection, transport: Transport): Transport {
    const owner = this.#owner;
    const { scheduler, entries } = owner;
    const { socketFd } = connection;
    return this.#parts.tls.accept(transport, {
      // The runtime's own loop lets others come between handshakes by itself.
      budget: isOfNetwork(owner.budget) ? owner.budget : undefined,
      deliver: (service) => scheduler.arrived({ socketFd, service }, POLLIN),
      verify(info, trial) {
        return connection.isOpen && judges(connection, entries[0]!, info, trial);
      },
      failed(why) {
        // Where it isn't, this is what came of its end.
        if (connection.isOpen) owner.counters.turnAway("tls");
        log("info", () => line`connection ${socketFd}: ${why}`);
      },
      secured(info) {
        isSecured(connection, info);
        owner.pendingHandshakes.begins(connection);
      },
    });
  }

  #isFull(address: string): boolean {
    const count = this.#perAddress.get(networkOf(address)) ?? 0;
    if (count < this.#owner.limits.maxConnectionsPerAddress) return false;
    this.#owner.counters.hit("maxConnectionsPerAddress");
    this.#owner.counters.turnAway("maxConnectionsPerAddress");
    log("info", () => line`${address} has maxConnectionsPerAddress (${count}) already`);
    return true;
  }

  #count(address: string, change: 1 | -1): void {
    // A peer on a unix socket has none.
    if (this.#owner.limits.maxConnectionsPerAddress === Infinity || address === "") return;
    const network = networkOf(address);
    const count = (this.#perAddress.get(network) ?? 0) + change;
    if (count > 0) this.#perAddress.set(network, count);
    else this.#perAddress.delete(network);
  }
}

function isSecured(connection: Connection, info: TlsInfo): void {
  connection.tls = info;
  connection.isSsl = info.isSsl;
}
