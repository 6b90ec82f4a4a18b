/** Percentiles of times. */

import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../../../src/cli/bench/histogram.ts";

Deno.test("small numbers are counted exactly", () => {
  const times = new Histogram();
  for (let value = 1; value <= 100; value++) times.add(value);
  assertEquals(times.count, 100);
  assertEquals([1, 50, 90, 99, 100].map((percent) => times.percentile(percent)), [
    1,
    50,
    90,
    99,
    100,
  ]);
  assertEquals(times.max, 100);
});

Deno.test("a percentile is never less than the number, and at most 2 % more", () => {
  for (
    const value of [0, 1, 63, 64, 65, 127, 128, 129, 4095, 4096, 1e6, 1e6 + 1, 12_345_678, 3e10]
  ) {
    const times = new Histogram();
    times.add(value);
    times.add(value * 2 + 1000);
    const p50 = times.percentile(50);
    assert(p50 >= value && p50 <= value * 1.02, `${value}: ${p50}`);
    assertEquals(times.percentile(100), value * 2 + 1000);
  }
});

Deno.test("without a number all is 0; fractions are rounded, what is too long has its place at the end", () => {
  const times = new Histogram();
  assertEquals([times.count, times.max, times.percentile(50)], [0, 0, 0]);
  times.add(-1);
  times.add(1.4);
  assertEquals([times.percentile(50), times.percentile(100)], [0, 1]);
  times.add(1e15);
  assertEquals(times.max, 1e15);
  assertEquals(times.percentile(60), 1);
});
