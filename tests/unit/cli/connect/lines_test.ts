/** Lines of standard input. */

import { assertEquals, assertRejects } from "@std/assert";
import { linesOf } from "../../../../src/cli/connect/lines.ts";
import { LwsError } from "../../../../mod.ts";

async function* pieces(...texts: readonly (string | number[])[]) {
  for (const text of texts) {
    await Promise.resolve();
    yield typeof text === "string" ? new TextEncoder().encode(text) : new Uint8Array(text);
  }
}

const linesIn = async (...texts: readonly (string | number[])[]) =>
  await Array.fromAsync(linesOf(pieces(...texts)));

Deno.test("lines are split however the bytes come", async () => {
  assertEquals(await linesIn("a\nb\r\n\nc"), ["a", "b", "", "c"]);
  assertEquals(await linesIn("a", "b\r", "\nc\n"), ["ab", "c"]);
  assertEquals(await linesIn(""), []);
  assertEquals(await linesIn("\n"), [""]);
  // A letter of three bytes, and one that never ends.
  assertEquals(await linesIn([0xe2], [0x82, 0xac, 0x0a, 0xe2]), ["€", "\ufffd"]);
});

Deno.test("a line may be as long as it is said, and no longer", async () => {
  assertEquals(await Array.fromAsync(linesOf(pieces("abc", "de"), 5)), ["abcde"]);
  await assertRejects(() => Array.fromAsync(linesOf(pieces("abc", "def"), 5)), LwsError, "5");
});

Deno.test("no more is read than the lines that were taken", async () => {
  let read = 0;
  async function* counted() {
    for await (const bytes of pieces("a\n", "b\n", "c\n")) {
      read++;
      yield bytes;
    }
  }
  const lines = linesOf(counted());
  await lines.next();
  assertEquals(read, 1);
  await lines.return(undefined);
});
