/** DER as X.690 has it, and what is none. */

import { assertEquals } from "@std/assert";
import { elementsOf, SEQUENCE, soleElement } from "../../../src/tls/der.ts";

function read(hex: string): string | undefined {
  const elements = elementsOf(Uint8Array.fromHex(hex.replaceAll(" ", "")));
  return elements?.map(({ tag, content }) => `${tag}:${content.toHex()}`).join(" ");
}

Deno.test("values are read one behind the other, and none of nothing", () => {
  assertEquals(read(""), "");
  assertEquals(read("05 00"), "5:");
  assertEquals(read("02 01 07 04 02 abcd"), "2:07 4:abcd");
  assertEquals(read("a3 03 020107"), "163:020107");
});

Deno.test("a length may have more bytes, where it needs them", () => {
  for (const length of [127, 128, 255, 256, 65_535, 65_536]) {
    const digits = length.toString(16);
    const bytes = digits.padStart(digits.length + digits.length % 2, "0");
    const long = (0x80 + bytes.length / 2).toString(16) + bytes;
    assertEquals(
      read(`04 ${length < 128 ? bytes : long} ${"00".repeat(length)}`)?.length,
      2 + 2 * length,
    );
    assertEquals(read(`04 ${length < 128 ? bytes : long} ${"00".repeat(length - 1)}`), undefined);
  }
});

for (
  const [why, hex] of [
    ["there is no length", "30"],
    ["its length is cut", "30 82 01"],
    ["its content is cut", "04 03 abcd"],
    ["a rest that is cut follows", "05 00 04"],
    ["its length is left open", "30 80 0000"],
    ["its length has a byte too many", "04 81 01 ab"],
    ["its length begins with zeros", `04 82 0080 ${"00".repeat(128)}`],
    ["its length is beyond all handshakes", "04 84 01000000"],
    ["its tag has more than one byte", "1f 01 00"],
  ] as const
) {
  Deno.test(`bytes are no DER when ${why}`, () => assertEquals(read(hex), undefined));
}

Deno.test("a value that should be alone is neither of two nor of another kind", () => {
  const sole = (hex: string) => soleElement(Uint8Array.fromHex(hex), SEQUENCE)?.content.toHex();
  assertEquals(sole("30020500"), "0500");
  assertEquals([sole("30003000"), sole("0500"), sole(""), sole("3001")], Array(4).fill(undefined));
});
