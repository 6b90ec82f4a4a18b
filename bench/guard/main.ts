/**
 * Fails when a hot part has become slower, whatever the machine: each is measured beside the barest
 * code that does the same job (`floor/`), and what counts is how fast it is in floors.
 *
 *     deno task bench:guard           compares with the ratios in `noted.ts`
 *     deno task bench:guard --note    writes them
 *     deno task bench:guard --fairness    only what neighbours notice of floods
 */

// deno-lint-ignore-file no-console -- a program's own output

import { readTask } from "../../tools/task.ts";
import { fairness } from "./fairness.ts";
import { measureApart } from "./apart.ts";
import type { Measurement } from "./measure.ts";
import { note } from "./note.ts";
import { NOTED } from "./noted.ts";
import { PARTS } from "./parts/all.ts";

/** The share of its noted ratio that a part may fall to. */
const ALLOWED = 2 / 3;
/** The rounds of the first attempt, and of those that a part gets before it is called slow. */
const ROUNDS = [75, 200, 400];

/** The best of up to three measurements; the first will do if it is good enough. */
async function attempt(name: string, least: number): Promise<Measurement> {
  let best: Measurement | undefined;
  for (const rounds of ROUNDS) {
    const measurement = await measureApart({ name, rounds });
    if (best === undefined || measurement.ratio > best.ratio) best = measurement;
    if (best.ratio >= least) break;
  }
  return best!;
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(40) + cells.map((cell) => cell.padStart(10)).join("");
}

async function compare(): Promise<void> {
  const faults: string[] = [];
  console.log(row("part", "ours ns", "floor ns", "ratio", "noted", "verdict"));
  for (const { name } of PARTS) {
    const noted = NOTED[name];
    const least = (noted ?? 0) * ALLOWED;
    const { oursNs, floorNs, ratio } = await attempt(name, least);
    let verdict = "ok";
    if (noted === undefined) {
      verdict = "not noted";
      faults.push(`${name} has no noted ratio: deno task bench:guard --note`);
    } else if (ratio < least) {
      verdict = "SLOWER";
      faults.push(
        `${name} has become slower: ${ratio.toFixed(2)} of the floor's speed; ` +
          `noted is ${noted.toFixed(2)}, allowed ${least.toFixed(2)}`,
      );
    } else if (ratio * ALLOWED > noted) verdict = "faster";
    console.log(
      row(
        name,
        oursNs.toFixed(1),
        floorNs.toFixed(1),
        ratio.toFixed(2),
        noted?.toFixed(2) ?? "",
        verdict,
      ),
    );
  }
  await compareFairness(faults);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exitCode = 1;
}

async function onlyFairness(): Promise<void> {
  const faults: string[] = [];
  await compareFairness(faults);
  if (faults.length > 0) Deno.exitCode = 1;
}

async function compareFairness(faults: string[]): Promise<void> {
  console.log(`\n${row("a neighbour's p99 beside a flood of", "flooded", "quiet ms", "verdict")}`);
  for await (const { name, quietMs, floodedMs, isFair } of fairness()) {
    console.log(row(name, floodedMs.toFixed(2), quietMs.toFixed(2), isFair ? "ok" : "STARVED"));
    if (!isFair) {
      faults.push(`a flood of ${name} starves its neighbours: ${floodedMs.toFixed(1)} ms`);
    }
  }
}

const { isFairness, isNote } = readTask({
  name: "bench:guard",
  summary: "Fails when a hot part has become slower, or a flood starves its neighbours.",
  options: {
    note: { about: "write the ratios of this machine, which later runs are compared with" },
    fairness: { about: "only what neighbours notice of floods" },
  },
}, (args) => ({ isFairness: args.flag("fairness"), isNote: args.flag("note") }));
if (isFairness) await onlyFairness();
else if (isNote) await note();
else await compare();
