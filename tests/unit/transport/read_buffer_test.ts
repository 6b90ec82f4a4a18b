import { assert, assertEquals } from "@std/assert";
import { ReadBuffer, ReadLoans } from "../../../src/transport/read_buffer.ts";

/** Reads up to `count` bytes of a running count into the buffer, as a socket would. */
function fill(buffer: ReadBuffer, next: { byte: number }, count: number): number {
  const room = buffer.room();
  const length = Math.min(count, room.length);
  for (let i = 0; i < length; i++) room[i] = next.byte++ & 255;
  buffer.filled(length);
  return length;
}

Deno.test("an idle buffer has 1 KiB, a busy one grows to 64 KiB, and gives it back", () => {
  const buffer = new ReadBuffer();
  const next = { byte: 0 };
  assertEquals(buffer.room().length, 1024);
  for (const size of [1024, 4096, 16_384, 65_536, 65_536]) {
    assertEquals(fill(buffer, next, Infinity), size);
    buffer.taken(size);
  }
  for (let i = 0; i < 20; i++) {
    fill(buffer, next, 100);
    buffer.taken(100);
  }
  assertEquals(buffer.room().length, 1024);
});

Deno.test("a rest stays in front, whatever is taken, and no byte is lost or doubled", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const buffer = new ReadBuffer();
  const next = { byte: 0 };
  let expected = 0;
  for (let i = 0; i < 3_000; i++) {
    assert(buffer.room().length > 0);
    fill(buffer, next, 1 + random(i % 3 === 0 ? 100_000 : 500));
    const bytes = buffer.bytes();
    for (const byte of bytes.subarray(0, 64)) {
      assertEquals(byte, expected & 255);
      expected++;
    }
    const taken = Math.min(bytes.length, 64 + random(bytes.length + 1));
    expected += Math.max(0, taken - 64) - Math.max(0, Math.min(64, bytes.length) - taken);
    buffer.taken(taken);
    assertEquals(buffer.length, bytes.length - taken);
  }
});

Deno.test("a rest that is never taken grows the buffer as far as it needs", () => {
  const buffer = new ReadBuffer();
  const next = { byte: 0 };
  let total = 0;
  while (total < 300_000) total += fill(buffer, next, 10_000);
  const bytes = buffer.bytes();
  assertEquals(bytes.length, total);
  assert(bytes.every((byte, i) => byte === (i & 255)));
});

Deno.test("it shrinks step by step, after four small reads in a row", () => {
  const buffer = new ReadBuffer();
  const next = { byte: 0 };
  for (let i = 0; i < 4; i++) buffer.taken(fill(buffer, next, Infinity));
  const sizes: number[] = [];
  for (const count of [10, 10, 10, 30_000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]) {
    buffer.taken(fill(buffer, next, count));
    const size = buffer.room().length;
    if (size !== sizes.at(-1)) sizes.push(size);
  }
  assertEquals(sizes, [65_536, 16_384, 4_096, 1_024]);
});

Deno.test("a buffer that a rest has made large is given back, too", () => {
  const buffer = new ReadBuffer();
  const next = { byte: 0 };
  while (buffer.length < 300_000) fill(buffer, next, 10_000);
  buffer.taken(buffer.length);
  for (let i = 0; i < 40; i++) buffer.taken(fill(buffer, next, 1));
  assertEquals(buffer.room().length, 1_024);
});

/** A buffer that traffic of full reads has made as large as it gets. */
function grown(next: { byte: number }, loans: ReadLoans): ReadBuffer {
  const buffer = new ReadBuffer(loans);
  for (let i = 0; i < 4; i++) buffer.taken(fill(buffer, next, Infinity));
  return buffer;
}

Deno.test("without a loan a buffer grows less, and shrinks once a read has emptied the socket", () => {
  const next = { byte: 0 };
  const loans = new ReadLoans(2 * 65_536);
  const [first, second] = [grown(next, loans), grown(next, loans)];
  assertEquals(loans.lent, loans.limit);
  const late = new ReadBuffer(loans);
  const sizes: number[] = [];
  for (const count of [Infinity, Infinity, 10, Infinity, 10_000]) {
    const room = late.room().length;
    late.filled(Math.min(count, room));
    late.taken(late.length);
    sizes.push(room);
  }
  assertEquals(sizes, [1_024, 16_384, 16_384, 1_024, 16_384]);
  assertEquals(late.room().length, 1_024);
  first.taken(fill(first, next, 60_000));
  assertEquals(first.room().length, 65_536);

  // What is given back can be lent again.
  first.release();
  for (let i = 0; i < 4; i++) late.taken(fill(late, next, Infinity));
  assertEquals(late.room().length, 65_536);
  for (const buffer of [second, late]) buffer.release();
  assertEquals(loans.lent, 0);
});

Deno.test("a loan is given back with the buffer, as the traffic goes down", () => {
  const next = { byte: 0 };
  const loans = new ReadLoans(65_536);
  const buffer = grown(next, loans);
  const lent = new Set<number>();
  for (let reads = 0; reads < 20; reads++) {
    buffer.taken(fill(buffer, next, 10));
    lent.add(loans.lent);
  }
  assertEquals([...lent], [65_536, 16_384, 4_096, 0]);
  assertEquals(buffer.room().length, 1_024);
});
