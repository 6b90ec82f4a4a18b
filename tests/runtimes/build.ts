/** The npm package with this project's tests inside, compiled as the package is. */

import { walkSync } from "@std/fs";
import { dirname, join, relative } from "@std/path";
import { nothingImported, ROOT, writeModule, writeStd } from "../../tools/npm/modules.ts";
import { writePackage } from "../../tools/npm.ts";
import { OF_DENO } from "./differences.ts";
import { Deno as standIn } from "./deno.ts";

const STAND_IN = "tests/runtimes/deno.ts";
/** Not in the package, as it works in Deno alone; that it doesn't elsewhere can be asked of it. */
const EPOLL = "src/transport/epoll/mod.ts";
/** Programs of the project, which Deno runs. */
const TOOLS = "tools/";
/** Runs the tests. */
export const HARNESS = "tests/runtimes/harness.ts";

/** What was built. */
export interface Built {
  /** The tests that need nothing which is Deno's alone, by their paths in the project. */
  readonly modules: readonly string[];
  /** The others, with what each needs. */
  readonly left: ReadonlyMap<string, readonly string[]>;
  /** What they import from npm, as `NAME@VERSION`. */
  readonly packages: readonly string[];
}

interface Facts {
  /** What of it is Deno's alone. */
  readonly needs: readonly string[];
  readonly imports: ReadonlySet<string>;
}

/** Builds the tests below `places` of the project into a folder. */
export async function buildTests(folder: string, places: readonly string[]): Promise<Built> {
  const packaged = await writePackage(folder, false);
  const found = places.flatMap((place) => [...testsBelow(join(ROOT, place))]);
  const graph = new Map<string, Facts>();
  const all = nothingImported([HARNESS, ...found]);
  for (const path of all.modules) {
    if (packaged.has(path)) continue;
    if (path.startsWith(TOOLS) || !path.endsWith(".ts")) {
      graph.set(path, { needs: [path], imports: new Set() });
      continue;
    }
    const imported = nothingImported();
    const isOurs = path.startsWith("src/");
    const preface = isOurs || path === STAND_IN
      ? ""
      : `import { Deno } from "${upTo(path, STAND_IN)}";`;
    const code = await writeModule(folder, path, imported, preface);
    graph.set(
      path,
      isOurs
        ? { needs: path === EPOLL ? [] : [path], imports: new Set() }
        : { needs: needsOf(code), imports: imported.modules },
    );
    for (const each of imported.modules) all.modules.add(each);
    for (const each of imported.std) all.std.add(each);
    for (const [name, version] of imported.packages) all.packages.set(name, version);
  }
  await Promise.all([...all.std].map((specifier) => writeStd(folder, specifier)));
  const needs = found.map((path) =>
    [path, [
      ...needsIn(graph, path),
      ...OF_DENO[path] === undefined ? [] : [OF_DENO[path]],
    ]] as const
  );
  return {
    modules: needs.filter(([, each]) => each.length === 0).map(([path]) => path),
    left: new Map(needs.filter(([, each]) => each.length > 0)),
    packages: [...all.packages].map(([name, version]) => `${name}@${version}`),
  };
}

function* testsBelow(place: string): Iterable<string> {
  for (const { path } of walkSync(place, { includeDirs: false, exts: [".ts"] })) {
    if (path.endsWith("_test.ts")) yield relative(ROOT, path);
  }
}

/** The members of Deno that a compiled module names and that have no stand-in. */
function needsOf(code: string): string[] {
  const bare = code.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const named = [...bare.matchAll(/\bDeno\.(\w+)/g)].map(([, name]) => name!);
  return [...new Set(named)].filter((name) => !Object.hasOwn(standIn, name))
    .map((name) => `Deno.${name}`);
}

/** The needs of a module and of all that it imports. */
function needsIn(graph: ReadonlyMap<string, Facts>, start: string): Set<string> {
  const paths = new Set([start]);
  const needs = new Set<string>();
  for (const path of paths) {
    const facts = graph.get(path);
    for (const each of facts?.needs ?? []) needs.add(each);
    for (const each of facts?.imports ?? []) paths.add(each);
  }
  return needs;
}

function upTo(from: string, to: string): string {
  return relative(dirname(from), to).replace(/^(?!\.)/, "./");
}
