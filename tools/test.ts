/**
 * `deno task test`: all tests that need no foreign program, with a line for each file as it ends, and below
 * them the failures and the summary as `deno test` prints them. Files among the arguments are tested in place
 * of all; every other argument goes to `deno test`: `deno task test tests/unit/tls --filter SNI`.
 */

import { MARK, withoutMarks, writeGroups } from "./test_groups.ts";

const ALL = ["tests", "src", "mod.ts"];
const FLAGS = [
  ...["-A", "--no-check", "--parallel", "--sanitize-ops", "--sanitize-resources", "--doc"],
  ...["--preload", "./tests/network.ts", "--preload", "./tests/file_end.ts"],
];
/** Flags whose value is an argument of its own. */
const WITH_VALUE = ["--filter", "--ignore", "--junit-path", "--reporter"];

/**
 * What `deno test` prints of a test, with its file where several run at once. Of a step it has the name behind
 * its test's.
 */
const RESULT = /^(?:(\S+\.\w+) => )?(.+) \.\.\. (ok|FAILED|ignored)(?: \(([^)]*)\))?/;
const MILLISECONDS = new Map([["µs", 0.001], ["ms", 1], ["s", 1000], ["m", 60_000]]);

const root = new URL("../", import.meta.url).href;
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

interface Tally {
  tests: number;
  failed: number;
  ms: number;
}

/** The tests of each file that has not ended. */
const running = new Map<string, Tally>();
/** The examples of docstrings, which are a file each. */
const examples: Tally = { tests: 0, failed: 0, ms: 0 };

/** A file by its URL; Deno names some by their paths. */
function tallyOf(file: string): Tally {
  if (file.includes("#")) return examples;
  const { href } = new URL(file, root);
  const tally = running.get(href) ?? { tests: 0, failed: 0, ms: 0 };
  running.set(href, tally);
  return tally;
}

const lineOf = (name: string, { tests, failed, ms }: Tally) =>
  `${name.replace(root, "")}: ${tests} ${tests === 1 ? "test" : "tests"}, ${Math.ceil(ms)} ms${
    failed > 0 ? `, ${failed} FAILED` : ""
  }`;

/** With DENO_JOBS=1, where Deno runs a file after the other: the one that the results belong to. */
let current = "";
/** From the failures on all is printed as it comes. */
let isReport = false;

function read(line: string): void {
  if (isReport) return void print(withoutMarks(line, marks));
  const ended = /^@file-end (\S+)$/.exec(line)?.[1];
  if (ended !== undefined) {
    const tally = running.get(ended);
    if (tally !== undefined) print(lineOf(ended, tally));
    return void running.delete(ended);
  }
  const text = line.replace(/-{5,} post-test output(?: end)? -{5,}$/, "");
  const [, file = current, name, outcome, time = ""] = RESULT.exec(text) ?? [];
  if (outcome !== undefined) {
    if (name!.includes(" ... ")) return;
    const tally = tallyOf(file);
    if (name!.startsWith(MARK)) {
      print(lineOf(name!.slice(MARK.length), tally));
      return void running.delete(new URL(file, root).href);
    }
    tally.tests++;
    if (outcome === "FAILED") tally.failed++;
    for (const [, count, unit] of time.matchAll(/(\d+)(µs|ms|s|m)/g)) {
      tally.ms += Number(count) * MILLISECONDS.get(unit!)!;
    }
    return;
  }
  current = /^running \d+ tests? from (\S+)$/.exec(text)?.[1] ?? current;
  isReport = text === " ERRORS " || /^(ok|FAILED) \| /.test(text);
  // What is no start of a test is a test's own output, or what Deno has to say.
  if (text === "" || /^running \d+ tests? from |^\S+\.\w+ => .* \.\.\.$/.test(text)) return;
  if (isReport && examples.tests > 0) print(lineOf("examples of docstrings", examples));
  print(withoutMarks(text, marks));
}

const isFile = (arg: string, i: number) =>
  !arg.startsWith("-") && !WITH_VALUE.includes(Deno.args[i - 1] ?? "");
/** One more than there are cores: some files wait for programs and clocks most of their time. */
const jobs = Deno.env.get("DENO_JOBS") ?? `${navigator.hardwareConcurrency + 1}`;
if (Deno.args.includes("--help") || Deno.args.includes("-h")) {
  print(
    "deno task test [FILE OR FOLDER]… [OPTION]…   all tests where none is named; options are those",
  );
  print("of `deno test`, such as --filter TEXT: see `deno test --help`");
  Deno.exit(0);
}
const hasFiles = Deno.args.some(isFile);
if (!hasFiles) print("about three minutes on two cores; a line for each file as it ends");
/** With arguments each file is run for itself: a filter would leave out the marks. */
const groups = Deno.args.length === 0 ? await Deno.makeTempDir() : undefined;
const marks = groups === undefined ? 0 : await writeGroups(groups);
const all = groups === undefined
  ? ["--ignore=tests/peers", ...ALL]
  : ["--ignore=tests/peers,tests/unit", groups, ...ALL];
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", ...FLAGS, ...hasFiles ? [] : all, ...Deno.args],
  env: { NO_COLOR: "1", DENO_JOBS: jobs },
  stdout: "piped",
}).spawn();
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
for (const signal of signals) {
  Deno.addSignalListener(signal, () => child.kill(signal));
}

let rest = "";
for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + piece).split("\n");
  rest = lines.pop()!;
  for (const line of lines) read(line);
}
if (rest !== "") read(rest);
const { code, signal } = await child.status;
if (groups !== undefined) await Deno.remove(groups, { recursive: true });
for (const [file, tally] of running) print(`${lineOf(file, tally)}, and it did not end`);
if (signal !== null) print(`deno test ended by ${signal}`);
Deno.exit(code);
