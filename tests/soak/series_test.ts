/** The rule by which a soak passes. */

import { assertEquals, assertThrows } from "@std/assert";
import { judge, MOST_A_MINUTE, type Sample } from "./series.ts";

/** A sample each six seconds for so many minutes, of a heap. */
function heaps(minutes: number, heap: (minute: number) => number): Sample[] {
  return Array.from({ length: minutes * 10 }, (_, i) => {
    const rest = { code: 1, resident: 1, descriptors: 10, timers: 0, connections: 0 };
    return { minute: i / 10, heap: heap(i / 10), ...rest };
  });
}

const MIB = 1024 * 1024;

Deno.test("a heap that only warms up is flat, and so is one that goes up and down", () => {
  assertEquals(judge(heaps(10, (at) => 20 * MIB + 8 * MIB * Math.min(at, 2)), "heap").isFlat, true);
  assertEquals(judge(heaps(10, (at) => 20 * MIB + MIB * ((at * 10) % 2)), "heap").isFlat, true);
  const most = MOST_A_MINUTE.heap - 1;
  assertEquals(judge(heaps(10, (at) => 20 * MIB + most * at), "heap").isFlat, true, "at the limit");
});

Deno.test("samples of a bad moment make no difference to a heap that is flat", () => {
  const odd = (at: number) => at > 8 && Math.round(at * 10) % 10 === 0 ? 20 * MIB : 0;
  assertEquals(judge(heaps(10, (at) => 20 * MIB + odd(at)), "heap"), {
    isFlat: true,
    slope: 0,
    first: 20 * MIB,
    last: 20 * MIB,
  });
});

Deno.test("a heap that grows on is not, at more than the limit, and neither is one that has jumped", () => {
  const more = MOST_A_MINUTE.heap + 1;
  assertEquals(judge(heaps(10, (at) => 20 * MIB + more * at), "heap").isFlat, false);
  assertEquals(judge(heaps(10, (at) => at < 4.5 ? 20 * MIB : 23 * MIB), "heap").isFlat, false);
});

Deno.test("a descriptor a minute is too many, and too few samples are no answer", () => {
  const samples = heaps(10, () => MIB).map((sample) => ({
    ...sample,
    descriptors: 10 + Math.floor(sample.minute),
  }));
  assertEquals(judge(samples, "descriptors").isFlat, false);
  assertEquals(judge(samples, "timers").isFlat, true);
  assertThrows(() => judge(heaps(1, () => 1), "heap"), Error, "10 samples");
});
