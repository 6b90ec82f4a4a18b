/**
 * Measures this module's server beside others, each in a process of its own, in turns.
 *
 *     deno task bench:peers --quick
 *     deno task bench:peers --case 64x16x125 --only floor,bun --json FILE --svg FILE
 *
 * Only ratios count: machines drift, and absolute figures with them. Needs Linux and a C compiler;
 * whatever else is missing is named and left out. `--help` has all options.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { type Choices, readArguments, USAGE, UsageError } from "./arguments.ts";
import { drawChart } from "./chart.ts";
import { findContenders } from "./contenders.ts";
import { prepareLoad } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { fillPage } from "./page.ts";
import { endAll, endAllOnSignals } from "./processes.ts";
import { formatHead, formatMeasure, formatVerdicts } from "./report.ts";
import type { Measure, Report, Verdict } from "./results.ts";
import { judge } from "./targets.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const choices = readArguments(args);
    if (choices.help) {
      console.log(USAGE);
      return 0;
    }
    endAllOnSignals();
    const report = await run(choices);
    if (choices.json !== undefined) {
      await Deno.writeTextFile(choices.json, JSON.stringify(report, null, 2) + "\n");
    }
    if (choices.svg !== undefined) await Deno.writeTextFile(choices.svg, drawChart(report));
    if (choices.page !== undefined) {
      const page = await Deno.readTextFile(choices.page);
      await Deno.writeTextFile(choices.page, fillPage(page, report));
    }
    return choices.check && report.verdicts.some(({ ok }) => !ok) ? 1 : 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    await endAll();
  }
}

async function run({ cases, only, effort, cache }: Choices): Promise<Report> {
  const load = await prepareLoad(cache);
  const { contenders, missing } = await findContenders(only, cache);
  const head = {
    date: new Date().toISOString(),
    machine: await describeMachine(),
    rounds: effort.rounds,
    seconds: effort.seconds,
    contenders: contenders.map(({ id, title, version }) => ({ id, title, version })),
    missing,
  };
  console.log(formatHead(head));
  const measures: Measure[] = [];
  const verdicts: Verdict[] = [];
  for (const each of cases) {
    const able = contenders.filter((one) => one[each.needs ?? "echoes"]);
    const measure = await each.measure({ contenders: able, load, effort, cache, done: measures });
    const judged = judge(measure);
    measures.push(measure);
    verdicts.push(...judged);
    console.log(`\n${formatMeasure(measure, judged)}`);
  }
  console.log(`\n${formatVerdicts(verdicts, measures, head)}`);
  return { ...head, measures, verdicts };
}
