import { assert, assertEquals } from "@std/assert";
import { TxQueue } from "../src/tx_queue.ts";

function put(queue: TxQueue, length: number, value: number): void {
  const target = queue.reserve(length);
  target.fill(value, queue.position, queue.position + length);
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

Deno.test("bytes leave in the order of their writes, whatever their lengths", () => {
  const queue = new TxQueue();
  const lengths = [1, 1000, 30_000, 40_000, 3, 32_768, 32_767, 32_767, 70_000, 5, 1024, 1, 65_536];
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

Deno.test("clear drops everything", () => {
  const queue = new TxQueue();
  put(queue, 100, 1);
  put(queue, 100_000, 2);
  queue.clear();
  assertEquals([queue.unsent, queue.hasQueued, queue.isWriting], [0, false, false]);
});
