/**
 * `deno task fuzz`: random input for every parser that a stranger's bytes reach, for a minute.
 *
 *     deno task fuzz [--seconds N] [--seed S] [--target NAME[,NAME]] [--list] [--replay FILE|HEX]
 */

import { readTask, someOf } from "../../tools/task.ts";
import { checkInput, faultOf } from "./campaign.ts";
import { keep, readHex } from "./corpus.ts";
import { Board, type Order, type Report, type TargetResult } from "./messages.ts";
import { TARGETS, targetsOf } from "./targets.ts";

/** An input that takes longer has no end. */
const HANG_MS = 15_000;

const { names, seconds, seed, lists, replayed } = readTask({
  name: "fuzz",
  summary:
    "Gives each parser that a stranger's bytes reach random input, by a seed that it prints.",
  options: {
    seconds: { value: "N", about: "how long in all (60)" },
    seed: { value: "N", about: "the seed, from 1 to 4294967295 (one at random)" },
    target: { value: "A,B", about: "these targets alone; see --list" },
    list: { about: "the targets, and what they reach" },
    replay: { value: "FILE|HEX", about: "one input, of a file or as hexadecimal digits" },
  },
  examples: [[
    "deno task fuzz --target frames-13,chunks --seconds 600",
    "two parsers, for ten minutes",
  ]],
}, (args) => ({
  names: someOf(args, "target", TARGETS.map(({ name }) => name)) ?? [],
  seconds: args.number("seconds", { from: 0.01, to: 1e6, isFraction: true }) ?? 60,
  seed: args.number("seed", { from: 1, to: 2 ** 32 - 1 }) ??
    crypto.getRandomValues(new Uint32Array(1))[0]!,
  lists: args.flag("list"),
  replayed: args.text("replay"),
}));
if (lists) {
  for (const { name, covers } of targetsOf(names)) print(`${name.padEnd(18)} ${covers}`);
} else Deno.exitCode = replayed === undefined ? await fuzz() : await replay(replayed);

/** Checks the one input of a file, or that the hexadecimal digits are, with the targets that were named. */
async function replay(given: string): Promise<number> {
  const isDigits = /^([0-9a-f]{2})*$/i.test(given);
  const input = isDigits ? Uint8Array.fromHex(given) : readHex(Deno.readTextFileSync(given));
  const ofPath = isDigits ? undefined : /([^/\\]+)[/\\][^/\\]+$/.exec(given)?.[1];
  const chosen = names.length > 0 ? names : ofPath === undefined ? [] : [ofPath];
  let status = 0;
  for (const target of targetsOf(chosen)) {
    const fault = await faultOf(target, input);
    print(`${target.name}: ${fault ?? `holds: ${await checkInput(target, input)}`}`);
    if (fault !== undefined) status = 1;
  }
  return status;
}

function fuzz(): Promise<number> {
  print(`seed ${seed}`);
  const { promise, resolve } = Promise.withResolvers<number>();
  const buffer = new SharedArrayBuffer(Board.SIZE);
  const board = new Board(buffer);
  const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  let findings = 0;
  let target = "";
  let [count, since] = [-1, performance.now()];
  const found = (fault: string, input: Uint8Array, foundLength: number) => {
    findings++;
    print(`\n${target}: ${fault}`);
    print(`  seed ${seed}; ${input.length} bytes, of ${foundLength}; once more by`);
    print(`  deno task fuzz --target ${target} --replay ${input.toHex() || "''"}`);
    print(`  kept in ${keep(target, input, fault)}`);
  };
  const end = (results: readonly TargetResult[]) => {
    clearInterval(watch);
    worker.terminate();
    if (results.length > 0) printResults(results);
    resolve(findings === 0 ? 0 : 1);
  };
  const watch = setInterval(() => {
    const now = performance.now();
    if (board.count !== count || target === "") [count, since] = [board.count, now];
    if (now - since < HANG_MS) return;
    const { input } = board;
    found(`an input takes more than ${HANG_MS} ms`, input, input.length);
    end([]);
  }, 250);
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data.kind === "begins") target = data.target;
    else if (data.kind === "finding") found(data.fault, data.input, data.foundLength);
    else end(data.results);
  };
  worker.onerror = (event) => {
    print(`the worker ends: ${event.message}`);
    findings++;
    end([]);
  };
  const order: Order = { seed, seconds, targets: names, board: buffer };
  worker.postMessage(order);
  return promise;
}

function printResults(results: readonly TargetResult[]): void {
  print(`\n${"target".padEnd(18)}${"inputs".padStart(10)}${"a second".padStart(10)}  outcomes`);
  for (const { target, inputs, seconds, outcomes } of results) {
    const rate = Math.round(inputs / Math.max(seconds, 0.001));
    print(
      `${target.padEnd(18)}${String(inputs).padStart(10)}${String(rate).padStart(10)}  ${outcomes}`,
    );
  }
  const all = results.reduce((sum, { inputs }) => sum + inputs, 0);
  print(`${all} inputs`);
}

function print(text: string): void {
  // deno-lint-ignore no-console -- this is a command
  console.log(text);
}
