/** `maxMessagesPerSecond` and `maxBytesPerSecond`: at the rate, and past it. */

import { assertEquals } from "@std/assert";
import type { Context, ContextCreationInfo, ServicePolicy, Wsi } from "../../../mod.ts";
import { permessageDeflate } from "../../../mod.ts";
import { frame } from "../../support/frames.ts";
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
import { acceptAndOpen } from "./played.ts";

const QUIET = { kaTime: 0 } as const;

/** A server, and the messages and pieces that it was told of. */
function listening(info: Partial<ContextCreationInfo>) {
  const messages: (string | Uint8Array)[] = [];
  const pieces: number[] = [];
  const all: Wsi[] = [];
  const closes: string[] = [];
  const served = serve([
    named("http", {
      established: (wsi) => void all.push(wsi),
      message: (_wsi, _user, message) => void messages.push(message),
      closed: (_wsi, _user, { code, cause }) => void closes.push(`${code} ${cause}`),
    }),
    {
      name: "pieces",
      callback(_wsi, reason, _user, data) {
        if (reason === "receive") pieces.push(data.length);
      },
    },
  ], { ...QUIET, ...info });
  return { served, messages, pieces, all, closes };
}

/** Calls service until nothing is left to do, where the context doesn't serve by itself. */
async function work(context: Context, service: ServicePolicy): Promise<void> {
  await settle();
  for (let i = 0; service !== "automatic" && i < 20; i++) await context.service(0);
  await settle();
}

const texts = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ opcode: 1, payload: String(from + i) }));

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: as many as maxMessagesPerSecond come at once, and those past them as time goes by`, async () => {
    const { served, messages } = listening({ maxMessagesPerSecond: 10, service });
    await using _served = served;
    const { context } = served;
    const peer = await served.dial(handshake());
    await work(context, service);
    const socket = new WebSocketPeer(peer, await readHead(peer));
    socket.send(...texts(0, 10));
    await work(context, service);
    assertEquals([messages.length, context.stats().limitsHit], [10, {}], "at the rate");
    const pass = async (ms: number) => {
      served.clock.advance(ms);
      await work(context, service);
    };
    await pass(1_000);
    socket.send(...texts(10, 25));
    await work(context, service);
    // The first one past them is told, and then reading waits.
    assertEquals([messages.length, context.stats().limitsHit], [21, { maxMessagesPerSecond: 1 }]);
    await pass(80);
    assertEquals(messages.length, 21);
    await pass(40);
    assertEquals(messages.length, 22);
    for (let i = 0; i < 4; i++) await pass(120);
    assertEquals(messages, texts(0, 25).map(({ payload }) => payload), "all, in order");
    await pass(10_000);
    socket.send(...texts(25, 36));
    await work(context, service);
    assertEquals(messages.length, 36, "nothing waits any more");
  });
}

Deno.test("a fragmented message is one, and control frames are none", async () => {
  const { served, messages } = listening({ maxMessagesPerSecond: 2 });
  await using _served = served;
  const socket = await served.open();
  const fragments = Array.from({ length: 50 }, () => ({ opcode: 0, fin: false, payload: "x" }));
  const pings = Array.from({ length: 50 }, () => ({ opcode: 9 }));
  socket.send({ opcode: 1, fin: false }, ...fragments, ...pings, { opcode: 0 }, { opcode: 1 });
  await settle();
  assertEquals([messages, served.context.stats().limitsHit], [["x".repeat(50), ""], {}]);
});

Deno.test("bytes count as they come, and one message past maxBytesPerSecond takes its time", async () => {
  const { served, pieces } = listening({ maxBytesPerSecond: 1_000 });
  await using _served = served;
  const socket = await served.open({ protocol: "pieces" });
  socket.send({ opcode: 2, payload: new Uint8Array(1_000) });
  await settle();
  assertEquals([pieces, served.context.stats().limitsHit], [[1_000], {}], "at the rate");
  await served.pass(1_000);
  const sum = () => pieces.reduce((sum, each) => sum + each, 0) - 1_000;
  socket.send({ opcode: 2, payload: new Uint8Array(3_500) }, { opcode: 2, payload: "last" });
  await settle();
  assertEquals([sum(), served.context.stats().limitsHit], [3_500, { maxBytesPerSecond: 1 }]);
  await served.pass(2_480);
  assertEquals(sum(), 3_500);
  await served.pass(40);
  assertEquals(sum(), 3_504);
});

Deno.test("of a compressed message the bytes count that it is inflated to, and the rest of it waits", async () => {
  const { served, messages } = listening({
    maxBytesPerSecond: 1_000,
    extensions: [permessageDeflate()],
  });
  await using _served = served;
  const sender = named("http", { clientEstablished: (wsi) => void wsi.write("a".repeat(3_000)) });
  const clients = served.client([sender], { ...QUIET, extensions: [permessageDeflate()] });
  const wsi = clients.clientConnect({ address: "memory", port: 80, protocol: "http" });
  await settle();
  assertEquals(wsi.extensions.length, 1);
  wsi.write("b");
  for (let ms = 0; ms < 1_980; ms += 20) {
    assertEquals(messages.length < 2, true, `after ${ms} ms`);
    await served.pass(20);
  }
  for (let ms = 0; ms < 100; ms += 20) await served.pass(20);
  assertEquals(messages, ["a".repeat(3_000), "b"]);
});

const CLOSING = { rateExcess: "close" } as const;

Deno.test("with rateExcess: close, the message past maxMessagesPerSecond closes with 1008 and is not told", async () => {
  using _log = captureLog([]);
  const { served, messages, closes } = listening({ maxMessagesPerSecond: 3, ...CLOSING });
  await using _served = served;
  const socket = await served.open();
  socket.send(...texts(0, 3));
  await settle();
  assertEquals([messages.length, served.context.stats().limitsHit], [3, {}], "at the rate");
  socket.send(...texts(3, 6));
  const reason = "too many messages a second";
  assertEquals(await socket.receiveClose(), { code: 1008, reason });
  socket.peer.close();
  await settle();
  assertEquals([messages.length, closes], [3, ["1008 limit"]]);
  assertEquals(served.context.stats().limitsHit, { maxMessagesPerSecond: 1 });
});

Deno.test("with rateExcess: close, the byte past maxBytesPerSecond closes with 1008", async () => {
  using _log = captureLog([]);
  const { served, closes } = listening({ maxBytesPerSecond: 100, ...CLOSING });
  await using _served = served;
  const good = await served.open();
  good.send({ opcode: 2, payload: new Uint8Array(100) });
  const bad = await served.open();
  bad.send({ opcode: 2, payload: new Uint8Array(101) });
  assertEquals((await bad.receiveClose()).code, 1008);
  bad.peer.close();
  await served.pass(1_000);
  good.send({ opcode: 2, payload: new Uint8Array(100) });
  await settle();
  assertEquals(closes, ["1008 limit"]);
  assertEquals(served.context.stats().received.messages, 2);
});

Deno.test("a client's peer is measured too", async () => {
  let told = 0;
  const client = named("x", { message: () => void told++ });
  await using served = playServer([client], { ...QUIET, maxMessagesPerSecond: 2 });
  const { socket: { peer } } = await acceptAndOpen(served);
  for (let i = 0; i < 5; i++) peer.send(frame({ opcode: 1 }));
  await settle();
  assertEquals(told, 3);
  await served.pass(520);
  assertEquals(told, 4);
});

/** More than their rate allows, from a peer that reading waits for. */
async function past(served: Served): Promise<WebSocketPeer> {
  const socket = await served.open();
  socket.send(...texts(0, 20));
  await settle();
  return socket;
}

Deno.test("a program that stops receiving stays stopped when the rate would have it go on, and the other way round", async () => {
  const { served, messages, all } = listening({ maxMessagesPerSecond: 10 });
  await using _served = served;
  await past(served);
  assertEquals(messages.length, 11);
  all[0]!.rxFlowControl(false);
  await served.pass(10_000);
  assertEquals(messages.length, 11, "by the program");
  all[0]!.rxFlowControl(true);
  await settle();
  assertEquals(messages.length, 20);
  const socket = await past(served);
  const [before] = [messages.length];
  all[1]!.rxFlowControl(false);
  all[1]!.rxFlowControl(true);
  await settle();
  assertEquals(messages.length, before, "by the rate");
  socket.peer.close();
});

Deno.test("a connection that is closed while reading waits sees its peer's answer at once", async () => {
  const { served, all, closes } = listening({ maxMessagesPerSecond: 10 });
  await using _served = served;
  const socket = await past(served);
  all[0]!.close(4000, "enough");
  assertEquals(await socket.receiveClose(), { code: 4000, reason: "enough" });
  socket.send({ opcode: 8, payload: Uint8Array.of(0x0f, 0xa0) });
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  assertEquals(closes, ["4000 self"]);
});

Deno.test("a peer that goes while reading waits is told as soon as all that it sent is", async () => {
  const { served, messages, closes } = listening({ maxMessagesPerSecond: 10 });
  await using _served = served;
  const socket = await past(served);
  socket.send({ opcode: 8, payload: Uint8Array.of(3, 0xe8) });
  for (let i = 0; i < 12; i++) await served.pass(120);
  assertEquals(messages.length, 20);
  socket.peer.close();
  await settle();
  assertEquals(closes, ["1000 peer"]);
  assertEquals(served.context.stats().timers, 0);
});
