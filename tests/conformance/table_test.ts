/** That `docs/conformance.md` says what is tested. */

import { assert, assertEquals } from "@std/assert";
import { conformanceTable, readRules, TABLE_PATH } from "../../tools/conformance_table.ts";
import { UNTESTED } from "./untested.ts";
import { LEFT_OUT, OF_TEXT } from "./versions.ts";

Deno.test("docs/conformance.md is what tools/conformance_table.ts makes of the tests", () => {
  assertEquals(Deno.readTextFileSync(TABLE_PATH), conformanceTable());
});

Deno.test("each rule has a sentence of its own, and is tested or not", () => {
  const names = [
    ...readRules().map(({ section, sentence }) => `${section} ${sentence}`),
    ...UNTESTED.map(({ section, rule }) => `${section} ${rule}`),
  ];
  assert(names.length > 100);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
});

Deno.test("what is said of a rule in older versions is said of one with sides", () => {
  const names = readRules().filter(({ sides }) => sides !== "")
    .map(({ section, sentence }) => `${section} ${sentence}`);
  const said = [...LEFT_OUT.map(({ section, sentence }) => `${section} ${sentence}`), ...OF_TEXT];
  assertEquals(said.filter((name) => !names.includes(name)), []);
});
