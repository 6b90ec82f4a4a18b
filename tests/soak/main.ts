/**
 * All features come and go in a server and in its clients, round by round, and behind each round both processes tell
 * what they hold. Fails, and names the series, when one grows on.
 *
 *     deno task soak --minutes 10 --svg soak.svg
 *
 * `--leak` has the server keep a kibibyte of each connection, to see it fail. Topics with brokers and faults in them
 * have a soak of their own: `deno task test:soak`.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { fromFileUrl } from "@std/path";
import { makeCertificates, type TestIdentity } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";
import { start } from "./lines.ts";
import { drawSoak } from "./chart.ts";
import { judge, MOST_A_MINUTE, type Sample, type SeriesName } from "./series.ts";

/** What the server is told. */
export interface ServerOrder {
  readonly folder: string;
  /** Two that take turns. */
  readonly identities: readonly [TestIdentity, TestIdentity];
  readonly leaks: boolean;
}

/** What the clients are told. */
export interface ClientOrder {
  readonly ports: readonly [plain: number, secure: number];
  readonly ca: string;
  readonly roundMs: number;
}

const ROUND_MS = 3_000;

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

const minutes = Number(option("--minutes") ?? "10");
if (!(minutes >= 1)) {
  console.error("soak --minutes N [--svg FILE] [--leak]; N is 1 at least");
  Deno.exit(2);
}
const { ca, localhost, renewed } = await makeCertificates();
await using folder = await temporaryFolder();
await Deno.writeFile(`${folder.path}/data.bin`, new Uint8Array(300_000));

const serverOrder: ServerOrder = {
  folder: folder.path,
  identities: [localhost, renewed],
  leaks: Deno.args.includes("--leak"),
};
await using server = start(module("server.ts"), serverOrder);
const ports = await server.line() as ClientOrder["ports"];
const clientOrder: ClientOrder = { ports, ca: ca.cert, roundMs: ROUND_MS };
await using client = start(module("client.ts"), clientOrder);

function module(name: string): string {
  return fromFileUrl(new URL(name, import.meta.url));
}

const processes: Record<string, Sample[]> = { server: [], clients: [] };
const until = performance.now() + 60_000 * minutes;
let counts: unknown;
while (performance.now() < until) {
  await client.send();
  const answer = await client.line() as { sample: Sample; counts: unknown };
  counts = answer.counts;
  processes.clients!.push(answer.sample);
  await server.send();
  processes.server!.push(await server.line() as Sample);
}
console.log(`rounds: ${processes.server!.length}; ${JSON.stringify(counts)}`);
const grown: string[] = [];
for (const [process, samples] of Object.entries(processes)) {
  for (const name of Object.keys(MOST_A_MINUTE) as SeriesName[]) {
    const { isFlat, slope, first, last } = judge(samples, name);
    const figures = `${format(first)} to ${format(last)}, ${format(slope)} a minute`;
    console.log(`${process}: ${name} ${figures}${isFlat ? "" : " GROWS"}`);
    if (!isFlat) grown.push(`${name} of the ${process}`);
  }
}
const svg = option("--svg");
if (svg !== undefined) await Deno.writeTextFile(svg, drawSoak(processes));
if (grown.length > 0) console.error(`it grows on: ${grown.join(", ")}`);
if (grown.length > 0 && minutes < 10) {
  console.error("in fewer than 10 minutes a process that warms up looks like one that grows");
}
Deno.exitCode = grown.length > 0 ? 1 : 0;

function format(value: number): string {
  return Math.abs(value) >= 10_000 ? `${(value / 1024).toFixed(0)} KiB` : value.toFixed(1);
}
