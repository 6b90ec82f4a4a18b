/** The rate that is offered where servers are compared at one load. */

import { type Measure, medianOf } from "../results.ts";
import type { Bench } from "./case.ts";
import { type Shape, throughputCase } from "./throughput.ts";

const SHAPE: Shape = [64, 1, 125];
const STEP = 1_000;

/** Half of what the slowest of the contenders reaches in this run, so that none is saturated. */
export async function halfOfSlowest(bench: Bench): Promise<number> {
  const known = bench.done.find(({ name }) => name === SHAPE.join("x"));
  const measure = known ?? await probe(bench);
  const ids = bench.contenders.map(({ id }) => id);
  const maxima = measure.rows.filter(({ contender }) => ids.includes(contender))
    .map((row) => medianOf(row, "messagesPerSecond"));
  // Where all failed, each shows at the lowest rate what is wrong with it.
  const slowest = maxima.length === 0 ? 0 : Math.min(...maxima);
  return Math.max(STEP, Math.round(slowest / 2 / STEP) * STEP);
}

/** A short look, when that case isn't among those of this run. */
function probe(bench: Bench): Promise<Measure> {
  return throughputCase(SHAPE).measure({ ...bench, effort: { ...bench.effort, rounds: 1 } });
}
