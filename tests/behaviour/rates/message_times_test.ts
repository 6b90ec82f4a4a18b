/** `messageTimeoutMs`: how long one message may take. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ContextCreationInfo, WireVersion, Wsi } from "../../../mod.ts";
import { createContext, deflateStream, LwsError } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { frame, KEY } from "../../support/frames.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import {
  handshake,
  playServer,
  readHead,
  serve,
  type Served,
  settle,
  WebSocketPeer,
} from "../../support/serve.ts";
import { openDraft, openHixie, requestOf, VERSIONS } from "../websocket/old_peers.ts";
import { acceptAndOpen } from "./played.ts";

/** The timers' grain. */
const TICK_MS = 16;
const SLOW = { code: 1008, reason: "message timeout" };

function serving(info: Partial<ContextCreationInfo> = {}) {
  const all: Wsi[] = [];
  const closes: string[] = [];
  const protocol = named("http", {
    established: (wsi) => void all.push(wsi),
    clientEstablished: (wsi) => void all.push(wsi),
    receive() {},
    closed: (_wsi, _user, { code, cause }) => void closes.push(`${code} ${cause}`),
  });
  return { protocol, info: { kaTime: 0, maxLifetimeMs: Infinity, ...info }, all, closes };
}

/** Sends bytes one by one, so many milliseconds apart. */
async function drip(served: Served, peer: MemoryPeer, bytes: Uint8Array, eachMs: number) {
  for (const byte of bytes) {
    peer.send(Uint8Array.of(byte));
    await settle();
    await served.pass(eachMs);
  }
}

/** What begins a message in frames of a version, the first byte of its head in front. */
async function begin(
  served: Served,
  version: WireVersion,
): Promise<{ peer: MemoryPeer; bytes: Uint8Array }> {
  const text = new Uint8Array(100).fill(97);
  if (version === "hixie-75" || version === 0) {
    return { peer: await openHixie(served, version), bytes: Uint8Array.of(0, ...text) };
  }
  if (version === 4 || version === 5 || version === 6) {
    const draft = await openDraft(served, version);
    return { peer: draft.peer, bytes: draft.frame({ opcode: 4, payload: text }) };
  }
  const peer = await served.dial(requestOf(version));
  await readHead(peer);
  return { peer, bytes: frame({ opcode: 1, payload: text, key: KEY }) };
}

for (const version of VERSIONS) {
  Deno.test(`${version}: a frame that comes byte by byte has messageTimeoutMs from its first byte, whatever comes`, async () => {
    using log = captureLog(["info"]);
    const { protocol, info, closes } = serving({ versions: VERSIONS });
    await using served = serve([protocol], info);
    const { context } = served;
    const { peer, bytes } = await begin(served, version);
    await drip(served, peer, bytes.subarray(0, 12), 4_990);
    await served.pass(60_000 - 12 * 4_990 - 10);
    assertEquals(context.stats().limitsHit, {}, "not before");
    await served.pass(10 + TICK_MS);
    assertEquals(context.stats().limitsHit, { messageTimeoutMs: 1 });
    assert(log.lines.some((line) => line.includes("message timeout")));
    peer.close();
    await settle();
    assertEquals(closes.map((close) => close.split(" ")[1]), ["timeout"]);
  });
}

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: so has a message in fragments, which is closed with 1008`, async () => {
    const { protocol, info, closes } = serving({ messageTimeoutMs: 1_000, service });
    await using served = serve([protocol], info);
    const { context, clock } = served;
    const work = async () => {
      await settle();
      for (let i = 0; service !== "automatic" && i < 20; i++) await context.service(0);
      await settle();
    };
    const peer = await served.dial(handshake());
    await work();
    const socket = new WebSocketPeer(peer, await readHead(peer));
    for (let i = 0; i < 10; i++) {
      socket.send({ opcode: i === 0 ? 2 : 0, fin: false, payload: "a" });
      await work();
      clock.advance(99);
      await work();
    }
    assertEquals(context.stats().limitsHit, {});
    clock.advance(10 + TICK_MS);
    await work();
    assertEquals(await socket.receiveClose(), SLOW);
    peer.close();
    await work();
    assertEquals(closes, ["1008 timeout"]);
  });
}

Deno.test("a client's server has as much", async () => {
  const { protocol, info, closes } = serving({ messageTimeoutMs: 1_000 });
  await using served = playServer([protocol], info);
  const { socket } = await acceptAndOpen(served);
  await settle();
  socket.peer.send(frame({ opcode: 2, fin: false, payload: "a" }));
  await settle();
  await served.pass(990);
  assertEquals(served.context.stats().limitsHit, {});
  await served.pass(10 + TICK_MS);
  assertEquals(served.context.stats().limitsHit, { messageTimeoutMs: 1 });
  socket.peer.close();
  await settle();
  assertEquals(closes, ["1008 timeout"]);
});

Deno.test("a ping that comes byte by byte has as much, also between the fragments of a message", async () => {
  for (const isBetween of [false, true]) {
    const { protocol, info } = serving({ messageTimeoutMs: 1_000 });
    await using served = serve([protocol], info);
    const { peer } = await served.open();
    if (isBetween) peer.send(frame({ opcode: 2, fin: false, payload: "a", key: KEY }));
    await drip(served, peer, frame({ opcode: 9, payload: "?", key: KEY }).subarray(0, 4), 240);
    assertEquals(served.context.stats().limitsHit, {});
    await served.pass(60 + TICK_MS);
    assertEquals(served.context.stats().limitsHit, { messageTimeoutMs: 1 });
  }
});

Deno.test("messages that follow each other without an end of a read between them have each as much", async () => {
  for (const extensions of [[], [deflateStream()]]) {
    const { protocol, info, all } = serving({ messageTimeoutMs: 1_000, extensions });
    await using served = serve([protocol], info);
    const { peer } = await served.open();
    const message = frame({ opcode: 2, payload: "a".repeat(20), key: KEY });
    // Cut at every place, each read ends inside of a message that the next one has the end of.
    for (let cut = 1; cut < message.length; cut++) {
      peer.send(message.subarray(0, cut));
      await settle();
      for (let i = 0; i < 4; i++) {
        await served.pass(300);
        const rest = [...message.subarray(cut), ...message, ...message.subarray(0, cut)];
        peer.send(Uint8Array.from(rest));
        await settle();
      }
      peer.send(message.subarray(cut));
      await settle();
      await served.pass(1_500);
    }
    assertEquals(all[0]!.context.stats().limitsHit, {});
  }
});

Deno.test("the time in which the program doesn't receive doesn't count, the rest of it does", async () => {
  const { protocol, info, all } = serving({ messageTimeoutMs: 1_000 });
  await using served = serve([protocol], info);
  const socket = await served.open();
  socket.send({ opcode: 2, fin: false, payload: "a" });
  await settle();
  await served.pass(600);
  all[0]!.rxFlowControl(false);
  await served.pass(5_000);
  all[0]!.rxFlowControl(true);
  await served.pass(380);
  assertEquals(served.context.stats().limitsHit, {});
  await served.pass(20 + TICK_MS);
  assertEquals(served.context.stats().limitsHit, { messageTimeoutMs: 1 });
});

Deno.test("one that is whole while the program doesn't receive, or waits for a rate, is not timed", async () => {
  const { protocol, info, all } = serving({ messageTimeoutMs: 1_000, maxBytesPerSecond: 10 });
  await using served = serve([protocol], info);
  const socket = await served.open();
  all[0]!.rxFlowControl(false);
  socket.send({ opcode: 2, payload: "a" });
  await settle();
  await served.pass(5_000);
  all[0]!.rxFlowControl(true);
  await settle();
  for (let i = 0; i < 4; i++) {
    socket.send({ opcode: i === 0 ? 2 : 0, fin: i === 3, payload: "b".repeat(20) });
    await settle();
  }
  for (let i = 0; i < 40; i++) await served.pass(250);
  assertEquals(served.context.stats().limitsHit.messageTimeoutMs, undefined);
  assertEquals(served.context.stats().received.messages, 2);
});

Deno.test("whole messages arm no timer, and 0 arms none for others", async () => {
  for (const messageTimeoutMs of [1_000, 0]) {
    const { protocol, info } = serving({ messageTimeoutMs });
    await using served = serve([protocol], info);
    const socket = await served.open();
    await settle();
    const { timers } = served.context.stats();
    const isOff = messageTimeoutMs === 0;
    socket.send({ opcode: 2, fin: !isOff, payload: "a" });
    await settle();
    assertEquals(served.context.stats().timers, timers);
    await served.pass(100_000);
    assertEquals(served.context.stats().limitsHit, {});
  }
});

Deno.test("messageTimeoutMs is a whole number of milliseconds that a timer can wait", async () => {
  const make = (messageTimeoutMs: number) => () =>
    createContext({
      network: new MemoryNetwork(),
      clock: new FakeClock(),
      port: 0,
      protocols: [named("x", {})],
      messageTimeoutMs,
    });
  for (const value of [-1, 1.5, NaN, 2 ** 31, Infinity]) {
    assertThrows(make(value), LwsError, "messageTimeoutMs");
  }
  for (const value of [0, 1, 2 ** 31 - 1]) await make(value)().destroy();
});
