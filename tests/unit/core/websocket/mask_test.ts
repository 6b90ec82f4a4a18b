import { assertEquals, assertNotEquals } from "@std/assert";
import { mask, newMaskingKey, writeMaskingKey } from "../../../../src/core/websocket/mask.ts";

Deno.test("section 5.3: every length, offset and phase is masked as byte by byte", () => {
  const key = [0x12, 0xf4, 0x56, 0x98];
  const word = (key[0]! | key[1]! << 8 | key[2]! << 16 | key[3]! << 24) >>> 0;
  const lengths = [...Array(70).keys(), 191, 192, 193, 222, 223, 224, 225, 1000, 1001, 1003];
  for (const length of lengths) {
    for (const start of [0, 1, 2, 3, 5]) {
      for (const phase of [0, 1, 2, 3]) {
        const bytes = new Uint8Array(start + length + 3).map((_, i) => i * 7);
        const expected = bytes.slice();
        for (let i = 0; i < length; i++) expected[start + i]! ^= key[(phase + i) % 4]!;
        mask(bytes, new DataView(bytes.buffer), start, start + length, word, phase);
        assertEquals(bytes, expected);
      }
    }
  }
});

Deno.test("masking keys differ and are written in the order that mask reads them", () => {
  const keys = new Set(Array.from({ length: 600 }, newMaskingKey));
  assertNotEquals(keys.size, 1);
  assertEquals(keys.size > 590, true);
  const bytes = new Uint8Array(8);
  writeMaskingKey(bytes, 2, 0x04030201);
  assertEquals([...bytes], [0, 0, 1, 2, 3, 4, 0, 0]);
});
