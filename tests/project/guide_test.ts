/** The examples of docs/guide/http.md and docs/guide/topics.md, which print what the comments beside their output say. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/api/limits.ts";
import { temporaryFolder } from "../support/folder.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PAGE = Deno.readTextFileSync(`${ROOT}docs/guide/http.md`);
/** An example in a clone of this project, with no more rights than it needs. */
const COMMAND = ["run", "--quiet", "--no-prompt", "--config", `${ROOT}deno.json`, "--allow-net"];
/** What those with a folder need besides. */
const FOLDER = ["--allow-read", "--allow-write"];

const examples = PAGE.split("```ts\n").slice(1).map((part) => part.slice(0, part.indexOf("```")));

/** The lines that an example prints; it must not complain. */
async function printed(
  folder: string,
  code: string,
  more: readonly string[] = [],
): Promise<string[]> {
  const path = `${folder}/example.ts`;
  await Deno.writeTextFile(path, code);
  const command = new Deno.Command(Deno.execPath(), {
    args: [...COMMAND, ...more, path],
    stdin: "null",
  });
  const { stdout, stderr } = await command.output();
  const [lines, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  assertEquals(complaint, "", code);
  return lines!.trimEnd().split("\n").map((line) => line.trim());
}

/** The comment behind each `console.log`. */
function promised(code: string): string[] {
  return [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment!);
}

Deno.test("the chat of the guide to topics prints what it says, and ends", async () => {
  const page = Deno.readTextFileSync(`${ROOT}docs/guide/topics.md`);
  const code = page.split("```ts\n")[1]!.split("```")[0]!;
  assert(promised(code).length >= 5);
  await using temporary = await temporaryFolder();
  assertEquals(await printed(temporary.path, code), promised(code));
});

Deno.test("each example of the guide to HTTP prints what it says, and ends", async () => {
  assert(examples.length >= 7, `${examples.length} examples`);
  await using temporary = await temporaryFolder();
  for (const code of examples) {
    const more = code.includes("makeTempDir") ? FOLDER : [];
    assertEquals(await printed(temporary.path, code, more), promised(code), code);
  }
});

const UNITS: Readonly<Record<string, number>> = { "B/s": 1, s: 1000, KiB: 1024, MiB: 1024 * 1024 };

Deno.test("the defaults that the guide to HTTP lists are those of the limits", () => {
  const rows = [...PAGE.matchAll(/^\| `(\w+)` +\| (\d+) (\S+) +\|/gm)];
  assert(rows.length >= 9, `${rows.length} rows`);
  for (const [, name, value, unit] of rows) {
    assertEquals(Number(value) * UNITS[unit!]!, DEFAULT_LIMITS[name as "maxBodySize"], name);
  }
});
