/** The examples of pages of docs/guide, which print what the comments beside their output say. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/api/limits.ts";
import { createContext, handlers } from "../../mod.ts";
import { openMetrics } from "../../src/metrics/mod.ts";
import { temporaryFolder } from "../support/folder.ts";
import { readOpenMetrics } from "../support/metrics/open_metrics.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const readPage = (name: string) => Deno.readTextFileSync(`${ROOT}docs/guide/${name}.md`);
/** The pages, and how many examples each has at least. */
// deno-fmt-ignore
const PAGES = [
  ["backpressure", 2],
  ["clients", 4],
  ["command", 1],
  ["draining", 1],
  ["errors", 1],
  ["heartbeat", 1],
  ["http", 7],
  ["login", 3],
  ["metrics", 3],
  ["old-wire-versions", 2],
  ["permissions", 1],
  ["protocols", 2],
  ["rates", 1],
  ["resume", 2],
  ["testing", 3],
  ["topics", 4],
] as const;
/** An example in a clone of this project, with no more rights than it needs. */
const COMMAND = ["run", "--quiet", "--no-prompt", "--config", `${ROOT}deno.json`, "--allow-net"];
/** What those with a folder need besides. */
const FOLDER = ["--allow-read", "--allow-write"];
/** What those with workers need besides. */
const WORKERS = ["--allow-read"];

/** The examples of a page. */
function examplesOf(name: string): string[] {
  return readPage(name).split("```ts\n").slice(1)
    .map((part) => part.slice(0, part.indexOf("```")));
}

/** The comment behind each `console.log`. */
function promised(code: string): string[] {
  return [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment!);
}

for (const [page, least] of PAGES) {
  Deno.test(`each example of docs/guide/${page}.md prints what it says, and ends`, async () => {
    const examples = examplesOf(page);
    assert(examples.length >= least, `${examples.length} examples`);
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    for (const [i, code] of examples.entries()) {
      const path = `${folder}/example_${i}.ts`;
      await Deno.writeTextFile(path, code);
      const forks = code.includes("forkServiceLoop") ? WORKERS : [];
      const more = code.includes("makeTempDir") ? FOLDER : forks;
      const command = new Deno.Command(Deno.execPath(), {
        args: [...COMMAND, ...more, path],
        stdin: "null",
      });
      const { stdout, stderr } = await command.output();
      const [printed, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
      assertEquals(complaint, "", code);
      assertEquals(printed!.trimEnd().split("\n").map((line) => line.trim()), promised(code), code);
    }
  });
}

const UNITS: Readonly<Record<string, number>> = { "B/s": 1, s: 1000, KiB: 1024, MiB: 1024 * 1024 };

Deno.test("the defaults that the guide to HTTP lists are those of the limits", () => {
  const rows = [...readPage("http").matchAll(/^\| `(\w+)` +\| (\d+) (\S+) +\|/gm)];
  assert(rows.length >= 9, `${rows.length} rows`);
  for (const [, name, value, unit] of rows) {
    assertEquals(Number(value) * UNITS[unit!]!, DEFAULT_LIMITS[name as "maxBodySize"], name);
  }
});

Deno.test("the guide to metrics lists the names and the labels of all", async () => {
  const protocols = [{ name: "x", callback: handlers({}) }];
  await using context = createContext({ port: 0, iface: "127.0.0.1", protocols });
  const families = readOpenMetrics(openMetrics(context));
  const page = readPage("metrics");
  for (const { name, type, samples } of families.values()) {
    const sampleName = type === "counter" ? `${name}_total` : name;
    const row = page.split("\n").find((line) => line.includes(`\`${sampleName}\``));
    assert(row !== undefined, sampleName);
    const [first] = samples.keys();
    if (first === undefined) continue;
    const labels = [...first.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``).join(", ");
    assertEquals(row.split("|")[2]!.trim(), labels, sampleName);
  }
});

Deno.test("the guide to errors has each code once", async () => {
  const source = await Deno.readTextFile(`${ROOT}src/base/errors.ts`);
  const codes = [
    ...source.split("export type LwsErrorCode =")[1]!.split(";")[0]!.matchAll(/"([^"]+)"/g),
  ]
    .map(([, code]) => code!);
  const rows = [...readPage("errors").matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, code]) => code!);
  assertEquals(rows.toSorted(), codes.toSorted());
});
