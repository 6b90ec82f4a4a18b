/** That `docs/conformance.md` says what is tested. */

import { assert, assertEquals } from "@std/assert";
import { conformanceTable, readRules, TABLE_PATH } from "../../tools/conformance_table.ts";
import { UNTESTED } from "./untested.ts";

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
