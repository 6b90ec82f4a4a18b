import { assert, assertEquals, assertThrows } from "@std/assert";
import { SharedBytes } from "../../../../src/base/shared_bytes.ts";
import { HeldBytes } from "../../../../src/base/buffers.ts";
import {
  acquire,
  LARGEST_CHUNK,
  release,
  SMALLEST_CHUNK,
} from "../../../../src/core/websocket/chunk_pool.ts";
import { takeQueue, TxQueue } from "../../../../src/core/websocket/send_queue.ts";

function put(queue: TxQueue, length: number, value: number): void {
  queue.put(new Uint8Array(length).fill(value));
}

function drain(queue: TxQueue): number[][] {
  const runs: number[][] = [];
  while (queue.hasQueued) {
    const bytes = queue.next();
    assert(queue.isWriting);
    for (const byte of bytes) {
      const last = runs.at(-1);
      if (last?.[0] === byte) last[1]!++;
      else runs.push([byte, 1]);
    }
    queue.written();
  }
  return runs;
}

Deno.test("what a turn wrote leaves in one piece while it fits 64 KiB", () => {
  const queue = new TxQueue();
  for (let i = 0; i < 500; i++) put(queue, 127, 1);
  assertEquals(queue.unsent, 500 * 127);
  assertEquals(queue.next().length, 500 * 127);
  queue.written();
  assertEquals([queue.unsent, queue.hasQueued, queue.isWriting], [0, false, false]);
});

Deno.test("four messages of 64 KiB leave in one piece, and the chunk of them is not for single ones", () => {
  const queue = new TxQueue();
  const message = new Uint8Array(65_536);
  const send = (count: number) => {
    for (let i = 0; i < count; i++) queue.put(message, message.length, 0x82);
    const { length, buffer } = queue.next();
    assertEquals([length, queue.hasQueued], [count * 65_546, false]);
    queue.written();
    return buffer.byteLength;
  };
  assertEquals([4, 1, 1, 4].map(send), [262_208, 262_208, 73_728, 262_208]);
});

Deno.test("bytes leave in the order of their writes, whatever their lengths", () => {
  const queue = new TxQueue();
  const lengths = [
    1,
    1000,
    30_000,
    40_000,
    3,
    32_768,
    32_767,
    32_767,
    70_000,
    5,
    1024,
    1,
    65_536,
    262_209,
  ];
  lengths.forEach((length, i) => put(queue, length, i));
  queue.append(new Uint8Array(9).fill(100));
  put(queue, 2, 101);
  assertEquals(drain(queue), [...lengths.map((length, i) => [i, length]), [100, 9], [101, 2]]);
  assertEquals(queue.unsent, 0);
});

Deno.test("what is written while a write is under way does not touch it", () => {
  const queue = new TxQueue();
  put(queue, 100, 1);
  const underWay = queue.next();
  put(queue, 100, 2);
  assert(underWay.every((byte) => byte === 1));
  assertEquals(queue.unsent, 200);
  queue.written();
  assertEquals(drain(queue), [[2, 100]]);
});

Deno.test("reused chunks never send bytes of an earlier use", () => {
  const queue = new TxQueue();
  for (let i = 0; i < 50; i++) {
    put(queue, 1 + (i * 997) % 5_000, i);
    assertEquals(drain(queue), [[i, 1 + (i * 997) % 5_000]]);
  }
});

Deno.test("bytes that can't be copied leave the queue as it was", () => {
  const queue = new TxQueue();
  put(queue, 700, 1);
  for (const [length, claimed] of [[2_000, 1], [100_000, 5], [300_000, 270_000]] as const) {
    assertThrows(() => queue.put(new Uint8Array(length), claimed), RangeError);
    assertEquals(queue.unsent, 700);
  }
  put(queue, 3, 2);
  assertEquals(drain(queue), [[1, 700], [2, 3]]);
});

Deno.test("short bytes that have to wait are copied, so that none costs a segment", () => {
  const queue = new TxQueue();
  const shared = new SharedBytes(new Uint8Array(1_024).fill(1));
  const own = new Uint8Array(4_096).fill(2);
  queue.append(own);
  queue.share(shared);
  queue.append(own);
  // The first had nothing to wait for.
  assert(queue.next() === own);
  queue.written();
  const rest = queue.next();
  assertEquals([rest.length, rest[0], rest.at(-1)], [5_120, 1, 2]);
  queue.written();
  assertEquals([queue.unsent, queue.hasQueued], [0, false]);
});

Deno.test("a chunk that is ended mostly empty is no more than its bytes", () => {
  const queue = new TxQueue();
  put(queue, 60_000, 1);
  queue.next();
  for (let i = 0; i < 5; i++) {
    put(queue, 3, 2);
    queue.append(new Uint8Array(5_000).fill(3));
  }
  queue.written();
  for (let i = 0; i < 5; i++) {
    assertEquals(queue.next().buffer.byteLength, 3);
    queue.written();
    assertEquals(queue.next().length, 5_000);
    queue.written();
  }
});

Deno.test("clear drops everything", () => {
  const queue = new TxQueue();
  put(queue, 100, 1);
  put(queue, 100_000, 2);
  queue.clear();
  assertEquals([queue.unsent, queue.hasQueued, queue.isWriting], [0, false, false]);
});

Deno.test("appended bytes are sent as they are, without a copy", () => {
  const queue = new TxQueue();
  const own = new Uint8Array(4_097).fill(2);
  put(queue, 3, 1);
  queue.append(own);
  assertEquals(queue.next(), new Uint8Array(3).fill(1));
  queue.written();
  assert(queue.next() === own);
});

Deno.test("a few bytes behind short shared ones leave with them, and many leave alone", () => {
  const queue = new TxQueue();
  const shared = new SharedBytes(new Uint8Array(100).fill(1));
  queue.share(shared);
  queue.share(shared);
  put(queue, 10, 2);
  queue.besides = 210;
  assertEquals([...queue.next()], [...new Array(200).fill(1), ...new Array(10).fill(2)]);
  assertEquals([queue.hasQueued, queue.unsent], [false, 210]);
  queue.written();
  assertEquals([queue.isWriting, queue.unsent, queue.besides], [false, 0, 0]);
  queue.share(shared);
  put(queue, 5_000, 2);
  assert(queue.next() === shared.bytes);
  queue.written();
  assertEquals(drain(queue), [[2, 5_000]]);
});

Deno.test("shared bytes that wait together leave in one piece, the same one for every queue", () => {
  const [first, second] = [1, 2].map((value) => new SharedBytes(new Uint8Array(100).fill(value)));
  const pieces = [new TxQueue(), new TxQueue()].map((queue) => {
    queue.share(first!);
    assert(queue.next() === first!.bytes);
    // Not even while a write is under way is there a copy.
    queue.share(first!);
    queue.share(second!);
    assertEquals(queue.unsent, 300);
    queue.written();
    assertEquals([queue.unsent, queue.hasQueued], [200, true]);
    const piece = queue.next();
    queue.written();
    assertEquals([queue.unsent, queue.hasQueued], [0, false]);
    return piece;
  });
  assertEquals([...pieces[0]!], [...new Array(100).fill(1), ...new Array(100).fill(2)]);
  assert(pieces[0] === pieces[1]);
});

Deno.test("of short shared bytes 16 KiB are no copies, and what waits behind them is", () => {
  const queue = new TxQueue();
  const shared = new SharedBytes(new Uint8Array(100).fill(1));
  const long = new SharedBytes(new Uint8Array(4097).fill(2));
  for (let i = 0; i < 400; i++) queue.share(shared);
  queue.share(long);
  for (const length of [16_300, 23_700]) {
    assertEquals(queue.next(), new Uint8Array(length).fill(1));
    queue.written();
  }
  assert(queue.next() === long.bytes);
  queue.written();
  assertEquals([queue.unsent, queue.hasQueued], [0, false]);
});

Deno.test("short shared segments are gathered, 256 KiB and four headers at most in one piece", () => {
  const queue = new TxQueue();
  const shared = new SharedBytes(new Uint8Array(4_000).fill(1));
  queue.append(new Uint8Array(5_000).fill(2));
  for (let i = 0; i < 70; i++) queue.share(shared);
  assertEquals(queue.next().length, 5_000);
  queue.written();
  for (const count of [65, 5]) {
    const gathered = queue.next();
    assertEquals(gathered.length, count * 4_000);
    assert(gathered.every((byte) => byte === 1));
    queue.written();
  }
  assertEquals([queue.unsent, queue.hasQueued], [0, false]);
});

Deno.test("what goes ahead comes before shared bytes, and those that leave are no beside ones", () => {
  const queue = new TxQueue();
  const shared = new SharedBytes(new Uint8Array(100).fill(1));
  queue.share(shared);
  queue.ahead(() => {
    put(queue, 5, 3);
    queue.besides += 5;
  });
  put(queue, 2, 2);
  assertEquals(queue.next(), new Uint8Array(5).fill(3));
  queue.written();
  assertEquals(queue.besides, 0);
  assertEquals(drain(queue), [[1, 100], [2, 2]]);
  queue.share(shared);
  queue.clear();
  assertEquals([queue.unsent, queue.hasQueued], [0, false]);
});

Deno.test("writes and sends in any order lose, double and change nothing", () => {
  let seed = 11;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const lengths = [0, 1, 1_023, 1_024, 1_025, 32_767, 32_768, 65_535, 65_536, 262_208, 270_000];
  const queue = new TxQueue();
  /** What waits, as runs of one byte. */
  const waiting: { value: number; length: number }[] = [];
  let underWay: Uint8Array | undefined;
  for (let step = 0; step < 3_000; step++) {
    const length = random(10) === 0 ? lengths[random(lengths.length)]! : random(300);
    const value = step % 256;
    const way = length > 0 ? random(8) : 0;
    if (way === 1) queue.append(new Uint8Array(length).fill(value));
    else if (way > 4) queue.share(new SharedBytes(new Uint8Array(length).fill(value)));
    else put(queue, length, value);
    if (length > 0) waiting.push({ value, length });
    assertEquals(queue.isWriting, underWay !== undefined);
    if (random(2) === 0 && underWay !== undefined) {
      let at = 0;
      while (at < underWay.length) {
        const run = waiting[0]!;
        const taken = Math.min(run.length, underWay.length - at);
        assert(underWay.subarray(at, at + taken).every((byte) => byte === run.value));
        at += taken;
        run.length -= taken;
        if (run.length === 0) waiting.shift();
      }
      underWay = undefined;
      queue.written();
    }
    assertEquals(queue.unsent, waiting.reduce((sum, run) => sum + run.length, 0));
    if (underWay === undefined && queue.hasQueued && random(2) === 0) underWay = queue.next();
  }
});

Deno.test("the chunks that waited in a queue which is cleared are used again", () => {
  const queue = new TxQueue();
  for (let i = 0; i < 12; i++) put(queue, 65_546, 77);
  queue.next();
  const pooled = Array.from({ length: 10 }, () => acquire(LARGEST_CHUNK).fill(0));
  queue.clear();
  const taken = Array.from({ length: 3 }, () => acquire(LARGEST_CHUNK));
  assertEquals(taken.map((chunk) => chunk[100]), [77, 77, 0]);
  [...pooled, ...taken].forEach(release);
});

Deno.test("what waits behind a full chunk goes to another one as long", () => {
  const counted = new HeldBytes();
  const queue = takeQueue(SMALLEST_CHUNK, counted);
  const message = new Uint8Array(65_536);
  for (let i = 0; i < 4; i++) queue.put(message, message.length, 0x82);
  const one = counted.bytes;
  queue.put(message, message.length, 0x82);
  assertEquals([one, counted.bytes - one >= LARGEST_CHUNK], [LARGEST_CHUNK, true]);
  queue.clear();
  assertEquals(counted.bytes, 0);
});

Deno.test("what is under way when a queue is cleared is nobody else's", () => {
  const queue = new TxQueue();
  put(queue, 500, 1);
  const underWay = queue.next();
  queue.clear();
  for (let i = 0; i < 50; i++) put(new TxQueue(), 500, 3);
  assert(underWay.every((byte) => byte === 1));
});

Deno.test("a chunk whose buffer was transferred under way is told of, and is no more used", () => {
  const queue = new TxQueue();
  queue.put(new Uint8Array(5), 5);
  const under = queue.next();
  structuredClone(under.buffer, { transfer: [under.buffer as ArrayBuffer] });
  assertEquals(queue.written(), false);
  assertEquals(queue.unsent, 0);
  queue.put(new Uint8Array(5), 5);
  assertEquals(queue.next().length, 5);
  queue.clear();
});
