/** The metric families that `context.stats()` is told as: their names, by the conventions of Prometheus. */

import { DEFAULT_LIMITS } from "../api/limits.ts";
import type { CloseCause } from "../api/reasons.ts";
import {
  type ClientFailureCause,
  OTHER_CODES,
  type ProtocolStats,
  type RefusalCause,
  type Stats,
  type TurnedAwayCause,
} from "../api/stats/stats.ts";
import { DEFAULT_MEMORY_BOUNDS } from "../api/topics/broker.ts";
import { DEFAULT_TOPIC_LIMITS } from "../api/topics/limits.ts";

/** Label names and what they have for a sample. */
export type Labels = Readonly<Record<string, string>>;

/** A value, and the labels that tell it from others of its family. */
export type Sample = readonly [value: number, labels: Labels];

/** The samples of one name. */
export interface Family {
  /** Of a counter without its `_total`; with a unit it ends in that. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly unit?: "bytes" | "seconds";
  readonly help: string;
  /** Its samples; none has the same labels as another. */
  samples(stats: Stats): readonly Sample[];
}

// Those that a count is 0 of are there from the start: of a series that begins with 1 no rate shows that.

const REFUSAL_CAUSES = Object.keys(
  {
    malformed: 0,
    version: 0,
    path: 0,
    subprotocol: 0,
    origin: 0,
    rate: 0,
    filter: 0,
    fault: 0,
    destroy: 0,
    overload: 0,
  } satisfies Record<RefusalCause, 0>,
);
const TURNED_AWAY = [
  ...Object.keys(
    {
      accept: 0,
      fault: 0,
      filter: 0,
      maxConnectionsPerAddress: 0,
      maxPendingHandshakes: 0,
      proxyHeader: 0,
      tls: 0,
    } satisfies Record<Exclude<TurnedAwayCause, `${number}`>, 0>,
  ),
  // What the library answers of itself.
  ...["400", "403", "404", "405", "406", "408", "413", "414", "417", "426", "429", "431"],
  ...["500", "501", "503", "505"],
];
const FAILURE_CAUSES = Object.keys(
  { refused: 0, timeout: 0, failed: 0 } satisfies Record<ClientFailureCause, 0>,
);
const CLOSE_CAUSES = Object.keys(
  {
    peer: 0,
    self: 0,
    keepAlive: 0,
    timeout: 0,
    unsent: 0,
    limit: 0,
    protocol: 0,
    reset: 0,
    callback: 0,
    destroy: 0,
  } satisfies Record<CloseCause, 0>,
);
const LIMIT_NAMES = [
  ...Object.keys(DEFAULT_LIMITS),
  ...Object.keys(DEFAULT_TOPIC_LIMITS).map((name) => `topics.${name}`),
  ...Object.keys(DEFAULT_MEMORY_BOUNDS).map((name) => `broker.${name}`),
];

/** All families, those that belong together one after the other. */
export const FAMILIES: readonly Family[] = [
  {
    name: "lws_connections",
    type: "gauge",
    help: "WebSockets that there are now, closing ones included.",
    samples: (stats) => byRole(stats, "now"),
  },
  {
    name: "lws_connections_established",
    type: "counter",
    help: "WebSockets that were established.",
    samples: (stats) => byRole(stats, "ever"),
  },
  {
    name: "lws_http_connections",
    type: "gauge",
    help: "Connections of a server that speak HTTP now.",
    samples: ({ http }) => [[http.now, {}]],
  },
  {
    name: "lws_connections_accepted",
    type: "counter",
    help: "Connections that a server has let in, those that became WebSockets included.",
    samples: ({ http }) => [[http.ever, {}]],
  },
  {
    name: "lws_clients_connecting",
    type: "gauge",
    help: "Clients that are connecting now.",
    samples: ({ connecting }) => [[connecting, {}]],
  },
  {
    name: "lws_turned_away",
    type: "counter",
    help: "Connections and requests that a server turned away.",
    samples: ({ turnedAway }) => named("cause", TURNED_AWAY, turnedAway),
  },
  {
    name: "lws_handshakes_refused",
    type: "counter",
    help: "Handshakes of WebSockets that a server refused.",
    samples: ({ handshakesRefused }) => named("cause", REFUSAL_CAUSES, handshakesRefused),
  },
  {
    name: "lws_clients_failed",
    type: "counter",
    help: "Clients that were never established.",
    samples: ({ clientsFailed }) => named("cause", FAILURE_CAUSES, clientsFailed),
  },
  {
    name: "lws_client_retries",
    type: "counter",
    help: "How often clients were to connect again.",
    samples: ({ clientRetries }) => [[clientRetries, {}]],
  },
  {
    name: "lws_closes",
    type: "counter",
    help: "WebSockets that have closed, by what ended them.",
    samples: (stats) =>
      byProtocol(stats, ({ closesByCause }) => named("cause", CLOSE_CAUSES, closesByCause)),
  },
  {
    name: "lws_close_codes",
    type: "counter",
    help: "WebSockets that have closed, by their close code.",
    samples: (stats) =>
      byProtocol(
        stats,
        ({ closesByCode }) =>
          Object.entries(closesByCode).map(([code, count = 0]): Sample => {
            return [count, { code: code === String(OTHER_CODES) ? "other" : code }];
          }),
      ),
  },
  traffic("received", "messages", "Messages that have come."),
  traffic("received", "payloadBytes", "Bytes of the messages that have come, not compressed."),
  traffic("received", "wireBytes", "Bytes that have come, of HTTP with the first protocol."),
  traffic("sent", "messages", "Messages that were written."),
  traffic("sent", "payloadBytes", "Bytes of the messages that were written, not compressed."),
  traffic("sent", "wireBytes", "Bytes that have left, of HTTP with the first protocol."),
  {
    name: "lws_unsent_bytes",
    type: "gauge",
    unit: "bytes",
    help: "Bytes that were written and have not left.",
    samples: (stats) => byProtocol(stats, ({ unsentBytes }) => [[unsentBytes, {}]]),
  },
  {
    name: "lws_buffered_bytes",
    type: "gauge",
    unit: "bytes",
    help: "Bytes that all connections hold: unsent, gathered, or waiting to be read.",
    samples: ({ bufferedBytes }) => [[bufferedBytes, {}]],
  },
  {
    name: "lws_requests_waiting",
    type: "gauge",
    help: "Requests that wait until connections hold less.",
    samples: ({ requestsWaiting }) => [[requestsWaiting, {}]],
  },
  {
    name: "lws_probes_missed",
    type: "counter",
    help: "Pings that find a peer gone, and were not answered.",
    samples: (stats) => byProtocol(stats, ({ probesMissed }) => [[probesMissed, {}]]),
  },
  {
    name: "lws_limits_hit",
    type: "counter",
    help: "How often a limit was hit.",
    samples: ({ limitsHit }) => named("limit", LIMIT_NAMES, limitsHit),
  },
  {
    name: "lws_timers",
    type: "gauge",
    help: "Timers that are armed now.",
    samples: ({ timers }) => [[timers, {}]],
  },
  {
    name: "lws_event_loop_lag_seconds",
    type: "gauge",
    unit: "seconds",
    help: "By how much the event loop comes late to its timers.",
    samples: ({ loopLagMs }) => [[loopLagMs / 1000, {}]],
  },
];

function traffic(
  direction: "received" | "sent",
  what: "messages" | "payloadBytes" | "wireBytes",
  help: string,
): Family {
  const samples = (stats: Stats) =>
    byProtocol(stats, (each): Sample[] => [[each[direction][what], {}]]);
  const name = `lws_${direction}_${what.replace("Bytes", "_bytes")}`;
  if (what === "messages") return { name, type: "counter", help, samples };
  return { name, type: "counter", unit: "bytes", help, samples };
}

/** What `read` finds in each protocol, with its name. */
function byProtocol(
  { protocols }: Stats,
  read: (stats: ProtocolStats) => readonly Sample[],
): Sample[] {
  return Object.entries(protocols).flatMap(([protocol, stats]) =>
    read(stats).map(([value, labels]): Sample => [value, { protocol, ...labels }])
  );
}

function byRole(stats: Stats, which: "now" | "ever"): Sample[] {
  return byProtocol(stats, ({ servers, clients }) => [
    [servers[which], { role: "server" }],
    [clients[which], { role: "client" }],
  ]);
}

/** All of `names`, and what `counts` has beside them. */
function named(
  label: string,
  names: readonly string[],
  counts: Readonly<Record<string, number | undefined>>,
): Sample[] {
  return [...new Set([...names, ...Object.keys(counts)])]
    .map((name) => [counts[name] ?? 0, { [label]: name }]);
}
