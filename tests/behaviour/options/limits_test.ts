/** Every limit of HTTP and of connections: at the limit, and one past it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { handlers, type Protocol } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readResponse, serve, settle } from "../../support/serve.ts";
import { reply } from "../../support/http.ts";

const page: Protocol = {
  name: "page",
  callback(wsi, reason, _user, _data) {
    const hasBody = wsi.hdrTotalLength("content-length") + wsi.hdrTotalLength("transfer-encoding");
    if (reason === "httpBodyCompletion" || (reason === "http" && hasBody === 0)) {
      return reply(wsi);
    }
  },
};

/** The timers' grain. */
const TICK_MS = 16;

const status = (head: string) => Number(head.split(" ")[1]);

async function ask(request: string, info: Record<string, number>): Promise<number> {
  await using peer = await dialAlone([page], request, info);
  const { head } = await readResponse(peer);
  return status(head);
}

Deno.test("a head of maxHeaderBytes is served, one byte more is answered 431", async () => {
  const start = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
  const head = (length: number) => start + "x".repeat(length - start.length - 4) + "\r\n\r\n";
  assertEquals(await ask(head(1000), { maxHeaderBytes: 1000 }), 200);
  assertEquals(await ask(head(1001), { maxHeaderBytes: 1000 }), 431);
});

Deno.test("a head without an end is answered 431 as soon as it is too long, a target 414", async () => {
  const info = { maxHeaderBytes: 1000 };
  assertEquals(await ask(`GET / HTTP/1.1\r\nX: ${"x".repeat(1000)}`, info), 431);
  assertEquals(await ask(`GET /${"x".repeat(1000)}`, info), 414);
});

Deno.test("maxHeaderFields fields are served, one more is answered 431", async () => {
  const head = (fields: number) =>
    `GET / HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(fields - 1)}\r\n`;
  assertEquals(await ask(head(20), { maxHeaderFields: 20 }), 200);
  assertEquals(await ask(head(21), { maxHeaderFields: 20 }), 431);
});

Deno.test("a body of maxBodySize is served, one byte more is answered 413, by length and in chunks", async () => {
  const byLength = (length: number) =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
  const inChunks = (length: number) =>
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
    `${(length - 1).toString(16)}\r\n${"x".repeat(length - 1)}\r\n1\r\nx\r\n0\r\n\r\n`;
  for (const body of [byLength, inChunks]) {
    assertEquals(await ask(body(500), { maxBodySize: 500 }), 200);
    assertEquals(await ask(body(501), { maxBodySize: 500 }), 413);
  }
});

Deno.test("a peer that says nothing is closed after headerTimeoutMs, one that began is told 408", async () => {
  await using served = serve([page], { headerTimeoutMs: 3_000 });
  const silent = await served.dial();
  const slow = await served.dial("GET / HT");
  await settle();
  await served.pass(2_900);
  assert(!silent.ended && !slow.ended);
  slow.send("TP/1.1\r\n");
  await settle();
  served.clock.advance(200);
  assertEquals((await silent.readToEnd()).length, 0);
  assertEquals(status((await readResponse(slow)).head), 408);
  assertEquals((await slow.readToEnd()).length, 0);
});

Deno.test("a later request's head has headerTimeoutMs from its first byte", async () => {
  await using served = serve([page], { headerTimeoutMs: 3_000, keepAliveTimeoutMs: 60_000 });
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readResponse(peer);
  served.clock.advance(30_000);
  peer.send("GET");
  await settle();
  await served.pass(2_900);
  assert(!peer.ended);
  served.clock.advance(200);
  assertEquals(status((await readResponse(peer)).head), 408);
});

Deno.test("an idle connection is closed after keepAliveTimeoutMs, without a word", async () => {
  await using served = serve([page], { keepAliveTimeoutMs: 7_000 });
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readResponse(peer);
  await settle();
  await served.pass(6_900);
  assert(!peer.ended);
  served.clock.advance(200);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("each piece of a body may take contentTimeoutMs, and no longer", async () => {
  await using served = serve([page], { contentTimeoutMs: 2_000 });
  const peer = await served.dial("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  for (let i = 0; i < 4; i++) {
    await settle();
    served.clock.advance(1_900);
    peer.send("x");
  }
  await settle();
  assert(!peer.ended);
  served.clock.advance(2_100);
  await peer.readToEnd();
});

Deno.test("a response that nobody reads is given up after sendTimeoutMs", async () => {
  const recorder = record("big", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    wsi.writeHttpHeaders(200, [["content-length", "1000000"]]);
    wsi.write(new Uint8Array(1_000_000), "httpFinal");
  });
  await using served = serve([recorder.protocol], { sendTimeoutMs: 2_000, closeTimeoutMs: 1 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await recorder.until("http");
  await settle();
  await served.pass(1_999);
  assert(!recorder.reasons.includes("closedHttp"));
  served.clock.advance(TICK_MS);
  await recorder.until("closedHttp");
});

Deno.test("maxConnections are served, the next waits until one has gone", async () => {
  await using served = serve([page], { maxConnections: 2 });
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const peers = [await served.dial(), await served.dial()];
  for (const peer of peers) {
    peer.send(request);
    assertEquals(status((await readResponse(peer)).head), 200);
  }
  const third = await served.dial(request);
  await settle();
  assertEquals(third.received.length, 0);
  peers[0]!.close();
  assertEquals(status((await readResponse(third)).head), 200);
});

Deno.test("maxConnectionsPerAddress are served, the next is refused before any filter", async () => {
  const recorder = record("x", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    return reply(wsi);
  });
  await using served = serve([recorder.protocol], { maxConnectionsPerAddress: 2 });
  const peers = [await served.dial(), await served.dial()];
  await settle();
  assertEquals((await (await served.dial()).readToEnd()).length, 0);
  assertEquals(recorder.reasons.filter((each) => each === "filterNetworkConnection").length, 2);
  peers[0]!.close();
  await recorder.until("wsiDestroy");
  const fourth = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals(status((await readResponse(fourth)).head), 200);
});

Deno.test("an HTTP peer that never reads is cut at maxUnsentBytes, with a log line", async () => {
  using log = captureLog();
  const sent: number[] = [];
  const recorder = record("big", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    for (let i = 0; i < 3; i++) sent.push(wsi.write(new Uint8Array(50_000), "http"));
  });
  await using peer = await dialAlone([recorder.protocol], undefined, { maxUnsentBytes: 100_000 });
  peer.transport.stopReading();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await recorder.until("closedHttp");
  assertEquals(sent, [50_000, 50_000, -1]);
  assertStringIncludes(log.lines.join(), "maxUnsentBytes");
});

Deno.test("the defaults are those that the documentation tells", async () => {
  await using served = serve([{ name: "x", callback: handlers({}) }]);
  // That of `maxConnections` is the machine's.
  const { maxConnections: _, ...limits } = served.context.limits;
  assertEquals(limits, {
    maxHeaderBytes: 16_384,
    maxHeaderFields: 100,
    headerTimeoutMs: 5_000,
    contentTimeoutMs: 30_000,
    minBodyRate: 100,
    sendTimeoutMs: 60_000,
    keepAliveTimeoutMs: 15_000,
    maxBodySize: 10_485_760,
    maxDrainBytes: 262_144,
    maxFramePayload: 16_777_216,
    maxMessageSize: 1_048_576,
    maxFragments: 131_072,
    maxEmptyFragments: 1_024,
    softUnsentBytes: 262_144,
    maxUnsentBytes: 4_194_304,
    closeTimeoutMs: 5_000,
    clientTimeoutMs: 5_000,
    maxConnectionsPerAddress: Infinity,
    maxPendingHandshakes: 1_000,
    maxMessagesPerSecond: Infinity,
    maxBytesPerSecond: Infinity,
    maxHandshakesPerSecond: Infinity,
    idleTimeoutMs: Infinity,
    maxLifetimeMs: Infinity,
    spreadMs: 0,
  });
});
