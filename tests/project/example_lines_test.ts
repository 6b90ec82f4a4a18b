/** The examples are short, can be copied, and examples/README.md tells the truth about them. */

import { assert, assertEquals } from "@std/assert";
import { walkSync } from "@std/fs";
import { fromFileUrl } from "@std/path";
import { temporaryFolder } from "../support/folder.ts";
import config from "../../deno.json" with { type: "json" };

const EXAMPLES = new URL("../../examples/", import.meta.url);
/** What is on one server; one that is several is a little longer. */
const MOST = 40;
const MOST_OF_CLUSTER = 60;

/** How many lines of a program are neither blank nor comments. */
function codeLines(text: string): number {
  return text.split("\n").filter((line) => !/^\s*(\/\/|\/\*|\*|$)/.test(line)).length;
}

Deno.test("lines of code are those that are neither blank nor comments", () => {
  assertEquals(codeLines("/** What. */\n\n/*\n * x\n */\nlet a = 1; // a\n  // b\na++;\n"), 2);
});

const PROGRAMS = [
  ["chat.ts", MOST],
  ["chat_cluster.ts", MOST_OF_CLUSTER],
  ["dashboard.ts", MOST],
  ["rest.ts", MOST],
  ["resume.ts", MOST],
] as const;

for (const [name, most] of PROGRAMS) {
  Deno.test(`${name} has at most ${most} lines of code`, () => {
    const lines = codeLines(Deno.readTextFileSync(new URL(name, EXAMPLES)));
    assert(lines <= most, `${lines} lines`);
  });
}

/** What a module imports, as it says it. */
const importsOf = (url: URL) =>
  [...Deno.readTextFileSync(url).matchAll(/^(?:import|export|\}) .*"([^"]+)";$/gm)].map((
    [, name],
  ) => name!);

/** A program and the modules that it imports by their paths, but for the reader of command lines. */
function modulesOf(program: URL, found = new Map<string, URL>()): Map<string, URL> {
  if (found.has(program.href) || program.pathname.endsWith("/arguments.ts")) return found;
  found.set(program.href, program);
  for (const name of importsOf(program)) {
    if (name.startsWith(".")) modulesOf(new URL(name, program), found);
  }
  return found;
}

const README = Deno.readTextFileSync(new URL("README.md", EXAMPLES));
const ROWS = [...README.matchAll(/^\| \[`[^`]+`\]\((\S+)\) +\|.*\| `([^`]+)` +\| (\d+) +\|$/gm)]
  .map(([, program, command, lines]) => ({ program: program!, command: command!, lines }));

Deno.test("every example is in the README's table, by its command and its length", () => {
  assert(ROWS.length >= 20, `${ROWS.length} rows`);
  for (const { program, command, lines } of ROWS) {
    const modules = [...modulesOf(new URL(program, EXAMPLES)).values()];
    const length = modules.map((url) => codeLines(Deno.readTextFileSync(url)))
      .reduce((sum, each) => sum + each, 0);
    assertEquals([program, lines], [program, `${length}`]);
    const [task] = /(?<=^deno task )\w+/.exec(command) ?? [];
    const run = task === undefined ? command : config.tasks[task as keyof typeof config.tasks];
    assert(/^deno run -/.test(run) && run.includes(` examples/${program}`), command);
  }
  const listed = new Set(ROWS.flatMap(({ program }) => [
    ...modulesOf(new URL(program, EXAMPLES)).keys(),
  ]));
  const all = [...walkSync(fromFileUrl(EXAMPLES), { includeDirs: false, exts: [".ts"] })];
  const missing = all.map(({ path }) => new URL(`file://${path}`).href).filter((href) =>
    !listed.has(href) && !href.endsWith("/arguments.ts")
  );
  assertEquals(missing, []);
});

Deno.test("examples import the library by its name, and nothing of this project but each other", () => {
  const names = Object.keys(config.exports).map((entry) => `@x/lws${entry.slice(1)}`);
  for (const { path } of walkSync(fromFileUrl(EXAMPLES), { includeDirs: false, exts: [".ts"] })) {
    const url = new URL(`file://${path}`);
    for (const name of importsOf(url)) {
      const isExample = name.startsWith(".") && new URL(name, url).href.startsWith(EXAMPLES.href);
      assert(isExample || names.includes(name) || /^(npm|node):/.test(name), `${path}: ${name}`);
    }
  }
});

Deno.test("the pictures of the examples are small", () => {
  const pictures = [...README.matchAll(/^!\[[^\]]+\]\(([^)]+\.png)\)$/gm)].map(([, path]) => path!);
  assertEquals(pictures.length, 4);
  for (const picture of pictures) {
    const { size } = Deno.statSync(new URL(picture, EXAMPLES));
    assert(size <= 60_000, `${picture}: ${size}`);
  }
});

Deno.test("an example that is copied with its modules runs elsewhere", async () => {
  await using folder = await temporaryFolder();
  for (
    const url of [
      ...modulesOf(new URL("echo.ts", EXAMPLES)).values(),
      new URL("arguments.ts", EXAMPLES),
    ]
  ) {
    const copy = `${folder.path}/${url.href.slice(EXAMPLES.href.length)}`;
    await Deno.copyFile(url, copy);
  }
  const known = ["--config", fromFileUrl(new URL("../../deno.json", import.meta.url))];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...known, `${folder.path}/echo.ts`, "--help"],
    stdin: "null",
  }).output();
  const [printed, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  assertEquals([code, printed!.startsWith("options: [--port ")], [0, true], complaint);
});
