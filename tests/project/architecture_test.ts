/** The rules of the house, checked on the import graph of `src`. */

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { walkSync } from "@std/fs";
import { COVERED_BY } from "./covered_by.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/**
 * The folders in the order in which they build on each other, and what each may import: itself, and of
 * what stands before it only this. Types count.
 */
const FOLDERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["base", []],
  ["core/http", ["base"]],
  ["core/websocket", ["base", "core/http"]],
  ["core/mod.ts", ["base", "core/http", "core/websocket"]],
  ["api", ["base", "core/http", "core/websocket"]],
  ["service", ["base", "api"]],
  ["transport", ["base", "api", "service"]],
  ["proxy", ["base", "core/http", "api", "transport"]],
  ["tls", ["base", "api", "service", "transport"]],
  // The epoll network's entry point, and what it makes TLS with.
  ["transport/epoll", ["base", "api", "service", "transport", "tls"]],
  ["extensions", ["base", "core/http", "core/websocket", "api", "service"]],
  ["files", ["base", "core/http", "api", "service", "transport"]],
  ["web", ["base", "core/http", "api"]],
  ["topics", ["base", "api"]],
  [
    "connection",
    [
      "base",
      "core/http",
      "core/websocket",
      "api",
      "service",
      "transport",
      "proxy",
      "extensions",
      "files",
      "web",
      "topics",
    ],
  ],
  ["remote", ["base", "core/websocket", "api", "service", "transport", "topics"]],
  [
    "context",
    [
      "base",
      "core/http",
      "core/websocket",
      "api",
      "service",
      "transport",
      "proxy",
      "tls",
      "extensions",
      "files",
      "web",
      "topics",
      "connection",
      "remote",
    ],
  ],
  ["brokers", ["base", "api", "topics"]],
  ["testing", ["base", "core/http", "core/websocket", "api", "context"]],
  // What a user could import, and the ground.
  [
    "compat",
    [
      "base",
      "core/http",
      "api",
      "service",
      "transport",
      "extensions",
      "files",
      "remote",
      "context",
    ],
  ],
  ["websocket_client", ["base", "core/http", "api", "extensions", "context"]],
  ["metrics", ["base", "core/http", "api"]],
  ["resume", ["base", "api", "topics", "context"]],
  // What servers of Node hand over: a user could import it all, but for what is known of their sockets.
  ["node", ["base", "api", "transport", "tls", "context"]],
  // The command: what a user could import, and what mounts are made of, for pages with a script in them.
  [
    "cli",
    [
      "base",
      "core/http",
      "core/websocket",
      "api",
      "service",
      "transport",
      "extensions",
      "files",
      "context",
    ],
  ],
]);

/** Programs of their own: `mod.ts` and the worker that a fork starts. */
const PROGRAMS: ReadonlySet<string> = new Set(["mod.ts", "src/forked_worker.ts"]);

/** Who may name the runtime: `Deno`, or a module of `node:`. */
const NAMES_THE_RUNTIME: readonly RegExp[] = [
  /^src\/(transport|tls|testing)\//,
  // What this library needs of it, whether it is Deno or Node; others ask it, and name none.
  /^src\/base\/runtime\/(runtime|node)\.ts$/,
  // Only Node's ports tell when their other end has gone.
  /^src\/remote\/broker\/channel\.ts$/,
  // The channels of tracers are the runtime's.
  /^src\/connection\/tracing\/(guarded_channel|channels)\.ts$/,
  /^src\/(extensions\/zlib\w*|files\/encoder)\.ts$/,
  /^src\/brokers\/redis\/server\/(connection|permission|tls_probe)\.ts$/,
  /^src\/brokers\/nats\/server\/(permission|socket)\.ts$/,
  /^src\/node\/mod\.ts$/,
  /^src\/cli\/(mod|host|arguments|connect\/prompt)\.ts$/,
];

const MOST_FILES = 16;
const MOST_TESTS = 24;

interface Module {
  /** The path below the repository. */
  readonly name: string;
  readonly text: string;
  /** Local modules that it needs in any way, types included. */
  readonly mentions: readonly string[];
  /** Other modules, by their specifiers. */
  readonly foreign: readonly string[];
}

const IMPORT = /^(?:import|export)\s+(?:type\s)?(?:[^;"]*?\sfrom\s)?"([^"]+)";/gm;

/** Text with comments blanked out, so that examples in docstrings don't count. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function readModule(path: string): Module {
  const name = relative(ROOT, path);
  const text = withoutComments(Deno.readTextFileSync(path));
  const mentions: string[] = [];
  const foreign: string[] = [];
  for (const [, specifier] of text.matchAll(IMPORT)) {
    if (specifier!.startsWith(".")) mentions.push(relative(ROOT, join(dirname(path), specifier!)));
    else foreign.push(specifier!);
  }
  return { name, text, mentions, foreign };
}

const modules = [
  ...[...walkSync(join(ROOT, "src"), { includeDirs: false, exts: [".ts"] })].map((entry) =>
    readModule(entry.path)
  ),
  readModule(join(ROOT, "mod.ts")),
];

/** The room of a module: its folder at the top, of `core` the one below, and the entry point of epoll. */
function room(name: string): string {
  if (/^src\/transport\/epoll\/(mod\.ts|openssl\/)/.test(name)) return "transport/epoll";
  const [, first = "", second = ""] = name.split("/");
  return first === "core" ? `core/${second}` : first;
}

/** Every module for which `breaks` has something to say. */
function offenders(breaks: (module: Module) => readonly string[]): string[] {
  return modules.flatMap((module) => breaks(module).map((what) => `${module.name}: ${what}`));
}

Deno.test("the import scanner sees all kinds of imports", () => {
  assertEquals(modules.length > 150, true);
  const context = modules.find(({ name }) => name === "src/context/context.ts")!;
  assertEquals(context.mentions.includes("src/connection/connection.ts"), true);
  assertEquals(context.mentions.includes("src/api/context.ts"), true, "a type");
});

Deno.test("every folder may import only folders before it, and stands in the list", () => {
  const order = [...FOLDERS.keys()];
  for (const [folder, allowed] of FOLDERS) {
    for (const each of allowed) {
      assertEquals(order.indexOf(each) < order.indexOf(folder), true, `${folder}: ${each}`);
    }
  }
  const inside = modules.filter(({ name }) => !PROGRAMS.has(name)).map(({ name }) => room(name));
  assertEquals([...new Set(inside)].sort(), order.toSorted());
});

Deno.test("a folder imports what its rule names, types included", () => {
  assertEquals(
    offenders(({ name, mentions }) => {
      if (PROGRAMS.has(name)) return [];
      const from = room(name);
      return mentions.filter((target) =>
        room(target) !== from && !FOLDERS.get(from)?.includes(room(target))
      );
    }),
    [],
  );
});

Deno.test("no folder has more than 16 files", () => {
  const counts = new Map<string, number>();
  for (const { name } of modules) {
    counts.set(dirname(name), (counts.get(dirname(name)) ?? 0) + 1);
  }
  assertEquals([...counts].filter(([, count]) => count > MOST_FILES), []);
});

Deno.test("no import goes round in a circle, but between the faces of api", () => {
  const mentions = new Map(modules.map((module) => [module.name, module.mentions]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (name: string, trail: readonly string[]) => {
    const start = trail.indexOf(name);
    if (start >= 0) {
      const circle = trail.slice(start);
      if (!circle.every((each) => room(each) === "api")) {
        circles.push([...circle, name].join(" → "));
      }
    } else if (!done.has(name)) {
      for (const target of mentions.get(name) ?? []) visit(target, [...trail, name]);
      done.add(name);
    }
  };
  for (const name of mentions.keys()) visit(name, []);
  assertEquals(circles, []);
});

Deno.test("a connection's bytes are queued by its outbox alone, its callbacks called in one place", () => {
  const owners: ReadonlyMap<string, RegExp> = new Map([
    ["src/connection/outbox.ts", /\bTxQueue\b/],
    ["src/connection/callbacks.ts", /\bprotocol\.callback\b/],
  ]);
  for (const [owner, sign] of owners) {
    const named = modules.filter(({ name, text }) =>
      /^src\/(connection|extensions|files)\//.test(name) && sign.test(text)
    );
    assertEquals(named.map(({ name }) => name), [owner]);
  }
});

Deno.test("core touches no clock, no timer and no runtime", () => {
  const forbidden = /\b(Deno|Date|setTimeout|setInterval|setImmediate|performance|process)\b/;
  assertEquals(
    offenders((module) =>
      module.name.startsWith("src/core/") && forbidden.test(module.text)
        ? [forbidden.exec(module.text)![0]]
        : []
    ),
    [],
  );
});

Deno.test("core uses no library, and digests have one module", () => {
  assertEquals(
    offenders(({ name, foreign }) => name.startsWith("src/core/") ? foreign : []),
    [],
  );
  const hashing = modules.filter(({ foreign }) => foreign.includes("@std/crypto"));
  assertEquals(hashing.map(({ name }) => name), ["src/context/digests.ts"]);
});

Deno.test("only transport, tls, the clock, descriptors and zlib name the runtime", () => {
  assertEquals(
    offenders(({ name, text, foreign }) => {
      if (PROGRAMS.has(name) || NAMES_THE_RUNTIME.some((each) => each.test(name))) return [];
      const named = /\bDeno\./.test(text) ? ["Deno"] : [];
      return [...named, ...foreign.filter((each) => each.startsWith("node:"))];
    }),
    [],
  );
});

Deno.test("a client library is named by its own broker alone", () => {
  const owners: ReadonlyMap<RegExp, RegExp> = new Map([
    [/^npm:@redis\//, /^src\/brokers\/redis\//],
    [/^npm:@nats-io\//, /^src\/brokers\/nats\//],
  ]);
  const ownerOf = (library: string) => [...owners].find(([sign]) => sign.test(library))?.[1];
  assertEquals(
    offenders(({ name, foreign }) =>
      foreign.filter((each) => each.startsWith("npm:") && ownerOf(each)?.test(name) !== true)
    ),
    [],
  );
  const named = modules.flatMap(({ foreign }) => foreign).filter((each) => ownerOf(each));
  assertEquals(named.length >= owners.size, true, "each is used");
});

Deno.test("nothing imports mod.ts", () => {
  assertEquals(offenders((module) => module.mentions.filter((each) => each === "mod.ts")), []);
});

Deno.test("examples import what users can: entry points, and each other", () => {
  const entries =
    /^(mod|src\/(testing|compat|transport\/epoll|websocket_client|metrics|resume|resume\/client|node|cli|brokers\/(redis|nats))\/mod|src\/compat\/\w+)\.ts$|^examples\//;
  const strays = [...walkSync(join(ROOT, "examples"), { includeDirs: false, exts: [".ts"] })]
    .map(({ path }) => readModule(path))
    .flatMap(({ name, mentions }) =>
      mentions.filter((each) => !entries.test(each)).map((each) => `${name}: ${each}`)
    );
  assertEquals(strays, []);
});

/** The files below `tests`, by their paths there. */
const testFiles = new Set(
  [...walkSync(join(ROOT, "tests"), { includeDirs: false })].map(({ path }) =>
    relative(join(ROOT, "tests"), path)
  ),
);

Deno.test("each module has a unit test, or stands once in the list of those that another test covers", () => {
  const unit = (module: string) => testFiles.has(`unit/${module}_test.ts`);
  const listed = Object.values(COVERED_BY).flat();
  const covers = (each: string, name: string) =>
    each.endsWith("/") ? name.startsWith(each) : name === each;
  const names = modules.filter(({ name }) => name !== "mod.ts")
    .map(({ name }) => name.replace(/^src\/|\.ts$/g, ""));
  const untested = names.filter((name) =>
    !unit(name) && !listed.some((each) => covers(each, name))
  );
  assertEquals(untested, [], "has no unit test, and is not in covered_by.ts");
  assertEquals(listed.filter(unit), [], "is listed, and has a unit test");
  assertEquals(listed.filter((each, at) => listed.indexOf(each) !== at), [], "is listed twice");
  const strays = listed.filter((each) => !names.some((name) => covers(each, name)));
  assertEquals(strays, [], "is listed, and no module");
  assertEquals(Object.keys(COVERED_BY).filter((each) => !testFiles.has(each)), [], "is no test");
});

Deno.test("no folder of tests has more than 24 files", () => {
  const counts = new Map<string, number>();
  for (const path of testFiles) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  assertEquals([...counts].filter(([, count]) => count > MOST_TESTS), []);
});
