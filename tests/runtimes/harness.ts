// deno-lint-ignore-file no-console -- a program that prints
/**
 * Runs the tests of modules in Node or Bun, in a folder that `build` has made: `harness.js RUNTIME MODULE…`, the modules
 * by their paths in the project. It sums up as `deno test` does.
 */

import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type Test, tests } from "./deno.ts";
import { differencesOf } from "./differences.ts";
import "./later.ts";

/** What takes longer has gone silent. */
const DEADLINE_MS = 20_000;
/** The same for what is declared not to hold here, which goes silent in good time. */
const SHORT_DEADLINE_MS = 1000;

const [runtime = "", ...modules] = process.argv.slice(2);
const differences = differencesOf(runtime);
const met = new Set<unknown>();
const failures: string[] = [];
/** Declared not to hold here. */
const differing: [title: string, Test][] = [];
const started = performance.now();
let passed = 0;
let ignored = 0;
/** What throws where nobody awaits it is a failure of the test that runs. */
let stray: unknown;

process.on("uncaughtException", (error) => stray ??= error);
process.on("unhandledRejection", (error) => stray ??= error);

/** What is wrong with a test; undefined where it holds. What one leaves behind that goes silent is not awaited. */
async function outcomeOf({ fn }: Test, deadlineMs: number): Promise<unknown> {
  stray = undefined;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it has gone silent")), deadlineMs);
  try {
    await Promise.race([fn(), promise]);
    return stray;
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
  }
}

function fail(title: string, why: unknown): void {
  failures.push(title);
  console.log(`\n${title} ... FAILED\n${why instanceof Error ? why.stack : why}`);
}

async function run(module: string, test: Test): Promise<void> {
  const { name, ignore = false, permissions } = test;
  const title = `${module}: ${name}`;
  const difference = differences.find((each) => each.module === module && each.names.test(name));
  met.add(difference);
  if (ignore || permissions !== undefined) return void ignored++;
  if (difference !== undefined) return void differing.push([title, test]);
  const failure = await outcomeOf(test, DEADLINE_MS);
  if (failure === undefined) passed++;
  else fail(title, failure);
}

for (const module of modules) {
  try {
    await import(pathToFileURL(resolve(module.replace(/\.ts$/, ".js"))).href);
  } catch (error) {
    fail(module, error);
  }
  for (const each of tests.splice(0)) await run(module, each);
}
for (const each of differences) {
  if (!modules.includes(each.module) || met.has(each)) continue;
  failures.push(`${each.module}: no test has a name like ${each.names}`);
}
// Last, as they may leave something behind.
for (const [title, test] of differing) {
  const failure = await outcomeOf(test, SHORT_DEADLINE_MS);
  if (failure === undefined) fail(title, "it holds here, and is declared a difference");
  else ignored++;
}
if (failures.length > 0) console.log(`\n FAILURES\n\n${failures.join("\n")}`);
const seconds = Math.ceil((performance.now() - started) / 1000);
const verdict = failures.length === 0 ? "ok" : "FAILED";
console.log(
  `\n${verdict} | ${passed} passed | ${failures.length} failed | ${ignored} ignored (${seconds}s)`,
);
// What a test leaves open would keep it running.
process.exit(failures.length === 0 ? 0 : 1);
