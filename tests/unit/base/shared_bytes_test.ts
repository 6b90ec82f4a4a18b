import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SharedBytes } from "../../../src/base/shared_bytes.ts";

function shared(length: number, value: number): SharedBytes {
  return new SharedBytes(new Uint8Array(length).fill(value));
}

Deno.test("bytes alone are the very bytes", () => {
  const bytes = Uint8Array.of(1, 2);
  assertStrictEquals(new SharedBytes(bytes).bytes, bytes);
});

Deno.test("bytes behind others are joined in their order, once for all that ask", () => {
  const [a, b, c] = [shared(2, 1), shared(1, 2), shared(1, 3)];
  const ab = a.with(b)!;
  assertStrictEquals(a.with(b), ab);
  const abc = ab.with(c)!;
  assertStrictEquals(a.with(b)!.with(c), abc);
  assertEquals([...abc.bytes], [1, 1, 2, 3]);
  assertEquals([abc.length, ab.length, a.length], [4, 3, 2]);
  assertStrictEquals(abc.bytes, a.with(b)!.with(c)!.bytes);
  assertEquals([...ab.bytes], [1, 1, 2]);
});

Deno.test("the same bytes may follow themselves, and what is joined may follow", () => {
  const a = shared(1, 1);
  const aa = a.with(a)!;
  assertEquals([...aa.bytes], [1, 1]);
  assertEquals([...a.with(aa)!.bytes], [1, 1, 1]);
});

Deno.test("one that follows in place of another changes nothing of what was joined before", () => {
  const [a, b, c] = [shared(1, 1), shared(1, 2), shared(1, 3)];
  const ab = a.with(b)!;
  const ac = a.with(c)!;
  assertEquals([[...ac.bytes], [...ab.bytes], [...a.with(b)!.bytes]], [[1, 3], [1, 2], [1, 2]]);
});

Deno.test("16 KiB are joined, and no byte more", () => {
  const most = shared(16_383, 1).with(shared(1, 2));
  assert(most !== undefined);
  assertEquals(most.bytes.length, 16_384);
  assertEquals(most.with(shared(1, 3)), undefined);
  assertEquals(shared(16_384, 1).with(shared(1, 2)), undefined);
  assertEquals(shared(1, 2).with(shared(16_384, 1)), undefined);
});
