/** The limits of a context, their defaults and their ranges; and when idle connections are probed. */

/**
 * Every bound that a context sets on its peers; each is an option of `createContext`, and
 * {@linkcode Context.limits} has those in force. All are whole numbers from 0, or what is said: milliseconds
 * up to 2,147,483,647, or `Infinity` where that is the default, all others up to `Infinity`. `ARCHITECTURE.md` names the file
 * that enforces each.
 *
 * @category Server and client
 * @example
 * ```ts
 * import { createContext } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [],
 *   mounts: [{ path: "/", folder: "examples/demo/public" }],
 *   maxConnectionsPerAddress: 20,
 *   sendTimeoutMs: 30_000,
 * });
 * if (context.limits.maxHeaderBytes !== 16_384) throw new Error("not the default");
 * ```
 */
export interface Limits {
  /**
   * Request line and headers together, in bytes, from 64; more is answered 431, or 414 where the request
   * line alone is longer. Default: `16384`.
   */
  readonly maxHeaderBytes: number;
  /** Header fields in a request, from 1; more is answered 431. Default: `100`. */
  readonly maxHeaderFields: number;
  /**
   * Milliseconds from accept, or from a later request's first byte, to the end of its headers; then
   * 408 if anything was read. A header of the PROXY protocol has as long for itself, and so has each
   * promise of a filter, behind which comes 503. Default: `5000`.
   */
  readonly headerTimeoutMs: number;
  /**
   * Milliseconds between two pieces of a request body. Then it is answered 408, or, when an answer has
   * begun, the connection is reset. What time the program keeps it waiting, by `rxFlowControl` or a
   * promise that is awaited, doesn't count.
   *
   * Default: `30000`.
   */
  readonly contentTimeoutMs: number;
  /**
   * Bytes a second of a request body, on average over each 30 seconds that it is waited for, its framing
   * included. A slower one ends as past `contentTimeoutMs`; 0 is off. Default: `100`.
   */
  readonly minBodyRate: number;
  /**
   * Milliseconds in which a peer takes something of an answer that it is sent, counted from the last
   * byte that it took; then the connection is reset. While the context is destroyed it is
   * `closeTimeoutMs` at most. After as long without an answer of the program's a `warn` line in the log
   * names the request. Default: `60000`.
   */
  readonly sendTimeoutMs: number;
  /**
   * Milliseconds that a connection may wait for the next request. A client that sends
   * `Connection: keep-alive` is told in whole seconds, by `Keep-Alive: timeout=15`, and has a second more, so
   * that it gives up first; below 1000 there is no such field. Default: `15000`.
   */
  readonly keepAliveTimeoutMs: number;
  /** Bytes of a request body; more is answered 413. Default: `10485760`. */
  readonly maxBodySize: number;
  /**
   * Bytes of a request body that are read away when its answer is complete before it, beside those that
   * had come by then, so that the connection can be used again. When a longer rest is announced, or may
   * never come as it waits for `100 Continue`, the answer says `connection: close`; past a longer one in
   * chunks the connection is closed behind the answer. Default: `262144`.
   */
  readonly maxDrainBytes: number;
  /** Bytes of payload in one frame; more fails the connection with 1009. Default: `16777216`. */
  readonly maxFramePayload: number;
  /**
   * Bytes of one message as `handlers({ message })` gathers it, and of any compressed message once
   * it is inflated; more closes with 1009.
   *
   * Default: `1048576`.
   */
  readonly maxMessageSize: number;
  /** Frames in one message, from 1; more fail the connection with 1008. Default: `131072`. */
  readonly maxFragments: number;
  /** Frames without payload in one message; more fail with 1008. Default: `1024`. */
  readonly maxEmptyFragments: number;
  /** Unsent bytes of a connection above which `partialBuffered` is true. Default: `262144`. */
  readonly softUnsentBytes: number;
  /**
   * Unsent bytes that a connection may have, from 1024; a `write` past it fails, and ends the connection. When
   * nothing else that was written is unsent, one write is taken up to 16 MiB, or `maxMessageSize` if
   * that is more.
   *
   * Default: `4194304`.
   */
  readonly maxUnsentBytes: number;
  /**
   * Bytes, from 1024, that all connections may hold in memory together: what is unsent, with its buffers, what was read
   * and waits for the rest of a frame or a message, for a turn or for the program, heads of requests that are not
   * answered, bodies that `fetch` wants in one piece and that have not come whole, and answers, or the piece of a stream
   * in hand, that have not left. What `prepareMessage` or a topic sends to many counts once. Above it nothing more is read from those
   * that hold the most, until three quarters are left, or for 5 seconds. What is still above it then is cut, the largest
   * first, down to three quarters, with the cause `"unsent"` or `"limit"`; and at once above five quarters, down to the
   * limit. Requests wait meanwhile, of which the program is not told, and streams of answers are not read on: until
   * there is room, or 1 second has gone by in which none went on; then some go on all the same, the newest first. One
   * that has waited for `sendTimeoutMs` is answered 503. Not in the sum are compressors, what the system holds, and
   * what the program was given. Default: `268435456`.
   */
  readonly maxBufferedBytes: number;
  /**
   * Milliseconds that a close handshake may take, and then, once more, that a client waits for the server
   * to close the connection. What was written before it has as much time for each part that leaves.
   *
   * Default: `5000`.
   */
  readonly closeTimeoutMs: number;
  /** Milliseconds that each step of a client's connect may take. Default: `5000`. */
  readonly clientTimeoutMs: number;
  /**
   * Connections in all, from 1, also before their PROXY header has come; above it, accepting waits, and a `warn`
   * line in the log says so; what another server hands over is answered 503. Clients have places, too, but are never refused one. Each context counts for itself.
   *
   * Default: 80 % of the descriptors that the process may have by its hard limit, to which the runtime raises the
   * soft one, where `/proc/self/limits` can be read: on Linux, with `--allow-all`. Else `10000`. With `mounts` or
   * `fileOps` it is 40 %, as each connection may hold a file as well, for as long as its peer reads nothing of it.
   * Files that are sent may take what the connections leave of nine tenths, and one tenth in any case; past that the
   * next ones are answered 503.
   */
  readonly maxConnections: number;
  /**
   * Connections of one address, from 1, which is the socket's, or that of the PROXY header, and of IPv6 its first 64
   * bits; IPv4 is the same when it is mapped to IPv6. Above it, new ones are refused. Those without an address, of unix sockets, are not counted. Default: `Infinity`.
   */
  readonly maxConnectionsPerAddress: number;
  /**
   * Accepted connections, from 1, whose first request is not complete: TLS, the header of the PROXY protocol and
   * the head together. When one more comes the oldest one of which nothing has come yet is closed, or, where they
   * are more, the oldest of those of which something has.
   * Those whose `filterNetworkConnection` is awaited don't count, nor do those between two requests, which
   * {@linkcode keepAliveTimeoutMs} and {@linkcode maxConnections} bound. It is of use below that. Default: `1000`.
   */
  readonly maxPendingHandshakes: number;
  /**
   * Milliseconds, from 1, by which the event loop may come late to its timers. While it is later, requests of HTTP and
   * handshakes of WebSockets are answered 503, with `Retry-After: 1`, and established WebSockets go on; requests are
   * served again once it lags less than half as much. A lag is told by {@linkcode Stats.loopLagMs}.
   * Default: `Infinity`.
   */
  readonly maxLoopLagMs: number;
  /**
   * Messages that the peer of a WebSocket, a server's or a client's, may send in a second, from 1. As many may come
   * at once; then they count as they come in on average. Control frames don't count. More has reading wait, or
   * closes with 1008, as {@linkcode RateInfo.rateExcess} says. Default: `Infinity`.
   */
  readonly maxMessagesPerSecond: number;
  /**
   * The same for bytes of their payload, as the program gets it: not compressed, and counted as they come. A message
   * may be longer than that where reading waits; it only takes its time. Default: `Infinity`.
   */
  readonly maxBytesPerSecond: number;
  /**
   * Handshakes of WebSockets that one address may ask a server for in a second, from 1; more are answered 429, with
   * the seconds to wait in `Retry-After`, and asked nothing of the program. As many may come at once. The address is
   * that of the client in front of proxies that are believed, and of IPv6 its first 64 bits, as for
   * {@linkcode maxConnectionsPerAddress}. Those without one,
   * of unix sockets, are not counted. Default: `Infinity`.
   */
  readonly maxHandshakesPerSecond: number;
  /**
   * Milliseconds in which a WebSocket, a server's or a client's, has to receive or to write a part of a message, from
   * 1; then it is closed with 1001 and the cause `"timeout"`. Pings and pongs are no messages. What waits to be
   * sent, or for the program to receive, is no silence. Default: `Infinity`.
   */
  readonly idleTimeoutMs: number;
  /**
   * Milliseconds from the first byte of a message, or of a control frame, to its last one, of a server's or a client's
   * peer; then the WebSocket is closed with 1008 and the cause `"timeout"`. Only the time in which this end does not
   * read, as by `rxFlowControl` or past a rate, doesn't count. 0 is off, for messages without an end. Default: `60000`.
   */
  readonly messageTimeoutMs: number;
  /**
   * Milliseconds after which a WebSocket, a server's or a client's, is closed with 1001 and the cause `"timeout"`, from
   * 1, so that clients come back: with new rights, or to another server. Default: `Infinity`.
   */
  readonly maxLifetimeMs: number;
  /**
   * Milliseconds, at most {@linkcode maxLifetimeMs}, by which a life may be shorter: each is drawn anew, so that a crowd
   * that came at once doesn't come back at once. Default: `0`.
   */
  readonly spreadMs: number;
}

/**
 * The defaults of {@linkcode Limits}; of `maxConnections` the one that holds where the descriptors of the process are
 * not known.
 *
 * @category Server and client
 */
export const DEFAULT_LIMITS: Limits = {
  maxHeaderBytes: 16 * 1024,
  maxHeaderFields: 100,
  headerTimeoutMs: 5_000,
  contentTimeoutMs: 30_000,
  minBodyRate: 100,
  sendTimeoutMs: 60_000,
  keepAliveTimeoutMs: 15_000,
  maxBodySize: 10 * 1024 * 1024,
  maxDrainBytes: 256 * 1024,
  maxFramePayload: 16 * 1024 * 1024,
  maxMessageSize: 1024 * 1024,
  maxFragments: 131_072,
  maxEmptyFragments: 1_024,
  softUnsentBytes: 256 * 1024,
  maxUnsentBytes: 4 * 1024 * 1024,
  maxBufferedBytes: 256 * 1024 * 1024,
  closeTimeoutMs: 5_000,
  clientTimeoutMs: 5_000,
  maxConnections: 10_000,
  maxConnectionsPerAddress: Infinity,
  maxPendingHandshakes: 1_000,
  maxLoopLagMs: Infinity,
  maxMessagesPerSecond: Infinity,
  maxBytesPerSecond: Infinity,
  maxHandshakesPerSecond: Infinity,
  idleTimeoutMs: Infinity,
  messageTimeoutMs: 60_000,
  maxLifetimeMs: Infinity,
  spreadMs: 0,
};

/**
 * What probes connections: see {@linkcode PlatformInfo.keepAlive}.
 *
 * @category Server and client
 */
export type KeepAliveKind = "ping" | "tcp" | "both";

/** When idle connections are probed. */
export interface KeepAliveSettings {
  /** Milliseconds without a sign of life from the peer until the first probe. */
  readonly timeMs: number;
  /** Unanswered probes that end the connection. */
  readonly probes: number;
  /** Milliseconds from probe to probe, and from the last one to the end. */
  readonly intervalMs: number;
}

/** What one write may have when nothing else is unsent, unless `maxMessageSize` is more. */
const LONGEST_WRITE = 16 * 1024 * 1024;

/** The bytes that one write may have when nothing else is unsent. */
export function longestWrite({ maxMessageSize }: Limits): number {
  return Math.max(LONGEST_WRITE, maxMessageSize);
}
