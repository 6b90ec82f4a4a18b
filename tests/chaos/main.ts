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
import { CASES } from "./cases.ts";
import type { Order } from "./run.ts";

const OPTIONS = { seed: "1", seeds: "1", connections: "80", seconds: "10", case: "" };
/** Beyond its seconds, and the rest that it gives itself, which a busy machine may take long for, a run hangs for good. */
const LATEST_MS = 600_000;

type Options = typeof OPTIONS;

function fail(text: string): never {
  console.error(text);
  Deno.exit(2);
}

function readArguments(): Options {
  const options: Options = { ...OPTIONS };
  for (let i = 0; i < Deno.args.length; i += 2) {
    const name = Deno.args[i]!.slice(2);
    const value = Deno.args[i + 1];
    if (!Deno.args[i]!.startsWith("--") || !(name in options) || value === undefined) {
      fail(`${Deno.args[i]}: the options are --${Object.keys(OPTIONS).join(", --")} and --list`);
    }
    options[name as keyof Options] = value;
  }
  for (const name of ["seed", "seeds", "connections", "seconds"] as const) {
    if (!/^[1-9]\d{0,8}$/.test(options[name])) fail(`--${name} is ${options[name]}, and no number`);
  }
  return options;
}

/** The cases whose names begin so. */
function chosen(start: string): string[] {
  const fit = CASES.filter(({ name }) => name.startsWith(start));
  if (fit.length === 0) fail(`--case is ${start}, and no case begins so: see --list`);
  for (const { name } of fit.filter(({ isThere }) => !isThere)) {
    console.log(`${name} is left out: what it needs is missing`);
  }
  return fit.filter(({ isThere }) => isThere).map(({ name }) => name);
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
async function fault({ seed, seconds }: Options): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--sanitize-ops", "--sanitize-resources"],
      ...["--preload", fromFileUrl(new URL("../network.ts", import.meta.url))],
      ...["--filter", "at random", fromFileUrl(new URL("../behaviour/faults", import.meta.url))],
    ],
    env: { LWS_FAULT_SEED: seed, LWS_FAULT_SECONDS: seconds },
  }).spawn().status;
  return code;
}

if (Deno.args.includes("--list")) {
  for (const { name, isThere } of CASES) console.log(isThere ? name : `${name} (missing)`);
  Deno.exit(0);
}
const options = readArguments();
const cases = chosen(options.case);
const { ca, localhost } = await makeCertificates();
await using folder = await temporaryFolder();
await Deno.writeTextFile(`${folder.path}/ca.pem`, ca.cert);
const failed: string[] = [];
for (let i = 0; i < Number(options.seeds); i++) {
  const seed = String(Number(options.seed) + i);
  console.log(`seed ${seed}`);
  const order: Order = {
    seed,
    connections: Number(options.connections),
    seconds: Number(options.seconds),
    cases,
    folder: folder.path,
    identity: { ca: ca.cert, cert: localhost.cert, key: localhost.key },
  };
  if (!await run(order)) failed.push(seed);
}
for (const seed of failed) {
  const { connections, seconds } = options;
  const only = options.case === "" ? "" : ` --case ${options.case}`;
  console.log(
    `seed ${seed} has failed: deno task chaos --seed ${seed} --connections ${connections} ` +
      `--seconds ${seconds}${only}`,
  );
}
Deno.exitCode = failed.length > 0 ? 1 : 0;
