/** The times of an exchange beside each other: an answer that leaves, a body that comes, and who rests. */

import { assert, assertEquals } from "@std/assert";
import { type Wsi } from "../../../mod.ts";
import { fieldOf, get, readRefusal, readToReset, reply, request } from "../../support/http.ts";
import { record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, type Served, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { named } from "../../support/named.ts";

/** The timers' grain. */
const TICK_MS = 16;
const WINDOW_MS = 30_000;

/** Takes bodies. */
const taking = named("http", { http() {}, httpBodyCompletion: (wsi) => reply(wsi, 200, "thanks") });

async function pass(served: Served, ms: number): Promise<void> {
  await settle();
  await served.pass(ms);
}

Deno.test("a body that halts is answered 408 after contentTimeoutMs, with connection: close", async () => {
  await using served = serve([taking], { contentTimeoutMs: 2_000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
  await pass(served, 1_999);
  assertEquals(peer.received.length, 0);
  await pass(served, TICK_MS);
  const { status, head } = await readRefusal(peer);
  assertEquals([status, fieldOf(head, "connection")], [408, "close"]);
});

for (const framing of ["Content-Length: 100000", "Transfer-Encoding: chunked"]) {
  /** Sends so many bytes, framing included, spread over a window. */
  const rate = async (bytes: number, minBodyRate: number) => {
    const served = serve([taking], { minBodyRate });
    const peer = await served.dial();
    const isChunked = framing.startsWith("Transfer");
    peer.send(request("POST", "/", framing));
    await settle();
    const most = Math.ceil(bytes / 10);
    for (let i = 0; i < 10; i++) {
      const size = i < 9 ? most : bytes - 9 * most;
      const data = "x".repeat(isChunked ? size - 7 : size);
      peer.send(isChunked ? `${data.length.toString(16).padStart(3, "0")}\r\n${data}\r\n` : data);
      await pass(served, WINDOW_MS / 10);
    }
    await pass(served, TICK_MS);
    return { served, peer };
  };

  Deno.test(`minBodyRate over 30 seconds is enough, and less is answered 408: ${framing}`, async () => {
    const enough = await rate(3_000, 100);
    assertEquals(enough.peer.received.length, 0);
    // Each window is measured anew.
    for (let i = 0; i < 2; i++) {
      enough.peer.send("1\r\n");
      await pass(enough.served, WINDOW_MS / 2);
    }
    assertEquals((await readRefusal(enough.peer)).status, 408);
    await enough.served[Symbol.asyncDispose]();
    const less = await rate(2_999, 100);
    assertEquals((await readRefusal(less.peer)).status, 408);
    await less.served[Symbol.asyncDispose]();
  });

  Deno.test(`with minBodyRate 0 any rate is enough: ${framing}`, async () => {
    const { served, peer } = await rate(80, 0);
    assertEquals(peer.received.length, 0);
    peer.close();
    await served[Symbol.asyncDispose]();
  });
}

Deno.test("what the program rests doesn't count against the rate", async () => {
  for (const how of ["rxFlowControl", "promise"]) {
    const thinker = how === "promise" ? thinking("httpBody") : undefined;
    let wsi!: Wsi;
    const protocol = thinker?.protocol ?? named("http", {
      http: (one) => void (wsi = one),
      httpBody: (one) => void one.rxFlowControl(false),
    });
    await using served = serve([protocol], { minBodyRate: 100 });
    const peer = await served.dial(request("POST", "/", "Content-Length: 100000"));
    // 20 seconds of waiting, and hours of the program's own.
    for (let i = 0; i < 4; i++) {
      await pass(served, 5_000);
      peer.send("x".repeat(700));
      await pass(served, 3_600_000);
      if (thinker !== undefined) await thinker.decide(0);
      else wsi.rxFlowControl(true);
    }
    await pass(served, 9_999);
    assertEquals([how, peer.received.length], [how, 0]);
    await pass(served, TICK_MS);
    assertEquals((await readRefusal(peer)).status, 408);
  }
});

Deno.test("a stream that goes on doesn't end the time of a body that halts", async () => {
  const { protocol, until } = record("http", (wsi, reason, _user, _data) => {
    if (reason === "http") wsi.writeHttpHeaders(200, [["content-length", "1000"]]);
    if (reason === "httpWriteable") wsi.write("x", "http");
    if (reason === "http" || reason === "httpWriteable") wsi.callbackOnWritable();
  });
  await using served = serve([protocol], { contentTimeoutMs: 5_000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
  await readHead(peer);
  served.clock.advance(5_000 + TICK_MS);
  await readToReset(peer);
  await until("closedHttp");
});

Deno.test("an answer that nobody reads is given up, however busily its request's body comes", async () => {
  const { protocol, until } = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    wsi.writeHttpHeaders(200, [["content-length", "1000000"]]);
    wsi.write(new Uint8Array(500_000), "http");
  });
  await using served = serve([protocol], { sendTimeoutMs: 5_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(request("POST", "/", "Content-Length: 100000"));
  for (let i = 0; i < 5; i++) {
    peer.send("x".repeat(1_000));
    await pass(served, 1_000);
  }
  served.clock.advance(TICK_MS);
  await until("closedHttp");
  await readToReset(peer);
});

Deno.test("the last answer has sendTimeoutMs to leave, and destroy shortens it to closeTimeoutMs", async () => {
  for (const isDestroyed of [false, true]) {
    const { protocol, reasons, until } = record("http", (wsi, reason, _user, _data) => {
      if (reason !== "http") return;
      wsi.writeHttpHeaders(200, [["content-length", "500000"]]);
      wsi.write(new Uint8Array(500_000), "httpFinal");
    });
    await using served = serve([protocol], { sendTimeoutMs: 9_000, closeTimeoutMs: 1_000 });
    const peer = await served.dial();
    peer.transport.stopReading();
    peer.send(get("/", "Connection: close"));
    await pass(served, 8_900);
    assert(!reasons.includes("closedHttp"));
    if (isDestroyed) void served.context.destroy();
    await pass(served, isDestroyed ? 900 : 90);
    assert(!reasons.includes("closedHttp"));
    served.clock.advance(120);
    await until("closedHttp");
    await readToReset(peer);
  }
});

Deno.test("a program that reads a file for long is no peer that doesn't take it", async () => {
  const read = Promise.withResolvers<number>();
  const fileOps = {
    open: () => ({ handle: {}, length: 5 }),
    close() {},
    seekCur: () => 0,
    read: () => read.promise,
    write: () => 0,
  };
  await using served = serve([
    named("http", { http: (wsi, _user, path) => void wsi.serveHttpFile(path) }),
  ], { fileOps, sendTimeoutMs: 1_000 });
  const peer = await served.dial(get("/a"));
  await pass(served, 3_600_000);
  read.resolve(5);
  assertEquals((await readResponse(peer)).body.length, 5);
});

Deno.test("the refusal of a handshake has sendTimeoutMs to leave", async () => {
  const { protocol, until, reasons } = record("x", (wsi, reason, _user, _data) => {
    if (reason !== "filterProtocolConnection") return;
    wsi.returnHttpStatus(403, "x".repeat(200_000));
    return 1;
  });
  await using served = serve([protocol], { sendTimeoutMs: 9_000, closeTimeoutMs: 1_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get(
    "/",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ));
  await pass(served, 8_999);
  assert(!reasons.includes("closedHttp"));
  served.clock.advance(TICK_MS);
  await until("closedHttp");
});
