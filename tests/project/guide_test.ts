/** The examples of pages of docs/guide, which print what the comments beside their output say. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/api/limits.ts";
import { createContext, handlers } from "../../mod.ts";
import { CLOSE_STATUS, FAILURES } from "../../src/core/websocket/close.ts";
import { openMetrics } from "../../src/metrics/mod.ts";
import { temporaryFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { readOpenMetrics } from "../support/metrics/open_metrics.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const readPage = (name: string) => Deno.readTextFileSync(`${ROOT}docs/guide/${name}.md`);
/** Pages whose programs want what is not everywhere: those of tests/peers follow them. */
const ELSEWHERE = ["README", "core", "epoll", "nats", "node", "proxies", "scale", "tls"];
const PAGES = [...Deno.readDirSync(`${ROOT}docs/guide`)].map(({ name }) => name.slice(0, -3))
  .filter((name) => !ELSEWHERE.includes(name)).sort();
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

/** Runs an example, and compares what it prints. */
async function follow(code: string, path: string): Promise<void> {
  // Names of C that take no port but a given one.
  await Deno.writeTextFile(path, code.replaceAll(/\b9001\b/g, `${freePort()}`));
  const forks = code.includes("forkServiceLoop") ? WORKERS : [];
  const more = code.includes("makeTempDir") ? FOLDER : forks;
  const args = [...COMMAND, ...more, path];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" })
    .output();
  const [printed, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  assertEquals(complaint, "", code);
  const lines = printed!.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  assertEquals(lines, promised(code), code);
}

for (const page of PAGES) {
  Deno.test(`each example of docs/guide/${page}.md prints what it says, and ends`, async () => {
    const examples = examplesOf(page);
    assert(examples.length > 0);
    await using temporary = await temporaryFolder();
    await Promise.all(
      examples.map((code, i) => follow(code, `${temporary.path}/example_${i}.ts`)),
    );
  });
}

const UNITS: Readonly<Record<string, number>> = { "B/s": 1, s: 1000, KiB: 1024, MiB: 1024 * 1024 };

Deno.test("the guide to limits has each limit once, with its default", () => {
  const rows = [...readPage("limits").matchAll(/^\| `(\w+)` +\| (.+?) +\|/gm)];
  const names = rows.map(([, name]) => name!);
  assertEquals([...names, "spreadMs"].toSorted(), Object.keys(DEFAULT_LIMITS).toSorted());
  for (const [, name, text] of rows) {
    const [value, unit = ""] = text!.split(" ");
    const number = value === "off" ? Infinity : Number(value!.replaceAll(",", ""));
    const told = name === "maxConnections" ? 10_000 : number * (UNITS[unit] ?? 1);
    assertEquals(told, DEFAULT_LIMITS[name as "maxBodySize"], name);
  }
});

Deno.test("the guide to closes has each code that may be told, and each cause", async () => {
  const page = readPage("closes");
  const codes = [...page.matchAll(/^\| (1\d{3}) +\|/gm)].map(([, code]) => Number(code));
  const registered = Object.values(CLOSE_STATUS).filter((code) => code >= 1000 && code < 1016);
  assertEquals(codes, [...new Set(registered)].filter((code) => code !== CLOSE_STATUS.reserved));
  for (const [code] of Object.values(FAILURES)) {
    assertMatch(page, new RegExp(`^\\| ${code} +\\| the library`, "m"));
  }
  const source = await Deno.readTextFile(`${ROOT}src/api/reasons.ts`);
  const causes = [
    ...source.split("export type CloseCause =")[1]!.split(";")[0]!.matchAll(/"(\w+)"/g),
  ];
  const rows = [...page.matchAll(/^\| `(\w+)` +\|/gm)];
  assertEquals(rows.map(([, cause]) => cause), causes.map(([, cause]) => cause));
});

Deno.test("the questions that are asked most are headings of the guide", () => {
  const headings = PAGES.concat("scale").flatMap((page) => readPage(page).match(/^#+ .*$/gm) ?? []);
  for (
    const asked of [
      /where are the URL's arguments/i,
      /why is my connection closed/i,
      /how do I authenticate/i,
      /403.*another origin/i,
      /how do I scale/i,
    ]
  ) assertEquals(headings.filter((each) => asked.test(each)).length, 1, `${asked}`);
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
