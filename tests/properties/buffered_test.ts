/** What connections hold is counted exactly, whatever they do. */

import { assert, assertEquals } from "@std/assert";
import { HeldBytes } from "../../src/base/buffers.ts";
import { SharedBytes } from "../../src/base/shared_bytes.ts";
import { FRESH_KEY, TxQueue, UNMASKED } from "../../src/core/websocket/send_queue.ts";
import { permessageDeflate, protocol, type Wsi } from "../../mod.ts";
import { captureLog } from "../support/recorder.ts";
import { serve, settle, type WebSocketPeer } from "../support/serve.ts";
import { random } from "./random.ts";

const SIZES = [0, 1, 100, 1000, 5_000, 40_000, 80_000, 300_000];

Deno.test("queues give back all that they count, and count no less than they have alone", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const below = random(seed);
    const counted = [new HeldBytes(), new HeldBytes()];
    const queues = [0, 1, 2, 3].map((i) => {
      const queue = new TxQueue();
      queue.counted = counted[i % 2]!;
      return queue;
    });
    const known = SIZES.filter((size) => size > 0).map((size) =>
      new SharedBytes(new Uint8Array(size))
    );
    for (let step = 0; step < 200; step++) {
      const queue = pick(queues, below);
      const bytes = new Uint8Array(pick(SIZES, below));
      switch (below(9)) {
        case 0:
          queue.put(bytes);
          break;
        case 1:
          queue.put(bytes, bytes.length, 0x82, pick([UNMASKED, FRESH_KEY], below));
          break;
        case 2:
          queue.append(bytes);
          break;
        case 3:
        case 4:
          queue.share(pick(known, below));
          break;
        case 5:
          queue.ahead(() => queue.put(bytes));
          break;
        case 6:
          if (below(10) === 0) queue.clear();
          break;
        default:
          if (queue.isWriting) queue.written();
          else if (queue.hasQueued) queue.next();
      }
      for (const one of counted) assert(one.bytes >= 0, `seed ${seed}, step ${step}: ${one.bytes}`);
    }
    for (const queue of queues) {
      if (below(2) === 0) queue.clear();
      while (queue.isWriting || queue.hasQueued) {
        if (queue.isWriting) queue.written();
        else queue.next();
      }
    }
    assertEquals(counted.map(({ bytes }) => bytes), [0, 0], `seed ${seed}`);
  }
});

Deno.test("a queue alone counts at least what is unsent, and little more in long writes", () => {
  for (const size of [100, 5_000, 40_000, 80_000, 300_000]) {
    const queue = new TxQueue();
    queue.counted = new HeldBytes();
    for (let i = 0; i < 20; i++) {
      queue.put(new Uint8Array(size));
      assert(queue.counted.bytes >= queue.unsent, String(size));
      assert(queue.counted.bytes <= 2 * queue.unsent + 257 * 1024, String(size));
    }
    queue.clear();
    assertEquals(queue.counted.bytes, 0);
  }
});

Deno.test("the sum is that of what connections do with it, and 0 when all are gone", async () => {
  using _log = captureLog([]);
  for (let seed = 1; seed <= 12; seed++) {
    const below = random(seed);
    const all = new Set<Wsi>();
    const maxBufferedBytes = seed % 3 === 0 ? Infinity : 300_000;
    const served = serve([
      protocol({
        name: "echo",
        open: (wsi) => void all.add(wsi),
        message: (wsi, _user, message) => void wsi.write(message),
        close: (wsi) => void all.delete(wsi),
      }),
    ], { kaTime: 0, maxBufferedBytes, maxMessageSize: 200_000, extensions: [permessageDeflate()] });
    const peers: { peer: WebSocketPeer; inside: boolean }[] = [];
    for (let step = 0; step < 60; step++) {
      const one = peers.length > 0 ? pick(peers, below) : undefined;
      const wsi = all.size > 0 ? pick([...all], below) : undefined;
      switch (below(8)) {
        case 0: {
          const peer = await served.open();
          if (below(2) === 0) peer.peer.transport.stopReading();
          peers.push({ peer, inside: false });
          break;
        }
        case 1:
        case 2:
        case 3:
          if (one === undefined) break;
          send(one, 1 + below(60_000), below(3) === 0);
          break;
        case 4:
          wsi?.rxFlowControl(below(2) === 0);
          break;
        case 5:
          wsi?.write(new Uint8Array(1 + below(60_000)));
          break;
        case 6:
          if (one === undefined || below(4) > 0) break;
          one.peer.peer.close();
          peers.splice(peers.indexOf(one), 1);
          break;
        default:
          await served.pass(1 + below(3_000));
      }
      await settle();
      const { bufferedBytes, unsentBytes } = served.context.stats();
      assert(bufferedBytes >= unsentBytes, `seed ${seed}, step ${step}`);
      assert(bufferedBytes <= 1.25 * maxBufferedBytes + 2 ** 18, `seed ${seed}: ${bufferedBytes}`);
    }
    for (const { peer } of peers) peer.peer.close();
    await settle();
    await served[Symbol.asyncDispose]();
    assertEquals(served.context.stats().bufferedBytes, 0, `seed ${seed}`);
  }
});

function send(one: { peer: WebSocketPeer; inside: boolean }, length: number, fin: boolean): void {
  try {
    one.peer.send({ opcode: one.inside ? 0 : 2, fin, payload: new Uint8Array(length) });
  } catch {
    // It was cut.
  }
  one.inside = !fin;
}

function pick<Item>(items: readonly Item[], below: (below: number) => number): Item {
  return items[below(items.length)]!;
}
