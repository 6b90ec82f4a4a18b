/**
 * All features come and go in a server and in its clients, round by round, and behind each round both processes tell
 * what they hold. Fails, and names the series, when one grows on.
 *
 *     deno task soak --minutes 10 --svg soak.svg
 *
 * `--only plain,tls` has these features alone, to find which one it is that grows; `--network epoll` and `--network
 * openssl` have both processes use the epoll network, with TLS by the runtime or by OpenSSL. `--leak` has the server
 * keep a kibibyte of each message, to see it fail. `--brokers` is another soak instead: topics over Redis and NATS,
 * with a fault in each minute.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { fromFileUrl } from "@std/path";
import { makeCertificates } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";
import { oneOf, readTask, someOf } from "../../tools/task.ts";
import { start } from "./lines.ts";
import { type ClientOrder, FEATURES, NETWORKS, type ServerOrder } from "./order.ts";
import { drawSoak } from "./chart.ts";
import { judge, MOST_A_MINUTE, type Sample, type SeriesName } from "./series.ts";

const ROUND_MS = 3_000;

const { minutes, features, network, svg, leaks, brokers } = readTask({
  name: "soak",
  summary:
    "All features come and go in a server and its clients: what they hold stays flat, or it fails.",
  options: {
    minutes: { value: "N", about: "how long, from 1 (10)" },
    only: { value: "A,B", about: `these features alone: ${FEATURES.join(", ")}` },
    network: { value: "NAME", about: `${NETWORKS.join(", ")} (${NETWORKS[0]})` },
    svg: { value: "FILE", about: "a chart of what was held" },
    leak: { about: "the server keeps a part of each message, to see it fail" },
    brokers: { about: "topics over Redis and NATS instead, with a fault in each minute" },
  },
  examples: [["deno task soak --minutes 30 --only plain,tls", "two features, for half an hour"]],
}, (args) => ({
  minutes: args.number("minutes", { from: 1, to: 100_000, isFraction: true }) ?? 10,
  features: someOf(args, "only", FEATURES) ?? FEATURES,
  network: oneOf(args, "network", NETWORKS) ?? NETWORKS[0]!,
  svg: args.text("svg"),
  leaks: args.flag("leak"),
  brokers: args.flag("brokers"),
}));
if (brokers) Deno.exit(await soakBrokers());
const { ca, localhost, renewed } = await makeCertificates();
await using folder = await temporaryFolder();
await Deno.writeFile(`${folder.path}/data.bin`, new Uint8Array(300_000));

const serverOrder: ServerOrder = {
  features,
  network,
  folder: folder.path,
  identities: [localhost, renewed],
  leaks,
};
await using server = start(module("server.ts"), serverOrder);
const ports = await server.line() as ClientOrder["ports"];
const clientOrder: ClientOrder = { features, network, ports, ca: ca.cert, roundMs: ROUND_MS };
await using client = start(module("client.ts"), clientOrder);

function module(name: string): string {
  return fromFileUrl(new URL(name, import.meta.url));
}

const processes: Record<string, Sample[]> = { server: [], clients: [] };
const until = performance.now() + 60_000 * minutes;
let counts: unknown;
let told = 1;
while (performance.now() < until) {
  await client.send();
  const answer = await client.line() as { sample: Sample; counts: unknown };
  counts = answer.counts;
  processes.clients!.push(answer.sample);
  await server.send();
  const own = await server.line() as Sample;
  processes.server!.push(own);
  if (own.minute < told) continue;
  told++;
  console.log(
    `minute ${own.minute.toFixed(1)}: ${inShort("server", own)}; ${
      inShort("clients", answer.sample)
    }`,
  );
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
if (svg !== undefined) await Deno.writeTextFile(svg, drawSoak(processes));
if (grown.length > 0) console.error(`it grows on: ${grown.join(", ")}`);
if (grown.length > 0 && minutes < 10) {
  console.error("in fewer than 10 minutes a process that warms up looks like one that grows");
}
Deno.exitCode = grown.length > 0 ? 1 : 0;

/** The tests of brokers that want minutes; returns the end of their process. */
async function soakBrokers(): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", module("../peers/brokers/soak_test.ts")],
    env: { LWS_SOAK_MINUTES: String(Math.ceil(minutes)) },
  }).spawn().status;
  return code;
}

/** What the memory of a process is, for those who wait. */
function inShort(name: string, { heap, resident }: Sample): string {
  return `${name} ${format(heap)} of heap, ${format(resident)} resident`;
}

function format(value: number): string {
  return Math.abs(value) >= 10_000 ? `${(value / 1024).toFixed(0)} KiB` : value.toFixed(1);
}
