import { assertEquals } from "@std/assert";
import type { Transport } from "../../../../../src/api/network.ts";
import { openOpenssl } from "../../../../../src/transport/epoll/openssl/library.ts";
import { Pipes } from "../../../../../src/transport/epoll/openssl/pipes.ts";
import { Sender } from "../../../../../src/transport/epoll/openssl/sender.ts";

const openssl = openOpenssl();

/** Pipes that have produced what a test says, and a transport that takes nothing until it is told. */
function stalled() {
  const sent: number[] = [];
  const inner = { write: (bytes: Uint8Array) => void sent.push(bytes.length) };
  let produced = 0;
  const pipes = Object.create(new Pipes(openssl), {
    produced: { get: () => produced },
    take: {
      value: (length: number, front?: Uint8Array) => {
        produced = 0;
        return new Uint8Array((front?.length ?? 0) + length);
      },
    },
  }) as Pipes;
  return {
    sent,
    sender: new Sender(inner as unknown as Transport, pipes),
    produce: (length: number) => void (produced = length),
  };
}

Deno.test("what comes out while a write is on its way waits, in order, up to 64 KiB", () => {
  const { sent, sender, produce } = stalled();
  produce(10);
  assertEquals(sender.flush(), true);
  produce(64 * 1024 - 1);
  assertEquals(sender.flush(), true);
  produce(1);
  assertEquals(sender.flush(), true, "at the limit");
  produce(1);
  assertEquals(sender.flush(), false, "one past it");
  assertEquals(sent, [10]);
  assertEquals([sender.drained(), sender.drained(), sender.drained()], [false, false, false]);
  assertEquals([sender.drained(), sender.isSending], [true, false]);
  assertEquals(sent, [10, 64 * 1024 - 1, 1, 1]);
});

Deno.test("what is held leaves in front of what comes next, or when it is released", () => {
  const { sent, sender, produce } = stalled();
  produce(10);
  sender.hold();
  assertEquals([sender.flush(), sender.isSending, sent], [true, false, []]);
  produce(5);
  sender.hold();
  produce(1);
  assertEquals([sender.flush(), sent], [true, [16]]);
  sender.release();
  assertEquals([sender.drained(), sent], [true, [16]], "it has left");
  produce(3);
  sender.hold();
  sender.release();
  produce(7);
  sender.hold();
  sender.release();
  assertEquals(sent, [16, 3], "one is on its way");
  assertEquals([sender.drained(), sent], [false, [16, 3, 7]]);
});
