/**
 * Measures this module's echo server beside others, each in a process of its own, in turns.
 *
 *     deno task bench:peers [--quick] [--only lws,floor] [--case 64x16x125] [--rounds 3]
 *                           [--seconds 3] [--json FILE]
 *
 * Prints messages a second (medians) and the ratios of ours to theirs; only ratios count, as machines
 * drift.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { flag, option } from "./arguments.ts";

interface Contender {
  readonly name: string;
  readonly script: string;
}

const OURS = "lws";
const CONTENDERS: readonly Contender[] = [
  { name: OURS, script: "lws.ts" },
  { name: "deno", script: "deno_builtin.ts" },
  { name: "ws", script: "ws_on_deno.ts" },
  { name: "floor", script: "floor.ts" },
];

/** Connections × frames in flight × bytes. */
const CASES = ["1x1x125", "64x1x125", "64x16x125", "1x64x125", "64x1x16384", "16x4x65536"];
const QUICK_CASES = ["64x1x125", "64x16x125", "16x4x65536"];

interface Sample {
  readonly messagesPerSecond: number;
  readonly p50us: number;
  readonly p99us: number;
}

const here = (path: string) => new URL(path, import.meta.url).pathname;

/** Starts a server, measures one case, and ends it. */
async function measure(contender: Contender, load: string, seconds: number): Promise<Sample> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", here(`servers/${contender.script}`), "--port", "0"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let line = "";
    while (!line.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${contender.name} did not start`);
      line += value;
    }
    const port = /:(\d+)/.exec(line.slice(line.indexOf("127.0.0.1")))![1]!;
    const [connections, pipeline, size] = load.split("x") as [string, string, string];
    const run = (duration: number) =>
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--allow-net", "--quiet", here("load.ts"), "--port", port],
          ...["--connections", connections, "--pipeline", pipeline, "--size", size],
          ...["--seconds", String(duration)],
        ],
        stdin: "null",
      }).output();
    await run(0.5); // a warm-up
    const { success, stdout } = await run(seconds);
    if (!success) throw new Error(`${contender.name} lost connections in ${load}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await reader.cancel();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const quick = flag("quick");
const rounds = Number(option("rounds", quick ? "2" : "3"));
const seconds = Number(option("seconds", quick ? "1.5" : "3"));
const only = option("only", "").split(",").filter((name) => name !== "");
const chosen = option("case", "");
const cases = chosen !== "" ? [chosen] : quick ? QUICK_CASES : CASES;
const contenders = CONTENDERS.filter(({ name }) =>
  only.length === 0 || name === OURS || only.includes(name)
);

console.log(
  `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${navigator.hardwareConcurrency} cores; ` +
    `${rounds} rounds of ${seconds} s; connections x in flight x bytes`,
);
const results: Record<string, Record<string, { samples: Sample[]; ratio?: number[] }>> = {};
for (const load of cases) {
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      try {
        const list = samples.get(contender.name) ?? [];
        samples.set(contender.name, list);
        list.push(await measure(contender, load, seconds));
      } catch (error) {
        console.error(`${contender.name}: ${(error as Error).message}`);
      }
    }
  }
  const ours = samples.get(OURS)!.map((each) => each.messagesPerSecond);
  results[load] = {};
  for (const [name, list] of samples) {
    if (list.length === 0) continue;
    const rates = list.map((each) => each.messagesPerSecond);
    const ratio = rates.map((rate, round) => (ours[round] ?? NaN) / rate);
    results[load][name] = name === OURS ? { samples: list } : { samples: list, ratio };
    const spread = name === OURS ? "" : `ours ÷ theirs ${median(ratio).toFixed(2)} ` +
      `(${Math.min(...ratio).toFixed(2)}–${Math.max(...ratio).toFixed(2)})`;
    console.log(
      `${load.padEnd(12)} ${name.padEnd(6)} ${
        Math.round(median(rates)).toLocaleString("en").padStart(10)
      }/s  p50 ${Math.round(median(list.map((each) => each.p50us)))} µs  ${spread}`,
    );
  }
}
const json = option("json", "");
if (json !== "") {
  const report = { date: new Date().toISOString(), deno: Deno.version, results };
  await Deno.writeTextFile(json, JSON.stringify(report, null, 2) + "\n");
}
