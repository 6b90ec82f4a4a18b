/** What a context counts. */

import type { Limits } from "../limits.ts";
import type { CloseCause } from "../reasons.ts";
import type { MemoryBound } from "../topics/broker.ts";
import type { TopicLimits } from "../topics/limits.ts";

/**
 * Connections of one kind.
 *
 * @category Statistics
 */
export interface ConnectionTally {
  /** Those that are there now, closing ones included. */
  readonly now: number;
  /** All that there ever were. */
  readonly ever: number;
}

/**
 * What WebSockets have carried in one direction.
 *
 * @category Statistics
 */
export interface TrafficTally {
  /** Messages, once their last fragment was received, or written. */
  readonly messages: number;
  /** Bytes of their payload as the program has it: not compressed. */
  readonly payloadBytes: number;
  /**
   * Bytes on the connections that are their protocol's: frames, compressed where that was agreed on, and of the
   * handshakes and HTTP what was exchanged while the protocol had the connection; the first one has all of HTTP. TLS
   * comes on top of them. What waits to be sent does not count yet.
   */
  readonly wireBytes: number;
}

/**
 * Why a server refused the handshake of a WebSocket. `malformed`: it breaks the protocol's rules. `version`: the
 * context does not speak its version. `path`: no protocol serves its path. `subprotocol`: none of its subprotocols is
 * spoken. `origin`: a browser's page of another origin. `rate`: its address has asked for more than
 * `maxHandshakesPerSecond`. `filter`: the program, by `filterProtocolConnection` or an extension. `fault`: something of the
 * program's threw. `destroy`: the context is being destroyed. `overload`: the
 * event loop lags more than `maxLoopLagMs`.
 *
 * @category Statistics
 */
export type RefusalCause =
  | "malformed"
  | "version"
  | "path"
  | "subprotocol"
  | "origin"
  | "rate"
  | "filter"
  | "fault"
  | "destroy"
  | "overload";

/**
 * Why a server turned a connection or a request away. Connections: `accept`, the system could hand none out, as when
 * no descriptor is left; `maxConnectionsPerAddress` and `maxPendingHandshakes`; `proxyHeader`, there was none of the
 * PROXY protocol; `filter`, the program by `filterNetworkConnection`; `tls`, the handshake of TLS failed; `fault`,
 * `perSessionData` threw. Requests, handshakes of WebSockets included, that the library answered with an error: its
 * status, as `"431"`.
 *
 * @category Statistics
 */
export type TurnedAwayCause =
  | "accept"
  | "fault"
  | "filter"
  | "maxConnectionsPerAddress"
  | "maxPendingHandshakes"
  | "proxyHeader"
  | "tls"
  | `${number}`;

/**
 * Why a client's handshake came to nothing. `refused`: the server, or a proxy, answered with another status.
 * `timeout`: `clientTimeoutMs`. `failed`: anything else, as a server that is not there.
 *
 * @category Statistics
 */
export type ClientFailureCause = "refused" | "timeout" | "failed";

/**
 * The name of a limit as options have it.
 *
 * @category Statistics
 */
export type LimitName = keyof Limits | `topics.${keyof TopicLimits}` | `broker.${MemoryBound}`;

/** How many codes of 3000 to 4999 have a count of their own in {@linkcode ProtocolStats.closesByCode}. */
export const MOST_CODES = 64;
/** In their place, for all further ones. */
export const OTHER_CODES = 0;

/**
 * What a context counts of one protocol's WebSockets.
 *
 * @category Statistics
 */
export interface ProtocolStats {
  /** Those of servers. */
  readonly servers: ConnectionTally;
  /** Those of clients. */
  readonly clients: ConnectionTally;
  /** What has come. */
  readonly received: TrafficTally;
  /** What was written. */
  readonly sent: TrafficTally;
  /**
   * How many have closed, by the code that `closed` had; codes that none had are left out. Of the codes from 3000 to
   * 4999, which are the peers' to choose, the first 64 have a count each, and all others count as 0.
   */
  readonly closesByCode: Readonly<Partial<Record<number, number>>>;
  /** The same by its cause. */
  readonly closesByCause: Readonly<Partial<Record<CloseCause, number>>>;
  /** Bytes that were written and have not left now; of the first protocol HTTP's, too. */
  readonly unsentBytes: number;
  /** Probes of `kaTime` that were not answered by the time of the next one, or of the end. */
  readonly probesMissed: number;
}

/**
 * What {@linkcode Context.stats} returns: one moment, frozen. Counts are the context's since it was made; of its
 * own members those of {@linkcode ProtocolStats} are the sums of all protocols.
 *
 * @category Statistics
 */
export interface Stats extends ProtocolStats {
  /** Connections that a server has let in: those that speak HTTP now, and all, also what became a WebSocket. */
  readonly http: ConnectionTally;
  /** Clients that are connecting now. */
  readonly connecting: number;
  /**
   * Connections and requests that a server turned away, by their causes; those that never came about are left out.
   * What the program itself answers does not count, nor do 404, 412 and 416 of files.
   */
  readonly turnedAway: Readonly<Partial<Record<TurnedAwayCause, number>>>;
  /** Handshakes that a server refused, by their causes; those that never came about are left out. */
  readonly handshakesRefused: Readonly<Partial<Record<RefusalCause, number>>>;
  /** Clients that were never established, by their causes. */
  readonly clientsFailed: Readonly<Partial<Record<ClientFailureCause, number>>>;
  /** How often clients were to connect again, by their option `retry`. */
  readonly clientRetries: number;
  /**
   * How often a limit was hit, by its name; those that never were are left out. `maxConnections` counts the
   * connections that took the last place, and those handed over that found none, `maxBufferedBytes` how often reading stopped, and each connection that was
   * cut, those of `broker.` the publications for which others were let go. The end of an idle HTTP connection by `keepAliveTimeoutMs` counts, too.
   */
  readonly limitsHit: Readonly<Partial<Record<LimitName, number>>>;
  /** What `maxBufferedBytes` bounds: bytes that all connections hold now. */
  readonly bufferedBytes: number;
  /** Timers that are armed now, most of them timeouts of connections. */
  readonly timers: number;
  /**
   * Milliseconds by which the event loop comes late to a timer of 100 ms: what all that is ready has to wait. A lag
   * fades within a second after it has passed. It is looked at from the first call of `stats` on, which has 0, until
   * there was none for a minute, and always with `maxLoopLagMs`. Where the program calls for service it is how late
   * it calls.
   */
  readonly loopLagMs: number;
  /** The same for each protocol, by its name. */
  readonly protocols: Readonly<Record<string, ProtocolStats>>;
}
