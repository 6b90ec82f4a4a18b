/** Probing idle connections (`kaTime`, `kaProbes`, `kaInterval`). */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { LwsError, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { CLIENT, SERVER } from "../../conformance/sides.ts";
import { serve, settle, type WebSocketPeer } from "../../support/serve.ts";

const PROBING = { kaTime: 60, kaProbes: 2, kaInterval: 10 };
/** The grain of timeouts, in milliseconds. */
const TICK = 16;

/** The frames that came, none being waited for. */
async function probes(socket: WebSocketPeer, before: number): Promise<number> {
  await settle();
  return socket.peer.received.length - before;
}

Deno.test("an idle connection is probed after kaTime, every kaInterval, and ends after kaProbes", async () => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = serve([recorder.protocol], PROBING);
  const socket = await served.open();
  const before = socket.peer.received.length;
  served.clock.advance(60_000 - 1);
  assertEquals(await probes(socket, before), 0, "not before kaTime");
  served.clock.advance(1 + TICK);
  const first = await socket.receive();
  assertEquals(first.opcode, 9);
  served.clock.advance(10_000 + TICK);
  assertEquals((await socket.receive()).opcode, 9);
  await served.pass(10_000 - 4 * TICK);
  assertEquals(recorder.reasons.includes("closed"), false, "the last probe has its time, too");
  await served.pass(6 * TICK);
  assertEquals(recorder.reasons.includes("closed"), true);
});

Deno.test("a pong answers a probe, and is not the program's; others are", async () => {
  const recorder = record("echo");
  await using served = serve([recorder.protocol], PROBING);
  const socket = await served.open();
  for (let i = 0; i < 3; i++) {
    served.clock.advance(60_000 + TICK);
    const { opcode, payload } = await socket.receive();
    assertEquals(opcode, 9);
    socket.send({ opcode: 10, payload });
    await settle();
  }
  assertEquals(recorder.reasons.includes("receivePong"), false);
  assertEquals(recorder.reasons.includes("closed"), false);
  socket.send({ opcode: 10, payload: "of the peer's own" });
  await settle();
  assertEquals(recorder.reasons.includes("receivePong"), true);
});

Deno.test("whatever the peer sends, a part of a frame included, starts the time anew", async () => {
  await using served = serve([record("echo").protocol], PROBING);
  const socket = await served.open();
  const before = socket.peer.received.length;
  for (let i = 0; i < 5; i++) {
    served.clock.advance(50_000);
    socket.peer.send(new Uint8Array([[0x82, 0xfd, 1, 0, 1][i]!]));
    await settle();
  }
  assertEquals(await probes(socket, before), 0);
});

Deno.test("the time rests while receiving is stopped", async () => {
  let wsi: Wsi | undefined;
  const recorder = record("echo", { established: (one) => void (wsi = one) });
  await using served = serve([recorder.protocol], PROBING);
  const socket = await served.open();
  const before = socket.peer.received.length;
  wsi!.rxFlowControl(false);
  served.clock.advance(600_000);
  assertEquals(await probes(socket, before), 0);
  wsi!.rxFlowControl(true);
  served.clock.advance(60_000 + TICK);
  assertNotEquals(await probes(socket, before), 0);
});

Deno.test("resuming who was not stopped doesn't start the time anew", async () => {
  using _log = captureLog([]);
  let wsi: Wsi | undefined;
  const recorder = record("echo", { established: (one) => void (wsi = one) });
  await using served = serve([recorder.protocol], PROBING);
  await served.open();
  for (let i = 0; i < 10; i++) {
    served.clock.advance(9_000);
    wsi!.rxFlowControl(true);
    await settle();
  }
  assertEquals(recorder.reasons.includes("closed"), true);
});

Deno.test("nothing is probed behind our close frame", async () => {
  let wsi: Wsi | undefined;
  const recorder = record("echo", { established: (one) => void (wsi = one) });
  await using served = serve([recorder.protocol], { ...PROBING, closeTimeoutMs: 600_000 });
  const socket = await served.open();
  wsi!.close(1000);
  assertEquals((await socket.receiveClose()).code, 1000);
  const before = socket.peer.received.length;
  served.clock.advance(300_000);
  assertEquals(await probes(socket, before), 0);
  socket.peer.close();
  await recorder.until("closed");
});

Deno.test("a client probes its server as well", async () => {
  await using served = serve([record("echo").protocol]);
  const recorder = record("echo");
  const client = served.client([recorder.protocol], PROBING);
  client.clientConnect({ address: "localhost", port: 80, protocol: "echo" });
  await recorder.until("clientEstablished");
  await served.pass(60_000 + TICK);
  await served.pass(60_000 + TICK);
  assertEquals(recorder.reasons.includes("closed"), false, "our server answers");
  assertEquals(recorder.reasons.includes("clientReceivePong"), false);
});

for (const side of [SERVER, CLIENT]) {
  Deno.test(`a ${side.name} probes by itself: after 60 s, three times, 10 s apart`, async () => {
    using _log = captureLog([]);
    await using house = side.setUp();
    const link = await house.open();
    house.clock.advance(60_000 - TICK);
    link.wsi.write("nothing came before this");
    assertEquals((await link.receive()).opcode, 1);
    house.clock.advance(2 * TICK);
    for (let probe = 1; probe <= 3; probe++) {
      const { opcode, payload } = await link.receive();
      assertEquals([opcode, new TextDecoder().decode(payload.subarray(0, 6))], [9, "lws-ka"]);
      house.clock.advance(10_000 - 5 * TICK);
      await settle();
      assertEquals(link.heard.closes, [], `probe ${probe} has its time`);
      house.clock.advance(6 * TICK);
    }
    await settle();
    assertEquals(link.heard.closes.map(({ cause }) => cause), ["keepAlive"]);
  });

  Deno.test(`a ${side.name} whose peer answers lives on, by default`, async () => {
    await using house = side.setUp();
    const link = await house.open();
    for (let minute = 0; minute < 10; minute++) {
      house.clock.advance(60_000 + TICK);
      const { opcode, payload } = await link.receive();
      assertEquals(opcode, 9);
      link.send({ opcode: 10, payload });
      await settle();
    }
    assertEquals([link.heard.pongs, link.heard.closes], [[], []]);
  });

  Deno.test(`a ${side.name} that is stopped when it is established is not probed`, async () => {
    await using house = side.setUp({
      on(wsi, reason) {
        if (reason === "established" || reason === "clientEstablished") wsi.rxFlowControl(false);
      },
    });
    const link = await house.open();
    house.clock.advance(600_000);
    link.wsi.write("nothing came before this");
    assertEquals((await link.receive()).opcode, 1);
  });
}

Deno.test("time that goes by while a reading goes on is found again when it rests", async () => {
  await using served = serve([record("echo").protocol], PROBING);
  const socket = await served.open();
  for (let i = 0; i < 1000; i++) {
    socket.send({ opcode: 1, payload: "x" });
    served.clock.advance(7);
    await Promise.resolve();
  }
  await settle();
  const before = socket.peer.received.length;
  served.clock.advance(60_000 - 3 * TICK);
  assertEquals(await probes(socket, before), 0);
  served.clock.advance(4 * TICK);
  assertNotEquals(await probes(socket, before), 0);
});

Deno.test("with kaTime 0 nothing is probed, and its companions have no effect", async () => {
  await using served = serve([record("echo").protocol], { kaTime: 0, kaProbes: 3, kaInterval: 5 });
  const socket = await served.open();
  const before = socket.peer.received.length;
  served.clock.advance(3_600_000);
  assertEquals(await probes(socket, before), 0);
});

Deno.test("kaProbes 0 beside a kaTime is refused by name, and the longest times are taken", async () => {
  const protocols = [record("echo").protocol];
  assertThrows(() => serve(protocols, { ...PROBING, kaProbes: 0 }), LwsError, "kaProbes is 0");
  await using _served = serve(protocols, { kaTime: 2_147_483, kaProbes: 1, kaInterval: 2_147_483 });
});
