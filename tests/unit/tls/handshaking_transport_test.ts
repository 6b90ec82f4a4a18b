/** Transports that are still being made, and what happens to them meanwhile. */

import { assert, assertEquals } from "@std/assert";
import { HandshakingTransport } from "../../../src/tls/handshaking_transport.ts";
import { memoryPair, type MemoryTransport } from "../../../src/testing/memory_transport.ts";
import type { Transport } from "../../../src/api/network.ts";
import { settle } from "../../support/serve.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

/** One whose writes leave in parts. */
function choppedPair(): [MemoryTransport, MemoryTransport] {
  const [near, far] = memoryPair();
  far.chop(256 * 1024);
  return [near, far];
}

testTransportContract("a handshaking transport that is made later", () => {
  const [near, far] = choppedPair();
  const done = new Promise<Transport>((resolve) => setImmediate(() => resolve(near)));
  return Promise.resolve([
    new HandshakingTransport(near, { done, close: () => near.close() }),
    far,
  ]);
});

testTransportContract("a handshaking transport that is judged later", () => {
  const [near, far] = choppedPair();
  const making = {
    done: Promise.resolve(near),
    judge: (_made: Transport, admit: (isWelcome: boolean) => void) =>
      void setImmediate(() => admit(true)),
    close: () => near.close(),
  };
  return Promise.resolve([new HandshakingTransport(near, making), far]);
});

/** A handshaking transport in the hands of a test. */
class Bench {
  readonly near: MemoryTransport;
  readonly far: Recorder;
  readonly late: HandshakingTransport;
  readonly made = Promise.withResolvers<Transport>();
  readonly judged: ((isWelcome: boolean) => void)[] = [];
  giveUps = 0;

  constructor(options: { judges?: boolean } = {}) {
    const [near, far] = memoryPair();
    this.near = near;
    this.far = new Recorder(far);
    this.late = new HandshakingTransport(near, {
      done: this.made.promise,
      ...options.judges && { judge: (_made, admit) => void this.judged.push(admit) },
      close: () => {
        this.giveUps++;
        near.close();
        this.made.reject(new Error("given up"));
      },
    });
  }

  make(): void {
    this.made.resolve(this.near);
  }

  async end(handler: Recorder): Promise<void> {
    this.late.close();
    this.far.transport.close();
    await handler.until(() => handler.count("close") === 1);
    await this.far.until(() => this.far.count("close") === 1);
    await settle();
    assertEquals(handler.count("close"), 1);
  }
}

Deno.test("a handshaking transport has the addresses of what it is made of", async () => {
  const bench = new Bench();
  assertEquals(bench.late.localAddress, bench.near.localAddress);
  assertEquals(bench.late.remoteAddress, bench.near.remoteAddress);
  await bench.end(new Recorder(bench.late));
});

Deno.test("what is written, ended and paused before it is made counts from then on", async () => {
  const bench = new Bench();
  const handler = new Recorder(bench.late);
  bench.late.write(new TextEncoder().encode("early"));
  bench.late.end();
  bench.late.pause();
  await bench.far.write("unread");
  await settle();
  assertEquals([bench.far.text, handler.text], ["", ""]);
  bench.make();
  await bench.far.until(() => bench.far.count("end") === 1);
  assertEquals(bench.far.text, "early");
  assertEquals(handler.count("drain"), 1);
  await settle();
  assertEquals(handler.text, "");
  bench.late.resume();
  await handler.untilTaken(6);
  assertEquals(handler.text, "unread");
  await bench.end(handler);
});

Deno.test("a pause that was undone before it is made doesn't count", async () => {
  const bench = new Bench();
  const handler = new Recorder(bench.late);
  bench.late.pause();
  bench.late.resume();
  bench.make();
  await bench.far.write("read");
  await handler.untilTaken(4);
  await bench.end(handler);
});

Deno.test("nothing is read, written or ended before the verdict", async () => {
  const bench = new Bench({ judges: true });
  const handler = new Recorder(bench.late);
  bench.make();
  await settle();
  assertEquals(bench.judged.length, 1);
  bench.late.write(new TextEncoder().encode("answer"));
  bench.late.pause();
  bench.late.resume();
  await bench.far.write("request");
  await settle();
  assertEquals([handler.text, bench.far.text], ["", ""]);
  bench.judged[0]!(true);
  await handler.untilTaken(7);
  await bench.far.untilTaken(6);
  await bench.end(handler);
});

Deno.test("a pause during the trial lasts beyond it", async () => {
  const bench = new Bench({ judges: true });
  const handler = new Recorder(bench.late);
  bench.make();
  await settle();
  bench.late.pause();
  bench.judged[0]!(true);
  await bench.far.write("request");
  await settle();
  assertEquals(handler.text, "");
  bench.late.resume();
  await handler.untilTaken(7);
  await bench.end(handler);
});

Deno.test("who is not welcome is closed, unheard", async () => {
  const bench = new Bench({ judges: true });
  const handler = new Recorder(bench.late);
  await bench.far.write("request");
  bench.make();
  await settle();
  bench.judged[0]!(false);
  await handler.until(() => handler.count("close") === 1);
  await bench.far.until(() => bench.far.count("end") === 1);
  assertEquals([handler.text, handler.closeError], ["", undefined]);
  await bench.end(handler);
});

Deno.test("a peer that breaks during the trial is told of, and a late verdict is harmless", async () => {
  const bench = new Bench({ judges: true });
  const handler = new Recorder(bench.late);
  bench.make();
  await settle();
  bench.near.close();
  await handler.until(() => handler.count("close") === 1);
  bench.judged[0]!(true);
  await bench.end(handler);
});

Deno.test("a making that fails comes to onClose with its error", async () => {
  const bench = new Bench();
  const handler = new Recorder(bench.late);
  bench.made.reject(new Error("no handshake"));
  await handler.until(() => handler.count("close") === 1);
  assertEquals((handler.closeError as Error).message, "no handshake");
  await bench.end(handler);
});

for (const when of ["before it is made", "in the moment it is made", "during the trial"] as const) {
  Deno.test(`close ${when} gives one onClose, later, and leaves nothing open`, async () => {
    const bench = new Bench({ judges: when === "during the trial" });
    const handler = new Recorder(bench.late);
    if (when !== "before it is made") bench.make();
    if (when === "during the trial") await settle();
    bench.late.close();
    bench.late.close();
    assertEquals(handler.count("close"), 0, "onClose came from inside close");
    await handler.until(() => handler.count("close") === 1);
    assertEquals(handler.closeError, undefined);
    await bench.far.until(() => bench.far.count("end") === 1);
    assert(bench.giveUps <= 1);
    await bench.end(handler);
  });
}

for (const isMade of [false, true]) {
  Deno.test(`close before start, ${isMade ? "" : "not "}made, closes what is made, and start then tells`, async () => {
    const bench = new Bench();
    if (isMade) bench.make();
    bench.late.close();
    await bench.far.until(() => bench.far.count("end") === 1);
    const handler = new Recorder(bench.late);
    assertEquals(handler.count("close"), 0, "start told from inside the call");
    await handler.until(() => handler.count("close") === 1);
    await bench.end(handler);
  });
}

Deno.test("what is made although it was given up is closed", async () => {
  const [near, far] = memoryPair();
  const made = Promise.withResolvers<Transport>();
  // A making that can't be stopped any more.
  const late = new HandshakingTransport(near, { done: made.promise, close: () => {} });
  const handler = new Recorder(late);
  const peer = new Recorder(far);
  late.close();
  await handler.until(() => handler.count("close") === 1);
  assertEquals(peer.count("end"), 0);
  made.resolve(near);
  await peer.until(() => peer.count("end") === 1);
  far.close();
  await peer.until(() => peer.count("close") === 1);
});
