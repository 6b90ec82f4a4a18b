/** What `context.stats()` returns: what was counted, and what there is now. */

import type { ConnectionTally, ProtocolStats, Stats } from "../../api/stats/stats.ts";
import type { ProtocolEntry } from "../../connection/owner.ts";
import type { ContextCounters, ProtocolCounters } from "../../connection/stats/counters.ts";

/** A connection as it is counted now. Implemented by Connection. */
export interface CountedConnection {
  readonly isClient: boolean;
  readonly unsent: number;
  readonly entry: ProtocolEntry;
  /** Which is a WebSocket's once it has frames. */
  readonly phase: { readonly frames?: unknown } | undefined;
}

/** What a context has to be counted. Given by ServingContext. */
export interface CountedContext {
  readonly counters: ContextCounters;
  readonly entries: readonly ProtocolEntry[];
  readonly connections: Iterable<CountedConnection>;
  readonly timers: number;
  readonly buffered: number;
  readonly requestsWaiting: number;
  readonly loopLagMs: number;
}

/** What there is now of one protocol. */
interface Now {
  servers: number;
  clients: number;
  unsent: number;
}

type Numbers = { -readonly [Name in keyof ProtocolStats]: ProtocolStats[Name] };

export function statsOf(context: CountedContext): Stats {
  const { counters, entries, connections, timers, buffered, requestsWaiting, loopLagMs } = context;
  const nows = entries.map((): Now => ({ servers: 0, clients: 0, unsent: 0 }));
  let http = 0;
  let connecting = 0;
  for (const { isClient, unsent, entry, phase } of connections) {
    const now = nows[entry.index]!;
    now.unsent += unsent;
    const isWebSocket = phase?.frames !== undefined;
    if (isWebSocket && isClient) now.clients++;
    else if (isWebSocket) now.servers++;
    else if (isClient) connecting++;
    else http++;
  }
  const each = entries.map(({ counters }, i) => protocolStats(counters, nows[i]!));
  // Their names are the program's, and `__proto__` may be one.
  const protocols: Record<string, ProtocolStats> = Object.create(null);
  for (const [i, { protocol }] of entries.entries()) protocols[protocol.name] = each[i]!;
  return Object.freeze({
    ...sumOf(each),
    http: tally(http, counters.accepted),
    connecting,
    turnedAway: recordOf(counters.turnedAway),
    handshakesRefused: recordOf(counters.refused),
    clientsFailed: recordOf(counters.failed),
    clientRetries: counters.retried,
    limitsHit: recordOf(counters.limits),
    bufferedBytes: buffered,
    requestsWaiting,
    timers,
    loopLagMs,
    protocols: Object.freeze(protocols),
  });
}

function protocolStats(counters: ProtocolCounters, now: Now): ProtocolStats {
  return Object.freeze({
    servers: tally(now.servers, counters.servers),
    clients: tally(now.clients, counters.clients),
    received: Object.freeze({
      messages: counters.messagesReceived,
      payloadBytes: counters.payloadReceived,
      wireBytes: counters.wireReceived,
    }),
    sent: Object.freeze({
      messages: counters.messagesSent,
      payloadBytes: counters.payloadSent,
      wireBytes: counters.wireSent,
    }),
    closesByCode: recordOf(counters.closesByCode),
    closesByCause: recordOf(counters.closesByCause),
    unsentBytes: now.unsent,
    probesMissed: counters.probesMissed,
  });
}

function tally(now: number, ever: number): ConnectionTally {
  return Object.freeze({ now, ever });
}

function recordOf<Key extends string | number>(
  counts: ReadonlyMap<Key, number>,
): Readonly<Partial<Record<Key, number>>> {
  return Object.freeze(Object.fromEntries(counts) as Partial<Record<Key, number>>);
}

/** All protocols together. */
function sumOf(each: readonly ProtocolStats[]): Numbers {
  return {
    servers: added(each.map((one) => one.servers)),
    clients: added(each.map((one) => one.clients)),
    received: added(each.map((one) => one.received)),
    sent: added(each.map((one) => one.sent)),
    closesByCode: added(each.map((one) => one.closesByCode)),
    closesByCause: added(each.map((one) => one.closesByCause)),
    unsentBytes: each.reduce((sum, one) => sum + one.unsentBytes, 0),
    probesMissed: each.reduce((sum, one) => sum + one.probesMissed, 0),
  };
}

/** Name by name. */
function added<Counts extends { readonly [Name in keyof Counts]?: number }>(
  each: readonly Counts[],
): Counts {
  const sums: Record<string, number> = {};
  for (const counts of each) {
    for (const [name, count] of Object.entries<number | undefined>(counts)) {
      sums[name] = (sums[name] ?? 0) + (count ?? 0);
    }
  }
  return Object.freeze(sums) as Counts;
}
