/** What a connection has to send, over a transport whose writes leave at once. */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import type { Transport } from "../../../src/api/network.ts";
import { Outbox, PACED, type SendingConnection } from "../../../src/connection/outbox.ts";
import { AutomaticScheduler } from "../../../src/service/scheduler.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";

/** An outbox over `transport`, whose connection does `onDrain` when a write has left. */
function outboxOn(transport: Transport, onDrain: (outbox: Outbox) => void): Outbox {
  const host: SendingConnection = {
    socketFd: 1,
    isOpen: true,
    owner: {
      limits: DEFAULT_LIMITS,
      scheduler: new AutomaticScheduler(),
      flushLater: (outbox) => outbox.flush(),
    },
    onWritable() {},
    abort() {},
    onDrain: () => onDrain(outbox),
  };
  const outbox = new Outbox(host);
  outbox.open(transport);
  return outbox;
}

Deno.test("what is sent whenever a write has left comes to its end, and the stack doesn't grow", async () => {
  const [near, far] = memoryPair({ writesAtOnce: true, capacity: 1 << 20 });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const piece = Uint8Array.of(1);
  const outbox = outboxOn(near, (outbox) => {
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
  const outbox = outboxOn(near, (outbox) => {
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
