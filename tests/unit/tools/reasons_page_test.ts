/** The page of the reasons, which its tool makes. */

import { assert, assertEquals } from "@std/assert";
import { REASONS } from "../../../src/api/reasons.ts";
import { reasonRows, REASONS_PATH, reasonsPage } from "../../../tools/reasons_page.ts";

Deno.test("docs/reasons.md is what tools/reasons_page.ts makes of ReasonData", () => {
  assertEquals(Deno.readTextFileSync(REASONS_PATH), reasonsPage());
});

Deno.test("the page has each reason once, with when it comes", () => {
  const rows = reasonRows();
  assertEquals(rows.map(({ name }) => name).toSorted(), REASONS.toSorted());
  assertEquals(rows.filter(({ when }) => when === ""), []);
});

Deno.test("what a number does is told apart from when the reason comes", () => {
  const row = reasonRows().find(({ name }) => name === "filterProtocolConnection")!;
  assertEquals(row.cName, "LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION");
  assertEquals(row.generations, ["oct12", "mar13", "dec15"]);
  assertEquals(row.data, "HandshakeFilter");
  assert(row.when.endsWith("was parsed and not answered."));
  assert(row.result.startsWith("Non-zero refuses"));
});
