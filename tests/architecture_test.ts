/** The rules of the house, checked on the import graph of `src`. */

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { walkSync } from "@std/fs";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

interface Module {
  /** The path below the repository. */
  readonly name: string;
  readonly text: string;
  /** Local modules that it needs when it runs. */
  readonly uses: readonly string[];
  /** Local modules that it needs in any way, types included. */
  readonly mentions: readonly string[];
  /** Other modules, by their specifiers. */
  readonly foreign: readonly string[];
}

const IMPORT = /^(import|export)\s+(type\s)?([^;"]*?\sfrom\s)?"([^"]+)";/gm;

/** Text with comments blanked out, so that examples in docstrings don't count. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function readModule(path: string): Module {
  const name = relative(ROOT, path);
  const text = withoutComments(Deno.readTextFileSync(path));
  const uses: string[] = [];
  const mentions: string[] = [];
  const foreign: string[] = [];
  for (const [, , type, names = "", specifier] of text.matchAll(IMPORT)) {
    if (!specifier!.startsWith(".")) {
      foreign.push(specifier!);
      continue;
    }
    const target = relative(ROOT, join(dirname(path), specifier!));
    mentions.push(target);
    const list = /\{([^}]*)\}/.exec(names)?.[1]?.split(",").map((each) => each.trim())
      .filter((each) => each !== "");
    const onlyTypes = type !== undefined ||
      (list !== undefined && list.length > 0 && list.every((each) => each.startsWith("type ")));
    if (!onlyTypes) uses.push(target);
  }
  return { name, text, uses, mentions, foreign };
}

const modules = [
  ...[...walkSync(join(ROOT, "src"), { includeDirs: false, exts: [".ts"] })].map((entry) =>
    readModule(entry.path)
  ),
  readModule(join(ROOT, "mod.ts")),
];

const room = (name: string) => name.startsWith("src/") ? dirname(name) : "";

/** Whether a module is of the languages, whatever folder of theirs it is in. */
const isCore = (name: string) => name.startsWith("src/core/");

/** Every module for which `breaks` has something to say. */
function offenders(breaks: (module: Module) => readonly string[]): string[] {
  return modules.flatMap((module) => breaks(module).map((what) => `${module.name}: ${what}`));
}

/** What modules of `from` mention that isn't in one of `allowed`. */
function strays(from: string, allowed: readonly string[], kind: "uses" | "mentions") {
  return offenders((module) =>
    room(module.name) === from
      ? module[kind].filter((target) => !allowed.includes(room(target)))
      : []
  );
}

Deno.test("the import scanner sees all kinds of imports", () => {
  assertEquals(modules.length > 20, true);
  const context = modules.find(({ name }) => name === "src/serving_context.ts")!;
  assertEquals(context.uses.includes("src/connection.ts"), true);
  assertEquals(context.uses.includes("src/wsi.ts"), false);
  assertEquals(context.mentions.includes("src/wsi.ts"), true);
});

Deno.test("core imports only core, and the hashes of @std/crypto", () => {
  assertEquals(
    offenders(({ name, mentions }) => isCore(name) ? mentions.filter((each) => !isCore(each)) : []),
    [],
  );
  assertEquals(
    offenders((module) =>
      isCore(module.name) ? module.foreign.filter((specifier) => specifier !== "@std/crypto") : []
    ),
    [],
  );
});

Deno.test("core touches no clock, no timer and no runtime", () => {
  const forbidden = /\b(Deno|Date|setTimeout|setInterval|setImmediate|performance|process)\b/;
  assertEquals(
    offenders((module) =>
      isCore(module.name) && forbidden.test(module.text) ? [forbidden.exec(module.text)![0]] : []
    ),
    [],
  );
});

Deno.test("extensions import core, and the rest for types only", () => {
  assertEquals(strays("src/extensions", ["src/core", "src/extensions"], "uses"), []);
});

Deno.test("transport imports core for types only, and nothing else", () => {
  assertEquals(strays("src/transport", ["src/transport"], "uses"), []);
  assertEquals(strays("src/transport", ["src/transport", "src/core"], "mentions"), []);
});

Deno.test("service imports only service", () => {
  assertEquals(strays("src/service", ["src/service"], "mentions"), []);
});

Deno.test("the engine of files knows no connection, which it reaches through FileResponse", () => {
  const forbidden = ["connection", "http_response", "http_session", "serving_context"];
  assertEquals(
    offenders(({ name, mentions }) =>
      room(name) === "src/files"
        ? mentions.filter((each) => forbidden.some((module) => each === `src/${module}.ts`))
        : []
    ),
    [],
  );
});

Deno.test("only transport, service and the default file operations name the runtime", () => {
  const allowed = (name: string) =>
    ["src/transport", "src/service"].includes(room(name)) ||
    ["src/host_file_ops.ts", "src/host_folder.ts", "src/files/encoder.ts", "src/extensions/zlib.ts"]
      .includes(name);
  assertEquals(
    offenders((module) => {
      if (allowed(module.name)) return [];
      const named = /\bDeno\./.test(module.text) ? ["Deno"] : [];
      return [...named, ...module.foreign.filter((each) => each.startsWith("node:"))];
    }),
    [],
  );
});

Deno.test("the C names build on the rest, and nothing builds on them", () => {
  const isCompat = (name: string) => name === "src/compat.ts" || name.startsWith("src/compat/");
  assertEquals(
    offenders(({ name, mentions }) => isCompat(name) ? [] : mentions.filter(isCompat)),
    [],
  );
});

Deno.test("nothing imports mod.ts, and only mod.ts re-exports to users", () => {
  assertEquals(offenders((module) => module.mentions.filter((each) => each === "mod.ts")), []);
});

Deno.test("no import goes round in a circle", () => {
  const uses = new Map(modules.map((module) => [module.name, module.uses]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (name: string, trail: readonly string[]) => {
    if (trail.includes(name)) circles.push([...trail.slice(trail.indexOf(name)), name].join(" → "));
    else if (!done.has(name)) {
      for (const target of uses.get(name) ?? []) visit(target, [...trail, name]);
      done.add(name);
    }
  };
  for (const name of uses.keys()) visit(name, []);
  assertEquals(circles, []);
});
