/** What our servers are to reach, and whether they did. */

import { type ContenderId, OURS, OURS_EPOLL, OURS_OPENSSL } from "./contenders.ts";
import { type Measure, median, medianOf, ratios, type Verdict } from "./results.ts";

/** A bound on ours ÷ theirs, or on our own figure where there is no `against`. */
interface Target {
  readonly measure: string;
  readonly figure: string;
  readonly against?: ContenderId;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What one of our servers is to reach. */
interface TargetTable {
  readonly title: string;
  readonly of: ContenderId;
  readonly targets: readonly Target[];
}

const RATE = "messagesPerSecond";
const CROWD = "1000x1x125";
const CROWD_BESIDE_IDLE = "9000-idle-1000x1x125";

export const TARGET_TABLES: readonly TargetTable[] = [
  {
    title: "To reach",
    of: OURS,
    targets: [
      { measure: "64x1x125", figure: RATE, against: "deno", atLeast: 1 },
      { measure: "64x1x125", figure: RATE, against: "floor", atLeast: 0.95 },
      { measure: "64x16x125", figure: RATE, against: "deno", atLeast: 9 },
      { measure: "64x16x125", figure: RATE, against: "libwebsockets", atLeast: 7.5 },
      { measure: "64x16x125", figure: RATE, against: "floor", atLeast: 0.85 },
      { measure: "64x1x16384", figure: RATE, against: "deno", atLeast: 1.1 },
      { measure: "16x4x65536", figure: RATE, against: "deno", atLeast: 1.2 },
      { measure: "deflate-16x16x1024", figure: RATE, against: "ws-deno", atLeast: 1.5 },
      { measure: "deflate-16x16x1024", figure: RATE, against: "libwebsockets", atLeast: 1.2 },
      { measure: "deflate-4x1x65536", figure: RATE, against: "ws-deno", atLeast: 1.5 },
      { measure: "tls-16x4x65536", figure: "ofPlain", atLeast: 0.5 },
      { measure: "tls-16x4x65536", figure: RATE, against: "ws-deno", atLeast: 1.2 },
      { measure: "tls-1x1x65536", figure: "ofPlain", atLeast: 0.5 },
      { measure: "tls-1x1x65536", figure: RATE, against: "ws-deno", atLeast: 1.2 },
      { measure: "files", figure: "1 KiB/s", against: "deno", atLeast: 1 },
      { measure: "files", figure: "64 KiB/s", against: "deno", atLeast: 1 },
      { measure: "files", figure: "16 MiB/s", against: "deno", atLeast: 1 },
      { measure: "files", figure: "16 MiB/s", against: "floor", atLeast: 0.9 },
      { measure: "idle", figure: "handshakesPerSecond", against: "deno", atLeast: 1.2 },
      { measure: "idle", figure: "bytesPerConnection", against: "deno", atMost: 0.5 },
      { measure: "idle-deflate", figure: "moreBytes", atMost: 1024 },
      { measure: "idle-cpu", figure: "cpuPercent", atMost: 1 },
      { measure: "broadcast", figure: RATE, against: "deno", atLeast: 2 },
      { measure: "topics", figure: "ofLoop", atLeast: 0.9 },
      { measure: "topics", figure: "ofOne", atLeast: 0.4 },
      { measure: "topics-idle", figure: "ofConnection", atMost: 0.2 },
      { measure: "redis", figure: "keptOfBare", atLeast: 0.35 },
      { measure: "redis", figure: "liveOfBare", atLeast: 0.7 },
      { measure: "redis", figure: "p50OfBare", atMost: 2.5 },
      { measure: "redis", figure: "ofLoop", atLeast: 0.6 },
      { measure: "redis", figure: "topicOfConnection", atMost: 0.35 },
      { measure: "redis", figure: "resubscribed", atMost: 3 },
      { measure: "nats", figure: "keptOfBare", atLeast: 0.25 },
      { measure: "nats", figure: "p50OfBare", atMost: 3 },
      { measure: "nats", figure: "ofLoop", atLeast: 0.6 },
      { measure: "nats", figure: "topicOfConnection", atMost: 0.35 },
      { measure: "nats", figure: "resubscribed", atMost: 3 },
      { measure: "growth", figure: "kept", atLeast: 0.75 },
    ],
  },
  {
    title: "To reach next",
    of: OURS_EPOLL,
    targets: [
      { measure: "1x1x125", figure: "cpuUs", against: "deno", atMost: 1 },
      { measure: "64x1x125", figure: RATE, against: "deno", atLeast: 1.3 },
      { measure: "64x1x125", figure: RATE, against: "bun", atLeast: 0.95 },
      { measure: "64x1x125", figure: RATE, against: "floor-epoll", atLeast: 0.9 },
      { measure: "64x16x125", figure: RATE, against: "bun", atLeast: 1 },
      { measure: "64x16x125", figure: RATE, against: "lws", atLeast: 1.2 },
      { measure: "64x1x16384", figure: RATE, against: "bun", atLeast: 1.5 },
      { measure: "64x1x16384", figure: RATE, against: "deno", atLeast: 1.6 },
      { measure: "16x4x65536", figure: RATE, against: "bun", atLeast: 1.7 },
      { measure: "16x4x65536", figure: RATE, against: "deno", atLeast: 1.7 },
      { measure: CROWD, figure: "worstMs", against: "bun", atMost: 2.5 },
      { measure: CROWD_BESIDE_IDLE, figure: "worstMs", against: "bun", atMost: 2.5 },
      { measure: CROWD_BESIDE_IDLE, figure: "starved", atMost: 0 },
      { measure: "idle", figure: "handshakesPerSecond", against: "deno", atLeast: 1.4 },
      { measure: "idle", figure: "bytesPerConnection", against: "deno", atMost: 0.15 },
      { measure: "idle", figure: "bytesPerConnection", against: "bun", atMost: 1.5 },
      { measure: "broadcast", figure: RATE, against: "deno", atLeast: 1.8 },
      { measure: "broadcast", figure: RATE, against: "bun", atLeast: 1 },
    ],
  },
  {
    title: "To reach with OpenSSL",
    of: OURS_OPENSSL,
    targets: [
      { measure: "tls-64x1x125", figure: RATE, against: "lws", atLeast: 1.6 },
      { measure: "tls-64x1x125", figure: RATE, against: "bun", atLeast: 0.8 },
      { measure: "tls-64x16x125", figure: RATE, against: "lws", atLeast: 1.5 },
      { measure: "tls-64x16x125", figure: RATE, against: "bun", atLeast: 0.75 },
      { measure: "tls-16x4x65536", figure: RATE, against: "lws", atLeast: 1.05 },
      { measure: "tls-16x4x65536", figure: RATE, against: "bun", atLeast: 0.75 },
      { measure: "idle-tls", figure: "handshakesPerSecond", against: "lws", atLeast: 1.2 },
      { measure: "idle-tls", figure: "bytesPerConnection", atMost: 25_000 },
    ],
  },
];

/** What became of the targets of one measure; those of absent contenders are left out. */
export function judge(measure: Measure): Verdict[] {
  return TARGET_TABLES.flatMap(({ of, targets }) =>
    targets.filter((target) => target.measure === measure.name)
      .flatMap((target) => judgeOne(measure, of, target))
  );
}

function judgeOne(measure: Measure, of: ContenderId, target: Target): Verdict[] {
  const { figure, against, atLeast = -Infinity, atMost = Infinity } = target;
  const rowOf = (id: ContenderId) => measure.rows.find(({ contender }) => contender === id);
  const wanted = atLeast === -Infinity ? `at most ${atMost}` : `at least ${atLeast}`;
  const base = {
    ...{ measure: measure.name, figure, of, wanted },
    ...against !== undefined && { against },
  };
  if (measure.broken.some(({ contender }) => contender === of)) {
    return [{ ...base, found: null, ok: false }];
  }
  const row = rowOf(against ?? of);
  if (row === undefined || rowOf(of) === undefined) return [];
  const found = against === undefined
    ? medianOf(row, figure)
    : median(ratios(measure, of, row, figure));
  return [{ ...base, found, ok: found >= atLeast && found <= atMost }];
}
