/** What a connection has to send, over a transport whose writes leave at once. */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import type { Transport } from "../../../src/api/network.ts";
import { BufferedBytes } from "../../../src/connection/limits/buffered_bytes.ts";
import { Outbox, PACED } from "../../../src/connection/outbox.ts";
import { AutomaticScheduler } from "../../../src/service/scheduler.ts";
import { TimerWheel } from "../../../src/service/timer_wheel.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";

/** An outbox over `transport`, whose connection does `onLeft` when a write has left. */
class TestOutbox extends Outbox {
  override readonly socketFd = 1;
  override readonly isOpen = true;
  override readonly owner = {
    counters: { hit() {} },
    limits: DEFAULT_LIMITS,
    buffered: new BufferedBytes(Infinity, {
      wheel: new TimerWheel(new FakeClock()),
      counters: { hit() {} },
      holders: () => [],
    }),
    scheduler: new AutomaticScheduler(),
    flushLater: (outbox: Outbox) => void outbox.flush(),
  };
  override readonly transport: Transport;
  readonly #onLeft: (outbox: TestOutbox) => void;

  constructor(transport: Transport, onLeft: (outbox: TestOutbox) => void) {
    super();
    this.transport = transport;
    this.#onLeft = onLeft;
  }

  override onDrain(): void {
    this.#onLeft(this);
  }

  close(): void {
    this.drop();
  }

  override onWritable(): void {}
  override abort(): void {}
}

Deno.test("what is sent whenever a write has left comes to its end, and the stack doesn't grow", async () => {
  const [near, far] = memoryPair({ writesAtOnce: true, capacity: 1 << 20 });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const piece = Uint8Array.of(1);
  const outbox = new TestOutbox(near, (outbox) => {
    assertEquals(outbox.written(), 1);
    if (++count === 100_000) return resolve();
    outbox.send(piece, 1, PACED);
  });
  for (const end of [near, far]) {
    end.start({ onBytes: (bytes) => bytes.length, onDrain() {}, onEnd() {}, onClose() {} });
  }
  outbox.send(piece, 1, PACED);
  await done;
  assertEquals(outbox.unsent, 0);
  near.close();
});

Deno.test("a connection that is closed before it hears that a write has left doesn't hear it", async () => {
  const [near] = memoryPair({ writesAtOnce: true });
  let drains = 0;
  const outbox = new TestOutbox(near, (outbox) => {
    outbox.written();
    drains++;
    if (drains > 1) return;
    outbox.send(Uint8Array.of(2), 1, PACED);
    outbox.close();
  });
  near.start({ onBytes: (bytes) => bytes.length, onDrain() {}, onEnd() {}, onClose() {} });
  outbox.send(Uint8Array.of(1), 1, PACED);
  await Promise.resolve();
  assertEquals([drains, outbox.unsent], [1, 0]);
  near.close();
});

Deno.test("what one sends, and what its transport keeps back, is never another's", async () => {
  const ends = [1, 2, 3].map(() => memoryPair({ capacity: 4 }));
  const outboxes = ends.map(([near]) => new TestOutbox(near, (outbox) => void outbox.written()));
  const heard: number[][] = ends.map(() => []);
  for (const [i, [near, far]] of ends.entries()) {
    near.start({
      onBytes: (bytes) => bytes.length,
      onDrain: () => {
        outboxes[i]!.written();
        outboxes[i]!.flush();
      },
      onEnd() {},
      onClose() {},
    });
    far.start({
      onBytes(bytes) {
        heard[i]!.push(...bytes);
        return bytes.length;
      },
      onDrain() {},
      onEnd() {},
      onClose() {},
    });
  }
  const sent = [0, 0, 0];
  for (let round = 0; round < 50; round++) {
    // Some are empty again before the next one has something, and some are not.
    for (const [i, outbox] of outboxes.entries()) {
      const length = round * (7 + i * 4) % 13;
      if (length < 5) continue;
      sent[i]! += length;
      outbox.send(new Uint8Array(length).fill(i), length, PACED);
    }
    if (round * 5 % 7 < 3) await new Promise((resolve) => setTimeout(resolve));
  }
  while (outboxes.some(({ unsent }) => unsent > 0)) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  for (const [i, [near]] of ends.entries()) {
    assertEquals(heard[i], new Array(sent[i]!).fill(i));
    near.close();
  }
});
