/** `await wsi.send(data)`: resolved when all has left, rejected when it never will. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type CloseInfo, handlers, LwsError, prepareMessage, type Wsi } from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { serve, settle } from "../../support/serve.ts";
import { closing, connected, text } from "./loop.ts";

const KIB = 1024;

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  await settle();
  return await Promise.race([promise, Promise.resolve(pending)]) !== pending;
}

Deno.test("a string is sent as text, bytes as binary, and what was prepared as it is", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  await wsi.send("text");
  await wsi.send(Uint8Array.of(1, 2));
  await wsi.send(prepareMessage("framed", "text"));
  await wsi.send("bytes", "binary");
  await wsi.send("half", "text", { fin: false });
  await wsi.send("whole", "continuation");
  const frames = [];
  for (let i = 0; i < 6; i++) {
    const { fin, opcode, payload } = await peer.receive();
    frames.push([fin, opcode, payload.length]);
  }
  assertEquals(frames, [
    [true, 1, 4],
    [true, 2, 2],
    [true, 1, 6],
    [true, 2, 5],
    [false, 1, 4],
    [true, 0, 5],
  ]);
});

Deno.test("it resolves when the peer has taken enough, in the order of the calls", async () => {
  const network = new MemoryNetwork({ capacity: 64 * KIB });
  await using looped = await connected({ network });
  const { wsi, peer } = looped;
  const reads = peer.peer.transport;
  reads.pause();
  const order: number[] = [];
  const sends = [0, 1, 2].map((i) => wsi.send(new Uint8Array(48 * KIB)).then(() => order.push(i)));
  assertEquals(await isSettled(Promise.race(sends)), false);
  assert(wsi.unsentBytes > 0);
  reads.resume();
  await Promise.all(sends);
  assertEquals(order, [0, 1, 2]);
  assertEquals(wsi.unsentBytes, 0);
});

Deno.test("what the library sends in front of it meanwhile does not make it resolve too early", async () => {
  const network = new MemoryNetwork({ capacity: 64 * KIB });
  await using looped = await connected({ network });
  const { wsi, peer } = looped;
  const reads = peer.peer.transport;
  reads.pause();
  void wsi.send(new Uint8Array(100 * KIB));
  await settle();
  let unsentThen = -1;
  const last = wsi.send("the last").then(() => unsentThen = wsi.unsentBytes);
  for (let i = 0; i < 20; i++) peer.send({ opcode: 9, payload: `${i}`.padEnd(100) });
  await settle();
  reads.resume();
  await last;
  assertEquals(unsentThen, 0);
});

Deno.test("it rejects when the connection closes before it has left, and tells how that closed", async () => {
  const network = new MemoryNetwork({ capacity: KIB });
  await using looped = await connected({ network });
  const { wsi, peer } = looped;
  peer.peer.transport.pause();
  const sent = wsi.send(new Uint8Array(64 * KIB));
  const behind = wsi.send("behind it");
  await settle();
  peer.peer.reset();
  const error = await assertRejects(() => sent, LwsError, "send: the connection closed with 1006");
  assertEquals(error.code, "connection-closed");
  assertEquals((error.cause as CloseInfo).code, 1006);
  await assertRejects(() => behind, LwsError, "1006");
});

Deno.test("what was sent before a close has left before it, and what is sent behind it is refused", async () => {
  await using looped = await connected();
  const { wsi, peer } = looped;
  const sent = wsi.send("before");
  wsi.close(1000);
  const error = await assertRejects(() => wsi.send("behind"), LwsError, "closing");
  assertEquals(error.code, "connection-closed");
  await sent;
  assertEquals(await peer.receiveText(), "before");
  peer.send(closing(1000));
  peer.peer.close();
  await settle();
  await assertRejects(() => wsi.send("late"), LwsError, "has closed");
});

Deno.test("past maxUnsentBytes it rejects, and so does all that waits", async () => {
  using _log = captureLog();
  const network = new MemoryNetwork({ capacity: KIB });
  await using looped = await connected({ network, maxUnsentBytes: 8 * KIB });
  const { wsi, peer } = looped;
  peer.peer.transport.pause();
  const first = wsi.send(new Uint8Array(8 * KIB - 100));
  const error = await assertRejects(
    () => wsi.send(new Uint8Array(KIB)),
    LwsError,
    "maxUnsentBytes",
  );
  assertEquals(error.code, "connection-closed");
  const { cause } = await assertRejects(() => first, LwsError);
  assertEquals((cause as CloseInfo).cause, "unsent");
});

Deno.test("it rejects where write would throw, for a kind of HTTP, and where there is no WebSocket", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  await using served = serve([{
    name: "chat",
    callback: handlers({
      established: (wsi) => resolve(wsi),
      async http(wsi) {
        const error = await assertRejects(
          () => wsi.send("x"),
          LwsError,
          "no established WebSocket",
        );
        wsi.respond(200, error.code);
      },
    }),
  }]);
  const http = await served.dial("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertStringIncludes(new TextDecoder().decode(await http.readToEnd()), "invalid-state");
  await served.open();
  const wsi = await promise;
  const codeOf = async (sent: Promise<void>) => (await assertRejects(() => sent, LwsError)).code;
  assertEquals(await codeOf(wsi.send(7 as never)), "invalid-argument");
  assertEquals(await codeOf(wsi.send("x", "http")), "invalid-argument");
  assertEquals(await codeOf(wsi.send("x", "continuation")), "invalid-state");
  await wsi.send("goes on");
});

Deno.test("a rejection that the program does not look at ends nothing, and the log has it", async () => {
  using log = captureLog(["info"]);
  await using looped = await connected();
  looped.wsi.close(1000);
  void looped.wsi.send("too late");
  await settle();
  assertStringIncludes(log.lines.join("\n"), "send: the connection is closing");
});

Deno.test("a loop and a send together keep neither side's messages without a bound", async () => {
  const network = new MemoryNetwork({ capacity: 16 * KIB });
  await using looped = await connected({ network });
  const { wsi, peer } = looped;
  const message = "x".repeat(4 * KIB);
  void (async () => {
    for await (const each of wsi.messages()) await wsi.send(each);
  })();
  peer.peer.transport.pause();
  peer.send(...Array.from({ length: 500 }, () => text(message)));
  await settle();
  assert(wsi.unsentBytes < 16 * KIB, `${wsi.unsentBytes} bytes are unsent`);
  assert(looped.count() < 100, `${looped.count()} messages were read`);
  peer.peer.transport.resume();
  for (let i = 0; i < 500; i++) assertEquals((await peer.receive()).payload.length, 4 * KIB);
});
