/** How a context takes in the connections of a listener. */

import type { Address, Listener, Transport } from "../api/network.ts";
import { type Clock, POLLHUP, POLLIN, POLLOUT } from "../api/service.ts";
import { noteClosing, whenSettled } from "../base/callback_results.ts";
import { isLogged, log } from "../base/log.ts";
import { ask, call, judges, makeUser } from "../connection/callbacks.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionOwner, Member } from "../connection/owner.ts";
import { HttpSession } from "../connection/http/server.ts";
import { readProxyHeader } from "../proxy/proxy_protocol.ts";
import type { Polling } from "../service/poll_announcements.ts";
import type { PollSlot } from "../service/poll_slot.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";
import type { ContextTls } from "../tls/context_tls.ts";
import { Acceptor, type AcceptorHost } from "../transport/acceptor.ts";
import { PeekedTransport } from "../transport/first_bytes.ts";

/** The descriptor of the listener, and of what belongs to no connection. */
export const LISTENER_FD = 0;

/** What a reception needs of its context. */
export interface ReceptionHost extends ConnectionOwner {
  /** The connections there are, by descriptor. */
  readonly connections: Map<number, Connection>;
  /** For what belongs to no connection. */
  readonly standIn: Connection;
  /** A descriptor that no connection had. */
  newFd(): number;
}

/** How connections are taken in. */
export interface ReceptionSettings {
  readonly clock: Clock;
  readonly proxyProtocol: boolean;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly halfOpenHttp: boolean;
  readonly tls: ContextTls;
  /** Unless the context serves by itself. */
  readonly polling: Polling | undefined;
}

/** Accepts, asks the filters, counts, and makes connections. */
export class Reception implements AcceptorHost, AdmissionHost {
  readonly #host: ReceptionHost;
  readonly #settings: ReceptionSettings;
  readonly #admission: Admission;
  readonly #perAddress = new Map<string, number>();
  /** Accepted, and waiting for the program to call for service. */
  readonly #unserved = new Set<Transport>();
  #acceptor: Acceptor | undefined;
  #slot: PollSlot | undefined;
  /** Those whose filter is awaited, by descriptor. */
  readonly #awaiting = new Map<number, { readonly address: Address; readonly drop: () => void }>();
  #filtering: { fd: number; address: Address } | undefined;

  constructor(host: ReceptionHost, settings: ReceptionSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#admission = new Admission(host.wheel, host.limits.headerTimeoutMs, this);
  }

  /** Takes a listener, from which {@linkcode open} accepts; false when the program can't watch it. */
  watch(listener: Listener): boolean {
    const { clock, polling } = this.#settings;
    this.#acceptor = new Acceptor(listener, this, clock, "listener");
    this.#slot = polling?.watch(LISTENER_FD);
    return polling === undefined || this.#slot !== undefined;
  }

  /** Accepts from now on. */
  open(): void {
    void this.#acceptor?.run();
  }

  /** Stops listening, and lets go of whoever is not served yet. */
  stop(): void {
    this.#acceptor?.stop();
    this.#admission.stop();
    for (const transport of this.#unserved) transport.close();
    this.#unserved.clear();
    for (const { drop } of [...this.#awaiting.values()]) drop();
    this.#settings.polling?.scheduler.unwatch(LISTENER_FD);
  }

  /** Where the connection comes from that `filterNetworkConnection` is about, if it is this one. */
  filtering(socketFd: number): Address | undefined {
    if (this.#filtering?.fd === socketFd) return this.#filtering.address;
    return this.#awaiting.get(socketFd)?.address;
  }

  get hasRoom(): boolean {
    const { connections, limits } = this.#host;
    // While one waits to be served, the next one waits in the backlog.
    const waiting = this.#admission.size + this.#awaiting.size;
    return this.#unserved.size === 0 && connections.size + waiting < limits.maxConnections;
  }

  accepted(transport: Transport): void {
    if (this.#settings.proxyProtocol) this.#admission.take(transport);
    else this.admitted(transport);
  }

  /** Serves a connection, in service if the program wants that. */
  admitted(transport: Transport): void {
    if (this.#settings.polling === undefined) {
      this.serve(transport);
      return this.left();
    }
    this.#unserved.add(transport);
    const service = () => {
      this.#unserved.delete(transport);
      this.serve(transport);
      this.#slot?.setReading(this.hasRoom);
      this.left();
    };
    // It may be the last one that there is room for, whose header has come now.
    this.#slot?.setReading(true);
    this.#host.scheduler.arrived({ socketFd: LISTENER_FD, service }, POLLIN);
  }

  left(): void {
    if (!this.hasRoom) return;
    this.#acceptor?.resume();
    this.#slot?.setReading(true);
  }

  /** A connection is gone. */
  forget(connection: Member): void {
    if (!connection.isClient) this.#count(connection.peer?.socketAddress ?? "", -1);
    this.left();
  }

  /** The way of an accepted connection up to its first read (reasons as in the C library). */
  serve(transport: Transport): Connection | undefined {
    const host = this.#host;
    if (host.isDestroyed) {
      transport.close();
      return undefined;
    }
    const first = host.entries[0]!;
    const fd = host.newFd();
    const { hostname } = transport.remoteAddress;
    const ofAddress = this.#perAddress.get(hostname) ?? 0;
    if (ofAddress >= host.limits.maxConnectionsPerAddress) {
      log("info", () => `${hostname} has maxConnectionsPerAddress (${ofAddress}) already`);
      transport.close();
      return undefined;
    }
    this.#filtering = { fd, address: transport.remoteAddress };
    const verdict = ask(host.standIn, first, "filterNetworkConnection", fd, undefined);
    this.#filtering = undefined;
    if (typeof verdict === "number") return this.#judged(fd, transport, verdict, false);
    this.#await(fd, transport, verdict);
    return undefined;
  }

  /** Waits for the filter, and sees whether the peer goes; there is no HTTP yet to answer it with. */
  #await(fd: number, transport: Transport, promised: PromiseLike<unknown>): void {
    const { wheel, limits: { headerTimeoutMs, maxHeaderBytes }, scheduler, entries } = this.#host;
    const { polling } = this.#settings;
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
      this.#judged(fd, peeked, result, true);
      this.left();
    };
    whenSettled(promised, `${entries[0]!.protocol.name}: ${reason}`, (result) => {
      isSettled = true;
      scheduler.arrived({ socketFd: fd, service: () => judge(result) }, POLLOUT);
    });
    if (polling !== undefined && polling.watch(fd, 0) === undefined) return peeked.close();
    const timer = new WheelTimer({
      onTimeout: () => {
        if (isSettled) return;
        log("warn", `connection ${fd}: ${reason} did not settle within ${headerTimeoutMs} ms`);
        drop();
      },
    });
    const end = () => {
      this.#awaiting.delete(fd);
      wheel.cancel(timer);
      this.#count(hostname, -1);
    };
    const drop = () => {
      if (!this.#awaiting.has(fd)) return;
      end();
      peeked.close();
      polling?.scheduler.unwatch(fd);
      this.left();
    };
    this.#awaiting.set(fd, { address: transport.remoteAddress, drop });
    this.#count(hostname, 1);
    wheel.arm(timer, headerTimeoutMs);
    void peeked.found.then((found) => {
      // Later its end is the connection's to tell, in whose place this would be told.
      const isAwaited = this.#awaiting.has(fd);
      if (!found && isAwaited) scheduler.arrived({ socketFd: fd, service: drop }, POLLHUP);
    });
  }

  /** @param isWatched whether the program knows the descriptor already */
  #judged(
    fd: number,
    transport: Transport,
    verdict: number,
    isWatched: boolean,
  ): Connection | undefined {
    const host = this.#host;
    const { tls, polling, allowedOrigins, halfOpenHttp } = this.#settings;
    const first = host.entries[0]!;
    const { hostname } = transport.remoteAddress;
    const connection = new Connection(host, fd, false);
    if (verdict !== 0) noteClosing(fd, "filterNetworkConnection", verdict);
    if (verdict !== 0 || host.isDestroyed || !makeUser(connection, first)) {
      transport.close();
      if (isWatched) polling?.scheduler.unwatch(fd);
      return undefined;
    }
    host.connections.set(fd, connection);
    this.#count(hostname, 1);
    connection.enter(first);
    connection.phase = new HttpSession(connection, { allowedOrigins, halfOpenHttp });
    if (isLogged("debug")) log("debug", `connection ${fd}: from ${hostname}`);
    connection.attach(tls.isServer ? this.#secure(connection, transport) : transport);
    call(connection, first, "wsiCreate", undefined);
    call(connection, first, "serverNewClientInstantiated", undefined);
    const mustWatch = polling !== undefined && !isWatched;
    if (mustWatch && polling.watch(fd) === undefined) connection.cut("callback");
    return connection;
  }

  #secure(connection: Connection, transport: Transport): Transport {
    const { scheduler, entries } = this.#host;
    const { socketFd } = connection;
    return this.#settings.tls.accept(transport, {
      deliver: (service) => scheduler.arrived({ socketFd, service }, POLLIN),
      verify(info) {
        return connection.isOpen && judges(connection, entries[0]!, info);
      },
      failed: (why) => log("info", () => `connection ${socketFd}: ${why}`),
      secured(info) {
        connection.tls = info;
        connection.isSsl = info.isSsl;
      },
    });
  }

  #count(address: string, change: 1 | -1): void {
    // Who comes by a unix socket has none.
    if (this.#host.limits.maxConnectionsPerAddress === Infinity || address === "") return;
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}

/** Whom an admission works for. */
export interface AdmissionHost {
  /** A connection's header was read. */
  admitted(transport: Transport): void;
  /** There is room for one more. */
  left(): void;
}

/** Reads the PROXY protocol's headers, each within the same time. */
export class Admission {
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #host: AdmissionHost;
  readonly #pending = new Set<AbortController>();

  constructor(wheel: TimerWheel, timeoutMs: number, host: AdmissionHost) {
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  /** How many there are. */
  get size(): number {
    return this.#pending.size;
  }

  /** Takes an accepted connection, which comes back to the host or is closed. */
  take(transport: Transport): void {
    const aborter = new AbortController();
    const timer = new WheelTimer({
      onTimeout: () => aborter.abort(new Error(`none came within ${this.#timeoutMs} ms`)),
    });
    this.#pending.add(aborter);
    this.#wheel.arm(timer, this.#timeoutMs);
    /** Whether it is still wanted. */
    const done = () => {
      this.#wheel.cancel(timer);
      return this.#pending.delete(aborter);
    };
    readProxyHeader(transport, aborter.signal).then(
      (proxied) => {
        if (done()) this.#host.admitted(proxied);
        else proxied.close();
      },
      (error: Error) => {
        if (!done()) return;
        log("warn", () => `dropped a connection without a PROXY header: ${error.message}`);
        this.#host.left();
      },
    );
  }

  /** The context ends: what has not come yet is closed. */
  stop(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const aborter of pending) aborter.abort(new Error("the context was destroyed"));
  }
}
