/** What our server is to reach, and whether it did. */

import { type ContenderId, OURS } from "./contenders.ts";
import { type Measure, median, medianOf, ratios, type Verdict } from "./results.ts";

/** A bound on ours ÷ theirs, or on our own figure where there is no `against`. */
interface Target {
  readonly measure: string;
  readonly figure: string;
  readonly against?: ContenderId;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const RATE = "messagesPerSecond";

export const TARGETS: readonly Target[] = [
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
  { measure: "growth", figure: "kept", atLeast: 0.75 },
];

/** What became of the targets of one measure; those of absent contenders are left out. */
export function judge(measure: Measure): Verdict[] {
  const oursBroke = measure.broken.some(({ contender }) => contender === OURS);
  return TARGETS.filter((target) => target.measure === measure.name).flatMap((target) => {
    const { figure, against, atLeast = -Infinity, atMost = Infinity } = target;
    const wanted = atLeast === -Infinity ? `at most ${atMost}` : `at least ${atLeast}`;
    const row = measure.rows.find(({ contender }) => contender === (against ?? OURS));
    if (row === undefined && !oursBroke) return [];
    const found = oursBroke || row === undefined
      ? null
      : against === undefined
      ? medianOf(row, figure)
      : median(ratios(measure, row, figure));
    const ok = found !== null && found >= atLeast && found <= atMost;
    const base = { measure: measure.name, figure, wanted, found, ok };
    return [against === undefined ? base : { ...base, against }];
  });
}
