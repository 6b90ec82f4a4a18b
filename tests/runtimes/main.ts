// deno-lint-ignore-file no-console -- a program that prints
/**
 * Runs the tests that need nothing of Deno's alone in Node and Bun, from the npm package:
 *
 *     deno task test:runtimes          # Node 22 and Bun, the tests of single modules and of RFC 6455
 *     deno task test:runtimes --full   # Node 24 as well, and the tests of whole contexts
 */

import { join } from "@std/path";
import { temporaryFolder } from "../support/folder.ts";
import { readTask } from "../../tools/task.ts";
import { install } from "../peers/npm/packages.ts";
import { buildTests, HARNESS } from "./build.ts";
import { BUN, bunIn, NODE_VERSIONS, nodeIn, nodePackage } from "./versions.ts";

const isFull = readTask({
  name: "test:runtimes",
  summary:
    "Runs the tests that need nothing of Deno's alone in Node and Bun, from the npm package.",
  options: {
    full: { about: "in a second version of Node as well, and the tests of whole contexts" },
  },
}, (args) => args.flag("full"));
const QUICK = ["tests/unit", "tests/conformance"];
const PLACES = isFull ? [...QUICK, "tests/behaviour", "tests/compat"] : QUICK;
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed \| (\d+) failed \| (\d+) ignored/m;

await using temporary = await temporaryFolder();
const folder = temporary.path;
const versions = NODE_VERSIONS.slice(0, isFull ? undefined : 1);
const started = performance.now();
const { modules, left, packages } = await buildTests(join(folder, "built"), PLACES);
await Deno.writeTextFile(join(folder, "package.json"), "{}");
const facts = JSON.parse(await Deno.readTextFile(join(folder, "built/package.json")));
const dependencies = Object.entries({ ...facts.dependencies, ...facts.peerDependencies })
  .map(([name, version]) => `${name}@${version}`);
await install(folder, ...dependencies, BUN, nodePackage(versions[0]!), ...packages);
const runtimes: [string, readonly string[]][] = [["bun", [bunIn(folder)]]];
for (const version of versions) {
  const place = version === versions[0] ? folder : join(folder, version);
  if (place !== folder) {
    await Deno.mkdir(place);
    await Deno.writeTextFile(join(place, "package.json"), "{}");
    await install(place, nodePackage(version));
  }
  runtimes.push([`node${version}`, [nodeIn(place), "--enable-source-maps"]]);
}
for (const [path, needs] of left) console.log(`${path} is left to Deno: ${needs.join(", ")}`);
const sums = [0, 0, 0];
await Promise.all(runtimes.map(async ([name, [program, ...flags]]) => {
  const { stdout } = await new Deno.Command(program!, {
    args: [...flags, changedToJs(HARNESS), name, ...modules],
    cwd: join(folder, "built"),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  console.log(`\n== ${name}: ${modules.length} modules\n${text}`);
  const [, ...counts] = SUMMARY.exec(text) ?? ["", "0", "1", "0"];
  for (const [at, count] of counts.entries()) sums[at]! += Number(count);
}));
const [passed, failed, ignored] = sums;
const seconds = Math.ceil((performance.now() - started) / 1000);
const verdict = failed === 0 ? "ok" : "FAILED";
console.log(
  `\n${verdict} | ${passed} passed | ${failed} failed | ${ignored} ignored (${seconds}s)`,
);
Deno.exitCode = failed === 0 ? 0 : 1;

function changedToJs(path: string): string {
  return path.replace(/\.ts$/, ".js");
}
