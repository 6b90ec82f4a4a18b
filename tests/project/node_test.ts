/** What Node and Bun need of the sources, and which versions of them the pages name. */

import { assert, assertEquals } from "@std/assert";
import { walkSync } from "@std/fs";
import { fromFileUrl } from "@std/path";
import { BUN_VERSION, NODE_VERSIONS } from "../runtimes/versions.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const readText = (path: string) => Deno.readTextFileSync(`${ROOT}${path}`);

/** What Node 22 has not, and the one place that may name it, as it goes on without. */
const LATER: readonly (readonly [RegExp, string?])[] = [
  [/\b(?:to|from)(?:Hex|Base64)\b/, "src/base/text/encodings.ts"],
  // Filled in by `tools/npm/modules`.
  [/\bURLPattern\b/, "src/web/paths.ts"],
  [/\b(?:Async)?DisposableStack\b/],
  [/\bPromise\.try\b/],
  [/\bRegExp\.escape\b/],
  [/\bError\.isError\b/],
  [/\bIterator\.concat\b/],
];

Deno.test("what Node 22 has not is named where the library does without it", () => {
  const options = { includeDirs: false, exts: [".ts"] };
  const strays: string[] = [];
  for (const { path } of walkSync(`${ROOT}src`, options)) {
    const name = path.slice(ROOT.length);
    // Deno's alone, and not in the package.
    if (/^src\/(cli|transport\/epoll)\//.test(name)) continue;
    const code = readText(name).replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$|"[^"\n]*"|'[^'\n]*'/gm, "");
    for (const [sign, place] of LATER) {
      if (place !== name && sign.test(code)) strays.push(`${name}: ${sign.exec(code)![0]}`);
    }
  }
  assertEquals(strays, []);
});

Deno.test("the versions that the page of Node names are those that CI runs", () => {
  const pinned = /^version=(\S+)$/m.exec(readText(".ci/run"))![1];
  const [oldest, ...later] = NODE_VERSIONS;
  const page = readText("docs/guide/node.md").replaceAll(/\s+/g, " ");
  const all = [`Deno ${pinned},`, `Node ${oldest} and Bun ${BUN_VERSION};`, `Node ${later}.`];
  for (const each of all) assert(page.includes(each), `the page doesn't say: ${each}`);
  assert(readText("tools/npm.ts").includes(`engines: { node: ">=${oldest}" }`));
  assert(readText("tools/npm/README.md").includes(`Node ${oldest} and later`));
  assert(readText("bench/peers/npm_packages.ts").includes(`BUN_VERSION = "${BUN_VERSION}"`));
  const ci = readText(".ci/run");
  assert(/^tests '.*' run task test:runtimes$/m.test(ci), "the oldest Node and Bun");
  assert(/"ci:full": "[^"]*deno task test:runtimes --full/.test(readText("deno.json")), "all");
});
