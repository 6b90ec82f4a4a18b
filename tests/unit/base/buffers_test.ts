import { assertEquals } from "@std/assert";
import { freeBuffer, joined, leftOf } from "../../../src/base/buffers.ts";

Deno.test("a buffer of 4 KiB or more is freed at once, a smaller one is left alone", () => {
  for (const [length, left] of [[4095, 4095], [4096, 0], [65_536, 0]] as const) {
    const bytes = new Uint8Array(length);
    const view = bytes.subarray(0, 10);
    freeBuffer(bytes);
    assertEquals([bytes.length, view.length], [left, left === 0 ? 0 : 10]);
  }
});

Deno.test("without ArrayBuffer.prototype.transfer a buffer is left to the collector", () => {
  const { transfer } = ArrayBuffer.prototype;
  Reflect.deleteProperty(ArrayBuffer.prototype, "transfer");
  try {
    const bytes = new Uint8Array(4096);
    freeBuffer(bytes);
    assertEquals(bytes.length, 4096);
  } finally {
    Object.defineProperty(ArrayBuffer.prototype, "transfer", {
      value: transfer,
      writable: true,
      configurable: true,
    });
  }
});

Deno.test("what is left of a buffer is a view, and a copy where that is less than half of it", () => {
  const own = Uint8Array.from({ length: 10 }, (_, i) => i);
  const half = leftOf(own, 5);
  assertEquals([half, half.buffer === own.buffer], [own.slice(5), true]);
  const less = leftOf(half, 1);
  assertEquals([less, less.buffer.byteLength], [own.slice(6), 4]);
  assertEquals(leftOf(own, 10).buffer.byteLength, 0);
});

Deno.test("parts are joined in order, in a buffer of their own", () => {
  const part = Uint8Array.of(1, 2);
  const whole = joined([part, new Uint8Array(0), Uint8Array.of(3)]);
  part.fill(9);
  assertEquals(whole, Uint8Array.of(1, 2, 3));
  assertEquals(joined([]).length, 0);
});
