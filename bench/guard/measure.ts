/**
 * Two sides in turns, as a ratio. A machine's speed drifts and other programs take turns of their own;
 * either hits both sides alike when their rounds alternate. The ratio is that of the shortest rounds:
 * a round may be made longer by anything but not shorter, and rounds are short enough that, beside
 * busy neighbours too, some of each side run undisturbed. Medians of the same rounds were off by a
 * factor of two to four beside one or two busy loops, where these minima stayed within a tenth.
 */

import type { Part, Work } from "./parts/part.ts";

/** What became of one measurement. */
export interface Measurement {
  /** Nanoseconds for one of what the part's name says. */
  readonly oursNs: number;
  readonly floorNs: number;
  /** How fast ours is in floors. */
  readonly ratio: number;
}

const ROUND_MS = 2;
/** Until both sides have been compiled, which waits for its turn as well on a busy machine. */
const WARM_UP_MS = 100;

/** Measures a part in so many rounds a side. */
export function measure(part: Part, rounds: number): Measurement {
  const { ours, floor } = part.prepare();
  // From a fresh start, as some jobs leave their data changed.
  for (const times of [1, 2]) {
    if (ours(times) !== floor(times)) throw new Error("the two sides do different jobs");
  }
  const oursTimes = warmUp(ours);
  const floorTimes = warmUp(floor);
  let oursMs = Infinity;
  let floorMs = Infinity;
  for (let round = 0; round < rounds; round++) {
    oursMs = Math.min(oursMs, timeOf(ours, oursTimes));
    floorMs = Math.min(floorMs, timeOf(floor, floorTimes));
  }
  return {
    oursNs: oursMs * 1e6 / part.batch,
    floorNs: floorMs * 1e6 / part.batch,
    ratio: floorMs / oursMs,
  };
}

/** Runs a job until it is as fast as it gets, and returns how many times fill a round. */
function warmUp(work: Work): number {
  const stop = performance.now() + WARM_UP_MS;
  let times = 1;
  let shortest = Infinity;
  while (performance.now() < stop) {
    shortest = Math.min(shortest, timeOf(work, times));
    times = Math.max(1, Math.min(times * 2, Math.round(ROUND_MS / shortest)));
  }
  return times;
}

/** Milliseconds for one of `times`. */
function timeOf(work: Work, times: number): number {
  const start = performance.now();
  const result = work(times);
  const elapsed = performance.now() - start;
  if (Number.isNaN(result)) throw new Error("a job without a result");
  return elapsed / times;
}
