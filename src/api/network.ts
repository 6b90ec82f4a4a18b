/**
 * The contract of sockets. A transport pushes: it lends views of its own read buffer to its handler,
 * which says how many bytes it took.
 */

import type { PollFd } from "./service.ts";

/**
 * What a transport needs of an accepted connection; a `Deno.TcpConn` and a `Deno.UnixConn` have it all.
 * Given to {@linkcode Context.adopt} by programs, and by a {@linkcode StreamListener}; from then on only the
 * library calls it.
 *
 * @category Networks and clocks
 */
export interface StreamConn {
  /** This end: `hostname` and `port`, if it has them. */
  readonly localAddr: unknown;
  /** The peer's end, likewise. */
  readonly remoteAddr: unknown;
  /** Reads some bytes into `buffer`, which is not its own any more once it has said how many; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some bytes, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending half. */
  closeWrite(): Promise<void>;
  /** Closes both ways. */
  close(): void;
  /** Closes both ways by a reset; `close` is called where there is none, as of the runtime's own sockets. */
  reset?(): void;
  /** Turns Nagle's algorithm off; called when there is one. */
  setNoDelay?(noDelay?: boolean): void;
  /** Turns TCP keep-alive on, with the system's times; called on request when there is one. */
  setKeepAlive?(keepAlive?: boolean): void;
}

/**
 * What gives accepted connections, for {@linkcode ListenInfo.listener}; a `Deno.TcpListener` and a
 * `Deno.UnixListener` do. `accept` is called again and again, while the context has room.
 *
 * @category Networks and clocks
 */
export interface StreamListener {
  /** Where it listens: `hostname` and `port`, if it has them. */
  readonly addr: unknown;
  /** The next connection; rejects once the listener is closed. */
  accept(): Promise<StreamConn>;
  /** Stops listening. */
  close(): void;
}

/**
 * Where one end of a connection is.
 *
 * @category Networks and clocks
 */
export interface Address {
  /**
   * An IP address as text; empty for an end of a connection over a unix socket, and `unix:` with the
   * path for a listener on one.
   */
  readonly hostname: string;
  /** 0 to 65,535; 0 for a unix socket. */
  readonly port: number;
}

/**
 * Where the peer of a connection is.
 *
 * @category Connections
 */
export interface PeerAddresses {
  /** The host name once `context.resolvePeerAddresses` has found it, else empty. */
  readonly name: string;
  /** The IP address as text; empty when there is none. */
  readonly ip: string;
  /** 0 to 65,535; 0 where it is not known, as from `X-Forwarded-For`. */
  readonly port: number;
}

/**
 * What a transport tells its owner. Implemented by a context's connections and by layers in between, such
 * as TLS; called by the {@linkcode Transport} that it was given to, from {@linkcode Transport.start} on.
 *
 * @category Networks and clocks
 */
export interface TransportHandler {
  /**
   * Bytes arrived. The view is valid during the call only and may be written to. Returns how many
   * bytes were taken; the rest is offered again in front of what comes next, or, when the handler
   * paused the transport meanwhile, after {@linkcode Transport.resume}.
   */
  onBytes(bytes: Uint8Array): number;
  /** What {@linkcode Transport.write} was given has left; it may be called again. */
  onDrain(): void;
  /** A part of what {@linkcode Transport.write} was given has left, and the rest has not yet. */
  onProgress?(): void;
  /** The peer will send no more (it closed, or shut down its sending half). Comes at most once. */
  onEnd(): void;
  /**
   * The transport is gone: closed by {@linkcode Transport.close}, or broken, with the reason. Comes
   * exactly once, as the last event, and never from inside `close()`.
   */
  onClose(error?: unknown): void;
}

/**
 * A stream of bytes to one peer, both ways. Implemented by sockets, by layers on them (TLS, a tunnel) and
 * by `MemoryTransport` of `@x/lws/testing`; called by its {@linkcode TransportHandler}.
 *
 * @category Networks and clocks
 */
export interface Transport {
  /** This end. */
  readonly localAddress: Address;
  /** The peer's end. */
  readonly remoteAddress: Address;
  /** The descriptor, where it is a real one; −1 once it is closed. Default: there is none to know. */
  readonly fd?: number | undefined;
  /** Starts reading; comes once, before any other call but `close`. */
  start(handler: TransportHandler): void;
  /**
   * Sends `bytes`, which must not change until {@linkcode TransportHandler.onDrain} says that they
   * left. One write at a time.
   *
   * @returns `true` when all of them have left already: then `onDrain` does not come. It never comes from
   *   inside this call.
   */
  write(bytes: Uint8Array): boolean | void;
  /** Calls `onBytes` no more until `resume`; a handler may pause from inside `onBytes`. */
  pause(): void;
  /** Undoes `pause`; what was held back is offered in a turn of its own, never from inside here. */
  resume(): void;
  /** Ends the sending half once a write under way has left; reading goes on. */
  end(): void;
  /** Closes both ways at once; what is being written may be lost. Harmless when repeated. */
  close(): void;
  /**
   * As {@linkcode close}, but so that the peer can tell it from the end of a stream that is whole: by a reset,
   * or in TLS without the closing notice.
   *
   * Default: `close`, where there is no other way.
   */
  abort?(): void;
  /**
   * Has `work` done in a service to come, where all that this tells comes in service by itself; never from inside
   * the call. Default: a microtask does.
   */
  readonly later?: ((work: () => void) => void) | undefined;
}

/** {@linkcode Transport.later}, or a microtask. */
export function soon(transport: Transport, work: () => void): void {
  const { later } = transport;
  if (later === undefined) queueMicrotask(work);
  else later(work);
}

/** As {@linkcode soon}, behind what the kernel may take until then. */
export function afterATurn(transport: Transport, work: () => void): void {
  const { later } = transport;
  if (later === undefined) setImmediate(work);
  else later(work);
}

/**
 * {@linkcode Transport.write} for handlers that are told by `onDrain` in any case: {@linkcode soon}, where all
 * has left at once.
 */
export function writeAndDrain(
  transport: Transport,
  bytes: Uint8Array,
  handler: Pick<TransportHandler, "onDrain">,
): void {
  if (transport.write(bytes) === true) soon(transport, () => handler.onDrain());
}

/** {@linkcode Transport.abort}, or `close` where there is none. */
export function abortTransport(transport: Transport): void {
  if (transport.abort === undefined) transport.close();
  else transport.abort();
}

/**
 * A source of transports that peers opened. Made by {@linkcode Network.listen}; a context calls
 * {@linkcode accept} again and again, while it has room for connections.
 *
 * @category Networks and clocks
 */
export interface Listener {
  /** Where it listens; the port is the real one, also when 0 was asked for. */
  readonly address: Address;
  /** The descriptor, where it is a real one. Default: there is none to know. */
  readonly fd?: number | undefined;
  /** The next connection; rejects once the listener is closed. */
  accept(): Promise<Transport>;
  /** Stops listening; what was accepted lives on. Harmless when repeated. */
  close(): void;
}

/**
 * How and where to listen or connect.
 *
 * @category Networks and clocks
 */
export interface NetworkTarget {
  /** An IP address or a host name. */
  readonly hostname: string;
  /** 0 to 65,535; 0 listens on a free port. */
  readonly port: number;
  /**
   * A unix socket in place of host and port, which don't count then. With `@` in front it is a name
   * of Linux's abstract namespace, and no file. Needs `--allow-read` and `--allow-write` for the file
   * besides `--allow-net`.
   */
  readonly path?: string | undefined;
  /** The permissions of the unix socket's file when listening; what the umask leaves by default. */
  readonly mode?: number | undefined;
  /**
   * When listening: a socket that the program was started with, by its descriptor (3 is systemd's
   * first); it counts in place of host, port and path.
   */
  readonly fd?: number | undefined;
  /**
   * When connecting: IP addresses of this machine to connect from, of which the first counts that is
   * of the kind of what is connected to.
   */
  readonly localAddress?: string | readonly string[] | undefined;
  /** Whether IPv6 is left alone: its addresses are refused, and names stand for IPv4 addresses. */
  readonly disableIpv6?: boolean | undefined;
  /**
   * When listening on an address of IPv6: whether IPv4 is kept out, which `::` lets in as well otherwise. The
   * system's default where it is left out.
   */
  readonly ipv6Only?: boolean | undefined;
  /**
   * When listening: whether other sockets that are so as well may listen on the same port (`SO_REUSEPORT`);
   * default `false`.
   */
  readonly reusePort?: boolean | undefined;
  /**
   * Whether TCP keep-alive is on: `true` with the system's times, or with times of its own where the network's
   * features have `"keepAliveTimes"`. It is off by default.
   */
  readonly keepAlive?: boolean | TcpKeepAlive | undefined;
}

/**
 * When the system probes a peer that is silent (`SO_KEEPALIVE`, `tcp(7)`).
 *
 * @category Networks and clocks
 */
export interface TcpKeepAlive {
  /** Seconds without anything from the peer until the first probe (`TCP_KEEPIDLE`), 1 to 32,767. */
  readonly idleSeconds: number;
  /** Unanswered probes that break the connection (`TCP_KEEPCNT`), 1 to 127. */
  readonly probes: number;
  /** Seconds from probe to probe (`TCP_KEEPINTVL`), 1 to 32,767. */
  readonly intervalSeconds: number;
}

/**
 * What of a {@linkcode NetworkTarget} not every network can do.
 *
 * @category Networks and clocks
 */
export type NetworkFeature = "ipv6Only" | "reusePort" | "keepAliveTimes";

/**
 * The network as a context sees it. Implemented over TCP and unix sockets, and in memory by
 * `MemoryNetwork` of `@x/lws/testing`.
 *
 * @category Networks and clocks
 */
export interface Network {
  /** What it can do beside the rest of a {@linkcode NetworkTarget}; a context asks for nothing else. Default: none. */
  readonly features?: readonly NetworkFeature[];
  /** Listens. @throws when the address can't be listened on. */
  listen(target: NetworkTarget): Listener;
  /** Connects. Rejects when that fails, or with the signal's reason when that aborts first. */
  connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport>;
  /** The name of an IP address; empty, or a rejection, when it has none. Default: no address has one. */
  reverse?(ip: string): Promise<string>;
  /**
   * Closes at once all that it has opened, without a word to what uses it, and resolves when nothing is left.
   * Called when a worker ends ({@linkcode forkServiceLoop}). Default: nothing, as the runtime closes what is its.
   */
  closeAll?(): Promise<void>;
  /**
   * Resolves when nothing is left of what the network itself had open for connections and listeners that are
   * closed; at once while others use it. {@linkcode Context.closed} waits for it. Default: there is nothing.
   */
  released?(): Promise<void>;
  /**
   * The same for one context with `service: "manual"` or `"external"`, which reads and writes only when it is
   * asked. Transports and listeners have a real `fd` then. Default: the context holds back what it is told.
   */
  polled?(host: PolledHost): PolledNetwork;
}

/**
 * What a {@linkcode PolledNetwork} tells. Implemented by contexts.
 *
 * @category Networks and clocks
 */
export interface PolledHost {
  /** Whether a descriptor is a connection's, or the listener's; others are watched aside. */
  isKnown(fd: number): boolean;
  /** What a descriptor is watched for from now on: `POLLIN`, `POLLOUT`, both or 0. */
  watches(fd: number, events: number): void;
  /** A descriptor is about to be closed. */
  leaves(fd: number): void;
  /** Has `work`, which belongs to a descriptor, done in a service to come, and not from inside this call. */
  later(fd: number, work: () => void): void;
  /** Something waits that has no descriptor of its own: {@linkcode PolledNetwork.asideFd} is to be watched. */
  asideIsNeeded(): void;
}

/**
 * A listener from which connections are taken when it is ready. Made by {@linkcode PolledNetwork.listen}; what
 * {@linkcode Network.listen} makes may be one as well, and needs no promise for each connection then.
 *
 * @category Networks and clocks
 */
export interface PolledListener extends Listener {
  /** The descriptor; −1 once it is closed. */
  readonly fd: number;
  /** The next connection, if there is one. @throws {Error} as `accept` rejects */
  take(): Transport | undefined;
  /** Calls `onReady` when there may be connections; in a service, where there are services. */
  watch(onReady: () => void): void;
  /** Whether it is watched for connections, as it is at first. @throws {Error} when it can't be watched again */
  accepts(isOn: boolean): void;
}

/**
 * How an attempt to connect ends: by one of these, never from inside the call that began it.
 *
 * @category Networks and clocks
 */
export interface Dialling {
  /** It is connected; the transport is started by the one that is told. */
  connected(transport: Transport): void;
  /** It is not, for this reason. */
  failed(error: unknown): void;
}

/**
 * A wait of {@linkcode PolledNetwork.ready}, which no other one's end ends.
 *
 * @category Networks and clocks
 */
export interface PolledWait {
  /** Resolves when it is over, and nothing of it is left behind. */
  readonly done: Promise<void>;
  /** Ends it early; harmless when repeated. */
  end(): void;
}

/**
 * A network that reads and writes nothing by itself: only what a call of these is about. Made by
 * {@linkcode Network.polled} for one context, which calls it.
 *
 * @category Networks and clocks
 */
export interface PolledNetwork extends Network {
  /** Listens, in service. @throws when the address can't be listened on. */
  listen(target: NetworkTarget): PolledListener;
  /** As `connect` without a promise; false where that needs one, as for a name. */
  connectNow(target: NetworkTarget, signal: AbortSignal, dialling: Dialling): boolean;
  /** A descriptor that is ready to be read when something is that no context's connection has yet. */
  readonly asideFd: number;
  /** Whether a descriptor is ready now. */
  readonly hasReady: boolean;
  /** Blocks the thread until a descriptor is ready, or for so long, and tells of those that are. */
  wait(timeoutMs: number, tell: (fd: number, revents: number) => void): void;
  /**
   * Waits, beside this thread, until a descriptor is ready, or one of these, as poll(2) sees it. Several may wait
   * at once.
   *
   * @throws {Error} when there is no descriptor left for one more
   */
  ready(pollFds?: readonly PollFd[]): PolledWait;
  /** Sets `revents` of each entry with a descriptor from 0 on, as poll(2). */
  pollNow(pollFds: readonly PollFd[]): void;
  /** A descriptor is a connection's now, and is not watched aside any more. */
  known(fd: number): void;
  /** Reads and writes what a descriptor is ready for. */
  serve(fd: number, revents: number): void;
  /** Makes {@linkcode asideFd} ready. */
  signal(): void;
  /** From now on it serves by itself, until all that it has is closed. */
  release(): void;
}
