/** `idleTimeoutMs`, `maxLifetimeMs` and `spreadMs`. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Context, ContextCreationInfo, ServicePolicy, Wsi } from "../../../mod.ts";
import { createContext, LwsError } from "../../../mod.ts";
import { named } from "../../support/named.ts";
import {
  handshake,
  playServer,
  readHead,
  serve,
  settle,
  WebSocketPeer,
} from "../../support/serve.ts";
import { acceptAndOpen } from "./played.ts";

const QUIET = { kaTime: 0 } as const;
/** The timers' grain. */
const TICK_MS = 16;

function serving(info: Partial<ContextCreationInfo>) {
  const all: Wsi[] = [];
  const closes: string[] = [];
  const protocol = named("http", {
    established: (wsi) => void all.push(wsi),
    clientEstablished: (wsi) => void all.push(wsi),
    receive() {},
    closed: (_wsi, _user, { code, cause }) => void closes.push(`${code} ${cause}`),
  });
  return { protocol, info: { ...QUIET, ...info }, all, closes };
}

async function work(context: Context, service: ServicePolicy): Promise<void> {
  await settle();
  for (let i = 0; service !== "automatic" && i < 20; i++) await context.service(0);
  await settle();
}

const IDLE = { code: 1001, reason: "no message for too long" };
const LIVED = { code: 1001, reason: "the connection has had its time" };

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: a WebSocket without a message for idleTimeoutMs is closed with 1001, and not before`, async () => {
    const { protocol, info, closes } = serving({ idleTimeoutMs: 5_000, service });
    await using served = serve([protocol], info);
    const { context, clock } = served;
    const peer = await served.dial(handshake());
    await work(context, service);
    const socket = new WebSocketPeer(peer, await readHead(peer));
    const pass = async (ms: number) => {
      clock.advance(ms);
      await work(context, service);
    };
    await pass(4_990);
    assertEquals(context.stats().limitsHit, {}, "not before");
    await pass(10 + TICK_MS);
    assertEquals(await socket.receiveClose(), IDLE);
    assertEquals(context.stats().limitsHit, { idleTimeoutMs: 1 });
    socket.send({ opcode: 8, payload: Uint8Array.of(3, 0xe9) });
    await work(context, service);
    peer.close();
    await work(context, service);
    assertEquals(closes, ["1001 timeout"]);
  });
}

Deno.test("what is received and what is written, also in parts, puts idleness off; pings and pongs don't", async () => {
  const { protocol, info, all } = serving({ idleTimeoutMs: 5_000 });
  await using served = serve([protocol], info);
  const socket = await served.open();
  const wsi = all[0]!;
  const signs: readonly (() => void)[] = [
    () => socket.send({ opcode: 1, fin: false, payload: "a" }),
    () => socket.send({ opcode: 0, payload: "b" }),
    () => void wsi.write("c", "text", { fin: false }),
    () => void wsi.write("d", "continuation"),
    () => {
      wsi.subscribe("t");
      wsi.context.publish("t", "e");
    },
  ];
  for (const sign of signs) {
    await served.pass(4_900);
    sign();
    await settle();
  }
  await served.pass(4_900);
  assertEquals(wsi.context.stats().limitsHit, {});
  socket.send({ opcode: 9 }, { opcode: 10 });
  wsi.write("", "ping");
  await settle();
  await served.pass(200);
  assertEquals(wsi.context.stats().limitsHit, { idleTimeoutMs: 1 });
});

Deno.test("a program that doesn't receive, and a message that has not left, are no idleness", async () => {
  const { protocol, info, all } = serving({ idleTimeoutMs: 5_000 });
  await using served = serve([protocol], info);
  const socket = await served.open();
  const wsi = all[0]!;
  wsi.rxFlowControl(false);
  await served.pass(20_000);
  wsi.rxFlowControl(true);
  socket.peer.transport.stopReading();
  wsi.write(new Uint8Array(100_000));
  await served.pass(20_000);
  assertEquals(wsi.context.stats().limitsHit, {});
  socket.peer.transport.startReading();
  await settle();
  await served.pass(5_000 + TICK_MS);
  assertEquals(wsi.context.stats().limitsHit, {}, "as it may have left just now");
  await served.pass(5_000 + TICK_MS);
  assertEquals(wsi.context.stats().limitsHit, { idleTimeoutMs: 1 });
});

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: a WebSocket is closed with 1001 after maxLifetimeMs, whatever it does, and not before`, async () => {
    const { protocol, info, closes } = serving({ maxLifetimeMs: 60_000, service });
    await using served = serve([protocol], info);
    const { context, clock } = served;
    const peer = await served.dial(handshake());
    await work(context, service);
    const socket = new WebSocketPeer(peer, await readHead(peer));
    for (let i = 0; i < 60; i++) {
      assertEquals(context.stats().limitsHit, {}, `after ${i} s`);
      clock.advance(i === 59 ? 990 : 1_000);
      socket.send({ opcode: 1, payload: "still here" });
      await work(context, service);
    }
    assertEquals(context.stats().limitsHit, {}, "not before");
    clock.advance(10 + TICK_MS);
    await work(context, service);
    assertEquals(await socket.receiveClose(), LIVED);
    assertEquals(context.stats().limitsHit, { maxLifetimeMs: 1 });
    peer.close();
    await work(context, service);
    assertEquals(closes, ["1001 timeout"]);
  });
}

Deno.test("lives are spread over the last spreadMs of maxLifetimeMs", async () => {
  const limits = { maxLifetimeMs: 60_000, spreadMs: 20_000 };
  const { protocol, info, closes } = serving({ ...limits, closeTimeoutMs: 0 });
  await using served = serve([protocol], info);
  for (let i = 0; i < 40; i++) await served.open();
  await served.pass(39_990);
  assertEquals(closes.length, 0);
  await served.pass(10_010);
  await served.pass(TICK_MS);
  assert(closes.length > 0 && closes.length < 40, `${closes.length} after half of the spread`);
  await served.pass(10_000 + TICK_MS);
  await served.pass(TICK_MS);
  assertEquals(served.context.stats().limitsHit.maxLifetimeMs, 40);
});

Deno.test("both times hold for clients, too", async () => {
  for (
    const [limits, close] of [
      [{ idleTimeoutMs: 1_000 }, IDLE],
      [{ maxLifetimeMs: 1_000 }, LIVED],
    ] as const
  ) {
    const { protocol, info } = serving(limits);
    await using served = playServer([protocol], info);
    const { socket } = await acceptAndOpen(served);
    await settle();
    await served.pass(1_000 + TICK_MS);
    assertEquals(await socket.receiveClose(), close);
  }
});

Deno.test("no timer is left of a WebSocket that has closed", async () => {
  const { protocol, info, all } = serving({ idleTimeoutMs: 5_000, maxLifetimeMs: 60_000 });
  await using served = serve([protocol], info);
  const socket = await served.open();
  assertEquals(served.context.stats().timers, 2);
  all[0]!.close();
  assertEquals(served.context.stats().timers, 1, "that of the closing handshake");
  socket.send({ opcode: 8 });
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  assertEquals(served.context.stats().timers, 0);
});

Deno.test("a spread without a life, or past it, and a rateExcess without a rate are refused", () => {
  const protocols = [named("x", {})];
  const refused: readonly [info: Partial<ContextCreationInfo>, field: string][] = [
    [{ spreadMs: 1 }, "spreadMs is 1; "],
    [{ spreadMs: 1, maxLifetimeMs: Infinity }, "spreadMs is 1; "],
    [{ spreadMs: 11, maxLifetimeMs: 10 }, "spreadMs is 11; "],
    [{ maxLifetimeMs: 0 }, "maxLifetimeMs is 0; "],
    [{ idleTimeoutMs: 2 ** 31 }, "idleTimeoutMs is 2147483648; "],
    [{ rateExcess: "close" }, 'rateExcess is "close"; '],
    [{ rateExcess: "stop" as "close", maxMessagesPerSecond: 1 }, 'rateExcess is "stop"; '],
  ];
  for (const [info, complaint] of refused) {
    assertThrows(() => createContext({ port: 0, protocols, ...info }), LwsError, complaint);
  }
});
