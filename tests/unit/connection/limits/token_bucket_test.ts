/** A bucket of tokens, on a clock that is told. */

import { assertEquals } from "@std/assert";
import { TokenBucket } from "../../../../src/connection/limits/token_bucket.ts";

Deno.test("a second's worth is there at first, and what is past it is a debt", () => {
  const bucket = new TokenBucket(10, 5_000);
  assertEquals(bucket.take(10, 5_000), true);
  assertEquals(bucket.untilThere(0), 0);
  assertEquals(bucket.take(1, 5_000), false);
  assertEquals(bucket.untilThere(0), 100);
  assertEquals(bucket.take(24, 5_050), false);
  assertEquals(bucket.untilThere(0), 2_450);
});

Deno.test("as many come in each second, and never more than a second's worth is kept", () => {
  const bucket = new TokenBucket(10, 0);
  bucket.take(10, 0);
  assertEquals(bucket.take(1, 99), false);
  assertEquals(bucket.take(0, 100), true);
  assertEquals(bucket.take(9, 1_000), true);
  assertEquals(bucket.take(11, 3_600_000), false, "an hour is worth no more than a second");
  assertEquals(bucket.take(9, 3_601_000), true);
});

Deno.test("one that is taken only if it is there leaves no debt", () => {
  const bucket = new TokenBucket(1, 0);
  assertEquals(bucket.takeIfThere(0), true);
  for (let i = 0; i < 5; i++) assertEquals(bucket.takeIfThere(0), false);
  assertEquals(bucket.untilThere(1), 1_000);
  assertEquals(bucket.takeIfThere(999), false);
  assertEquals(bucket.takeIfThere(1_000), true);
});

Deno.test("a clock that jumps back gives nothing, and takes nothing away", () => {
  const bucket = new TokenBucket(10, 1_000);
  bucket.take(5, 1_000);
  assertEquals(bucket.take(5, 0), true);
  assertEquals(bucket.take(1, 100), true);
});
