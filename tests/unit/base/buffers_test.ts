import { assertEquals } from "@std/assert";
import { freeBuffer } from "../../../src/base/buffers.ts";

Deno.test("a buffer of 4 KiB or more is freed at once, a smaller one is left alone", () => {
  for (const [length, left] of [[4095, 4095], [4096, 0], [65_536, 0]] as const) {
    const bytes = new Uint8Array(length);
    const view = bytes.subarray(0, 10);
    freeBuffer(bytes);
    assertEquals([bytes.length, view.length], [left, left === 0 ? 0 : 10]);
  }
});
