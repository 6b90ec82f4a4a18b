/** Draining: `destroy({ graceMs, spreadMs })`. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, settle } from "../../support/serve.ts";

const TICK = 16;

Deno.test("closing is spread evenly over spreadMs, with 1001 for every WebSocket", async () => {
  await using served = serve([record("echo").protocol]);
  const { context, clock } = served;
  const sockets = await Promise.all(Array.from({ length: 100 }, () => served.open()));
  const before = sockets.map((each) => each.peer.received.length);
  const closing = () => sockets.filter((each, i) => each.peer.received.length > before[i]!).length;
  const done = context.destroy({ spreadMs: 10_000 });
  await settle();
  assertEquals(closing(), 0, "nobody in the first instant");
  let last = 0;
  for (let second = 1; second <= 10; second++) {
    for (let ms = 0; ms < 1_000; ms += 100) {
      clock.advance(100);
      await settle();
    }
    const now = closing();
    assertEquals(Math.abs(now - second * 10) <= 2, true, `${now} after ${second} s`);
    assertEquals(now >= last, true);
    last = now;
  }
  clock.advance(TICK);
  await settle();
  assertEquals(closing(), 100);
  for (const each of sockets) {
    assertEquals((await each.receiveClose()).code, 1001);
    each.send({ opcode: 8, payload: new Uint8Array([3, 233]) });
    each.peer.end();
  }
  await done;
});

Deno.test("a WebSocket whose time has not come goes on as before", async () => {
  const recorder = record("echo", { receive: (wsi, _user, data) => void wsi.write(data) });
  await using served = serve([recorder.protocol]);
  const socket = await served.open();
  void served.context.destroy({ spreadMs: 10_000 });
  socket.send({ opcode: 1, payload: "still here" });
  assertEquals(await socket.receiveText(), "still here");
});

Deno.test("HTTP that is idle ends at once, and what has begun to ask is answered 503, upgrades too", async () => {
  using _log = captureLog([]);
  await using served = serve([record("echo").protocol]);
  const idle = await served.dial();
  const [plain, upgrade] = [await served.dial("GET / HTTP/1.1\r\n"), await served.dial("GET")];
  await settle();
  void served.context.destroy({ spreadMs: 4_000 });
  assertEquals((await idle.readToEnd()).length, 0);
  plain.send("Host: localhost\r\n\r\n");
  const { head } = await readResponse(plain);
  assertStringIncludes(head, "HTTP/1.1 503 ");
  assertStringIncludes(head.toLowerCase(), "connection: close");
  upgrade.send(
    " / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  assertStringIncludes(await readHead(upgrade), "HTTP/1.1 503 ");
});

Deno.test("nobody new is accepted from the call on", async () => {
  await using served = serve([record("echo").protocol]);
  await served.open();
  void served.context.destroy({ spreadMs: 1_000 });
  let refused = false;
  await served.dial().catch(() => refused = true);
  assertEquals(refused, true);
});

Deno.test("after graceMs whatever is left is cut, an answer under way and a silent peer alike", async () => {
  let answering: Wsi | undefined;
  const recorder = record("echo", { http: (wsi) => void (answering = wsi) });
  await using served = serve([recorder.protocol], { closeTimeoutMs: 600_000 });
  const { context, clock } = served;
  const socket = await served.open();
  await served.dial("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await settle();
  assertEquals(answering?.method, "GET");
  let ended = false;
  const done = context.destroy({ graceMs: 5_000 }).then(() => ended = true);
  assertEquals((await socket.receiveClose()).code, 1001);
  clock.advance(5_000 - 1);
  await settle();
  assertEquals(ended, false);
  clock.advance(1 + TICK);
  await done;
  assertEquals(recorder.reasons.filter((each) => each === "closed").length, 1);
});

Deno.test("destroy resolves early when all have gone, and leaves no timer", async () => {
  const served = serve([record("echo").protocol]);
  const socket = await served.open();
  const done = served.context.destroy({ graceMs: 60_000 });
  await socket.receiveClose();
  socket.send({ opcode: 8, payload: new Uint8Array([3, 233]) });
  socket.peer.end();
  await done;
  assertEquals(served.clock.pending <= 1, true);
  await served[Symbol.asyncDispose]();
});

Deno.test("destroy without connections resolves at once, whatever is asked", async () => {
  const served = serve([record("echo").protocol]);
  await served.context.destroy({ graceMs: 60_000, spreadMs: 60_000 });
});

Deno.test("wrong options of destroy are refused by name, and nothing is destroyed", async () => {
  await using served = serve([record("echo").protocol]);
  const { context } = served;
  const wrong = [
    [{ spreadMs: -1 }, "spreadMs"],
    [{ spreadMs: NaN }, "spreadMs"],
    [{ spreadMs: 2 ** 31 }, "spreadMs"],
    [{ graceMs: -1 }, "graceMs"],
    [{ graceMs: 10, spreadMs: 11 }, "graceMs"],
    [{ graceMs: "10" }, "graceMs"],
    [{ graze: 1 }, "graze"],
  ] as const;
  for (const [options, name] of wrong) {
    const error = assertThrows(() => context.destroy(options as { graceMs: number }), LwsError);
    assertStringIncludes(error.message, name);
  }
  assertEquals(context.isDestroyed, false);
  await context.destroy({ graceMs: 10, spreadMs: 10 });
});
