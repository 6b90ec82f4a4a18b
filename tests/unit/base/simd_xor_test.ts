import { assert, assertEquals, assertThrows } from "@std/assert";
import { simdBuffer, xorSimd } from "../../../src/base/simd_xor.ts";

const WORD = 0x98_56_f4_12 | 0;
const KEY = [0x12, 0xf4, 0x56, 0x98];

Deno.test("steps of 64 bytes are XORed, from any offset, and nothing beside them", () => {
  const bytes = simdBuffer(1_000);
  const initial = bytes.map((_, i) => i * 7);
  for (const length of [64, 65, 127, 128, 512, 900]) {
    for (const start of [0, 1, 3, 14, 17]) {
      bytes.set(initial);
      const end = start + length;
      const stop = start + Math.floor(length / 64) * 64;
      assertEquals(xorSimd(bytes, start, end, WORD), stop);
      const expected = initial.slice();
      for (let i = start; i < stop; i++) expected[i]! ^= KEY[(i - start) % 4]!;
      assertEquals(bytes, expected);
    }
  }
});

Deno.test("what is shorter than a step, or in another buffer, is left as it is", () => {
  const bytes = simdBuffer(200);
  assertEquals([xorSimd(bytes, 5, 5, WORD), xorSimd(bytes, 5, 68, WORD)], [5, 5]);
  const plain = new Uint8Array(200);
  assertEquals(xorSimd(plain, 5, 200, WORD), 5);
  assert([...bytes, ...plain].every((byte) => byte === 0));
});

Deno.test("each buffer has its own memory, and a view of a part is that part", () => {
  const [one, other] = [simdBuffer(100), simdBuffer(70_000)];
  assertEquals(xorSimd(one, 0, 64, WORD), 64);
  assertEquals(xorSimd(other.subarray(65_600), 1, 100, WORD), 65);
  assertEquals([...one.subarray(60, 66)], [...KEY, 0, 0]);
  assertEquals([...other.subarray(65_598, 65_606)], [0, 0, 0, ...KEY, KEY[0]]);
  assertEquals([...other.subarray(65_664, 65_666)], [KEY[3], 0]);
  assert(other.subarray(0, 65_600).every((byte) => byte === 0));
});

Deno.test("a buffer has the length that was asked for, is empty, and can't be transferred", () => {
  for (const length of [1, 65_536, 65_537, 262_208]) {
    const bytes = simdBuffer(length);
    assertEquals([bytes.length, bytes.byteOffset], [length, 0]);
    assert(bytes.every((byte) => byte === 0));
    assertThrows(() => structuredClone(bytes, { transfer: [bytes.buffer] }));
  }
});

Deno.test("without WebAssembly it is an ordinary buffer", () => {
  const { WebAssembly } = globalThis;
  Reflect.deleteProperty(globalThis, "WebAssembly");
  try {
    const bytes = simdBuffer(100);
    assertEquals([bytes.length, xorSimd(bytes, 0, 100, WORD)], [100, 0]);
  } finally {
    Object.assign(globalThis, { WebAssembly });
  }
});
