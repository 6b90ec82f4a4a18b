/** `deno task test`: what it prints of files that pass, fail and break off. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { MARK, withoutMarks, writeGroups } from "../../tools/test_groups.ts";
import { temporaryFolder } from "../support/folder.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Runs it with files of this content, and further arguments. */
async function run(files: Record<string, string>, ...args: string[]) {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  const paths = Object.keys(files).map((name) => `${folder.path}/${name}`);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "test", ...paths, ...args],
    cwd: ROOT,
    stdin: "null",
    stderr: "null",
  }).output();
  const lines = new TextDecoder().decode(stdout).replaceAll(`file://${folder.path}/`, "").split(
    "\n",
  );
  return { code, lines };
}

const GOOD = `Deno.test("one", () => {});
Deno.test({ name: "two", ignore: true, fn() {} });
Deno.test("three", async (t) => { await t.step("a step", () => console.log("what it says")); });`;
const BAD = `Deno.test("fine", () => {});
Deno.test("broken", () => { throw new Error("for this reason"); });`;

Deno.test("deno task test prints a line for each file, the failures and the summary, and fails", async () => {
  const { code, lines } = await run({ "good_test.ts": GOOD, "bad_test.ts": BAD });
  assertEquals(code, 1);
  const ofFiles = lines.filter((line) => /^\w+_test\.ts: /.test(line)).sort();
  assertEquals(ofFiles.length, 2, lines.join("\n"));
  assertMatch(ofFiles[0]!, /^bad_test\.ts: 2 tests, \d+ ms, 1 FAILED$/);
  assertMatch(ofFiles[1]!, /^good_test\.ts: 3 tests, \d+ ms$/);
  assert(lines.includes("what it says"));
  const report = lines.slice(lines.indexOf(" ERRORS "));
  assert(report.includes("error: Error: for this reason"), report.join("\n"));
  // In the form that .ci/run counts by.
  const summary = lines.findLast((line) => /^(ok|FAILED) \| [0-9]+ passed/.test(line))!;
  assertMatch(summary, /^FAILED \| 3 passed \(1 step\) \| 1 failed \| 1 ignored \(/);
});

Deno.test("deno task test prints a line for each file of a group, which marks part", async () => {
  const mark = (name: string) => `\nDeno.test.ignore("${MARK}${name}", () => {});\n`;
  const group = GOOD + mark("first_test.ts") + BAD + mark("second_test.ts");
  const { code, lines } = await run({ "group_test.ts": group });
  assertEquals(code, 1);
  const ofFiles = lines.filter((line) => /^\w+_test\.ts: /.test(line));
  assertEquals(ofFiles.length, 2, lines.join("\n"));
  assertMatch(ofFiles[0]!, /^first_test\.ts: 3 tests, \d+ ms$/);
  assertMatch(ofFiles[1]!, /^second_test\.ts: 2 tests, \d+ ms, 1 FAILED$/);
});

Deno.test("the groups have each unit test once, with its mark behind it", async () => {
  await using folder = await temporaryFolder();
  const count = await writeGroups(folder.path);
  const texts = [...Deno.readDirSync(folder.path)]
    .map(({ name }) => Deno.readTextFileSync(`${folder.path}/${name}`));
  const pairs = texts.join("").matchAll(
    /^await import\("(.*)"\);\nDeno\.test\.ignore\("@file (.*)", /gm,
  );
  const files = [...pairs].map(([, href, name]) => {
    assertEquals(href, new URL(`../../${name}`, import.meta.url).href);
    return name!;
  });
  assert(files.includes("tests/unit/core/websocket/utf8_test.ts"));
  assertEquals([files.length, new Set(files).size], [count, count]);
  assert(texts.length < count);
});

Deno.test("deno task test hands filters on, and tells of a file that breaks off", async () => {
  const filtered = await run({ "bad_test.ts": BAD }, "--filter", "fine");
  assertEquals(filtered.code, 0);
  assert(filtered.lines.some((line) => /^bad_test\.ts: 1 test, \d+ ms$/.test(line)));
  assert(filtered.lines.some((line) => /^ok \| 1 passed \| 0 failed \| 1 filtered out/.test(line)));

  const broken = await run({ "broken_test.ts": `throw new Error("at once");\n${GOOD}` });
  assertEquals(broken.code, 1);
  assert(broken.lines.includes("error: (in promise) Error: at once"), broken.lines.join("\n"));
  assert(broken.lines.some((line) => /^FAILED \| 0 passed \| 1 failed/.test(line)));
});

Deno.test("the summary leaves out the marks, and them alone", () => {
  const line = "ok | 9 passed | 0 failed | 5 ignored (4s)";
  assertEquals(withoutMarks(line, 5), "ok | 9 passed | 0 failed (4s)");
  assertEquals(withoutMarks(line, 3), "ok | 9 passed | 0 failed | 2 ignored (4s)");
  assertEquals(withoutMarks("x | 5 ignored", 5), "x | 5 ignored");
});
