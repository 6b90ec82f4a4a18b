/**
 * Clients and servers, ours and foreign, that talk through a proxy which splits, delays, stalls, half-closes and
 * resets; what it does is decided by the seed.
 *
 *     deno task chaos --seed 7 --connections 80 --seconds 10 --case ours-ours/tcp
 *
 * `--seeds N` runs so many seeds, from `--seed` on; `--list` names the cases. The end is 1 when something was wrong,
 * and what to run to have it again is printed. `--faults` has calls of the system's fail instead: those of sockets, of
 * files and of TLS, each for so many seconds, from `--seed` on.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { fromFileUrl } from "@std/path";
import { makeCertificates } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";
import { UsageError } from "../../src/cli/arguments.ts";
import { readTask, type TaskManual } from "../../tools/task.ts";
import { type Case, CASES } from "./cases.ts";
import type { Order } from "./run.ts";

/** Beyond its seconds, and the rest that it gives itself, which a busy machine may take long for, a run hangs for good. */
const LATEST_MS = 600_000;

const MANUAL: TaskManual = {
  name: "chaos",
  summary: "Breaks connections, or has calls of the system's fail, by a seed.",
  options: {
    seed: { value: "N", about: "the first seed, from 1 (1; of faults at random)" },
    seeds: { value: "N", about: "how many, one after the other (1)" },
    connections: { value: "N", about: "clients, of all cases together (80)" },
    seconds: { value: "N", about: "how long each seed goes on (10)" },
    case: { value: "START", about: "the cases whose names begin so; see --list" },
    list: { about: "the cases" },
    faults: {
      about: "calls that fail in place of proxies: seeds from --seed on, for --seconds a kind",
    },
  },
  examples: [
    ["deno task chaos --seed 7 --case ours-ours/tcp", "one seed of one case"],
    ["deno task chaos --faults --seed 7 --seconds 1", "what failed with this seed, once more"],
  ],
};
const COUNT = { from: 1, to: 999_999_999 } as const;

/** The cases whose names begin so. @throws {UsageError} where there is none */
function casesOf(start: string): readonly Case[] {
  const fit = CASES.filter(({ name }) => name.startsWith(start));
  if (fit.length > 0) return fit;
  throw new UsageError(`--case is ${JSON.stringify(start)}, and no case begins so; see --list`);
}

/** Runs one seed; whether nothing was wrong. */
async function run(order: Order): Promise<boolean> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      fromFileUrl(new URL("run.ts", import.meta.url)),
      JSON.stringify(order),
    ],
    env: { DENO_CERT: `${order.folder}/ca.pem` },
    stdin: "null",
  }).spawn();
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    process.kill("SIGKILL");
  }, 1_000 * order.seconds + LATEST_MS);
  const { success } = await process.status;
  clearTimeout(timer);
  if (hangs) console.log("FAULT all: the process hangs");
  return success;
}

/** The tests that have calls fail at random; returns the end of their process. */
async function fault(): Promise<number> {
  const seed = options.seed ?? Math.ceil(Math.random() * COUNT.to);
  console.log(`seeds from ${seed} on`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--sanitize-ops", "--sanitize-resources"],
      ...["--preload", fromFileUrl(new URL("../network.ts", import.meta.url))],
      ...["--filter", "at random", fromFileUrl(new URL("../behaviour/faults", import.meta.url))],
    ],
    env: { LWS_FAULT_SEED: String(seed), LWS_FAULT_SECONDS: String(options.seconds) },
  }).spawn().status;
  return code;
}

const options = readTask(MANUAL, (args) => ({
  seed: args.number("seed", COUNT),
  seeds: args.number("seeds", COUNT) ?? 1,
  connections: args.number("connections", COUNT) ?? 80,
  seconds: args.number("seconds", COUNT) ?? 10,
  start: args.text("case") ?? "",
  fit: casesOf(args.text("case") ?? ""),
  lists: args.flag("list"),
  faults: args.flag("faults"),
}));
if (options.lists) {
  for (const { name, isThere } of options.fit) console.log(isThere ? name : `${name} (missing)`);
  Deno.exit(0);
}
if (options.faults) Deno.exit(await fault());
for (const { name } of options.fit.filter(({ isThere }) => !isThere)) {
  console.log(`${name} is left out: what it needs is missing`);
}
const cases = options.fit.filter(({ isThere }) => isThere).map(({ name }) => name);
const { ca, localhost } = await makeCertificates();
await using folder = await temporaryFolder();
await Deno.writeTextFile(`${folder.path}/ca.pem`, ca.cert);
const failed: string[] = [];
const { connections, seconds, start, seed: first = 1 } = options;
for (let i = 0; i < options.seeds; i++) {
  const seed = String(first + i);
  console.log(`seed ${seed}`);
  const order: Order = {
    seed,
    connections,
    seconds,
    cases,
    folder: folder.path,
    identity: { ca: ca.cert, cert: localhost.cert, key: localhost.key },
  };
  if (!await run(order)) failed.push(seed);
}
for (const seed of failed) {
  const only = start === "" ? "" : ` --case ${start}`;
  console.log(
    `seed ${seed} has failed: deno task chaos --seed ${seed} --connections ${connections} ` +
      `--seconds ${seconds}${only}`,
  );
}
Deno.exitCode = failed.length > 0 ? 1 : 0;
