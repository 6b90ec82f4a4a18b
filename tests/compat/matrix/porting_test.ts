/** That `docs/porting.md` says what the matrices say. */

import { assertEquals } from "@std/assert";
import { PORTING_PATH, portingPage } from "../../../tools/porting_table.ts";

Deno.test("docs/porting.md is what tools/porting_table.ts makes of the matrices", () => {
  assertEquals(Deno.readTextFileSync(PORTING_PATH), portingPage());
});
