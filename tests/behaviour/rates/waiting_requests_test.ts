/** Requests that wait while connections hold more than `maxBufferedBytes`. */

import { assert, assertEquals } from "@std/assert";
import { type ContextCreationInfo, type Wsi } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { readResponse, serve, settle } from "../../support/serve.ts";

const KIB = 1024;
/** Of an answer. */
const LENGTH = 128 * KIB;
/** As many as are made at a time. */
const AT_A_TIME = 8;
const LOOK_MS = 100;
/** For so long a line may stand still, and a look at it may take. */
const STANDS_STILL_MS = 1_100;
const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const HALF_MESSAGE = { opcode: 2, fin: false, payload: new Uint8Array(300_000) };

type Served = ReturnType<typeof serve>;

function streamOf(length: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(length).fill(120));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

/** How so much is answered. */
const ANSWERS: Readonly<Record<string, (asked: () => void) => Partial<ContextCreationInfo>>> = {
  "fetch, a text": (asked) => ({ fetch: () => (asked(), new Response("x".repeat(LENGTH))) }),
  "fetch, bytes, promised": (asked) => ({
    fetch: async () => {
      asked();
      return await Promise.resolve(new Response(new Uint8Array(LENGTH)));
    },
  }),
  "fetch, a stream": (asked) => ({ fetch: () => (asked(), new Response(streamOf(LENGTH))) }),
  "wsi, bytes": (asked) => byWsi((wsi) => (asked(), void wsi.respond(200, new Uint8Array(LENGTH)))),
  "wsi, a stream": (asked) => byWsi((wsi) => (asked(), void wsi.respond(200, streamOf(LENGTH)))),
  "wsi, written": (asked) =>
    byWsi((wsi) => {
      asked();
      wsi.writeHttpHeaders(200, [["content-length", String(LENGTH)]]);
      wsi.write(new Uint8Array(LENGTH), "httpFinal");
    }),
};

function byWsi(http: (wsi: Wsi) => void): Partial<ContextCreationInfo> {
  return { protocols: [named("http", { http })] };
}

function serving({ protocols = [], ...info }: Partial<ContextCreationInfo>): Served {
  return serve(protocols, info);
}

/** Connects, and will read nothing. */
async function mute(served: Served): Promise<MemoryPeer> {
  const peer = await served.dial();
  peer.transport.stopReading();
  return peer;
}

/** What the first one holds that reads nothing of an answer. */
async function heldByOne(): Promise<number> {
  await using served = serve([], { fetch: () => new Response("x".repeat(LENGTH)) });
  (await mute(served)).send(GET);
  await settle();
  return served.context.stats().bufferedBytes;
}

for (const [name, answering] of Object.entries(ANSWERS)) {
  Deno.test(`of a crowd that asks at once and reads nothing some are asked for, and the others wait: ${name}`, async () => {
    using _log = captureLog([]);
    let asked = 0;
    const info = answering(() => void asked++);
    await using served = serving({ ...info, maxBufferedBytes: 16 * LENGTH });
    const { context } = served;
    const peers = await Promise.all(Array.from({ length: 60 }, () => mute(served)));
    for (const peer of peers) peer.send(GET);
    await settle();
    assert(asked >= 8 && asked <= 16 + AT_A_TIME, `${asked} were asked for`);
    assertEquals(context.stats().requestsWaiting, 60 - asked);
    // Without room a quarter of the limit at most is made from look to look.
    for (let looks = 0; looks < 12; looks++) {
      const before = asked;
      await served.pass(LOOK_MS);
      assert(asked <= before + 4 + AT_A_TIME, `${asked} behind ${before}`);
      assert(context.stats().bufferedBytes <= (20 + AT_A_TIME) * LENGTH);
    }
    for (const peer of peers) peer.transport.startReading();
    await settle();
    for (let looks = 0; looks < 8; looks++) await served.pass(LOOK_MS);
    assertEquals(asked, 60);
    assertEquals([context.stats().requestsWaiting, context.stats().bufferedBytes], [0, 0]);
    for (const peer of peers) peer.close();
  });
}

Deno.test("what a cut frees is no room for all that wait: they go on from look to look", async () => {
  using _log = captureLog([]);
  let asked = 0;
  const long = 400 * KIB;
  const info = byWsi((wsi) => (asked++, void wsi.respond(200, new Uint8Array(long))));
  // Cuts down to what leaves room for one answer more and its head.
  await using served = serving({ ...info, maxBufferedBytes: 16 * (long + KIB) });
  const peers = await Promise.all(Array.from({ length: 60 }, () => mute(served)));
  for (const peer of peers) peer.send(GET);
  await settle();
  while (asked < 60) {
    const before = asked;
    await served.pass(LOOK_MS);
    assert(asked <= before + 4 + AT_A_TIME, `${asked} behind ${before}`);
  }
  assert(served.context.stats().http.now < 30, "most were cut");
});

/** The second of two requests, where so much is held; what is left of the first is read later. */
async function second(maxBufferedBytes: number, info: Partial<ContextCreationInfo> = {}) {
  const asked: string[] = [];
  const served = serve([], {
    maxBufferedBytes,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname + await request.text());
      return new Response(pathname === "/" ? "x".repeat(LENGTH) : pathname);
    },
    ...info,
  });
  const first = await mute(served);
  first.send(GET);
  await settle();
  const peer = await served.dial();
  return { served, first, peer, asked };
}

Deno.test("at maxBufferedBytes a request is asked for, and past it it waits until the sum has fallen", async () => {
  using _log = captureLog([]);
  const held = await heldByOne();
  {
    const { served, peer, asked } = await second(held);
    await using _ = served;
    peer.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await readResponse(peer)).body, "/small");
    assertEquals(asked, ["/", "/small"]);
  }
  const { served, first, peer, asked } = await second(held - 1);
  await using _ = served;
  peer.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  await settle();
  assertEquals([asked, served.context.stats().requestsWaiting], [["/"], 1]);
  // No time has gone by: what has left makes the room.
  first.transport.startReading();
  assertEquals((await readResponse(peer)).body, "/small");
  assertEquals([asked, served.context.stats().requestsWaiting], [["/", "/small"], 0]);
});

Deno.test("where nothing makes room a request waits for a second, and is answered then", async () => {
  using _log = captureLog([]);
  const { served, peer, asked } = await second(await heldByOne() - 1);
  await using _ = served;
  peer.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  await settle();
  await served.pass(900);
  assertEquals(asked, ["/"]);
  await served.pass(200);
  assertEquals((await readResponse(peer)).body, "/small");
  assertEquals(served.context.stats().http.now, 2);
});

Deno.test("a request that waits has its body, and those behind it, in order", async () => {
  using _log = captureLog([]);
  const { served, first, peer, asked } = await second(await heldByOne() - 1);
  await using _ = served;
  peer.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nbo");
  await settle();
  peer.send("dy-aGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  await settle();
  assertEquals([asked, served.context.stats().requestsWaiting], [["/"], 1]);
  first.transport.startReading();
  assertEquals((await readResponse(peer)).body, "/a");
  assertEquals((await readResponse(peer)).body, "/b");
  assertEquals(asked, ["/", "/abody-a", "/b"]);
});

Deno.test("a peer that goes while its request waits is never asked for", async () => {
  using _log = captureLog([]);
  for (const leave of ["close", "end"] as const) {
    const { served, first, peer, asked } = await second(await heldByOne() - 1);
    await using _ = served;
    peer.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    await settle();
    if (leave === "close") peer.close();
    else peer.end();
    await settle();
    assertEquals(served.context.stats().requestsWaiting, 0);
    first.transport.startReading();
    await settle();
    assertEquals([asked, served.context.stats().http.now], [["/"], 1]);
  }
});

/** What the half of a message holds. */
async function heldByMessage(): Promise<number> {
  await using served = serve([named("http", { message: () => {} })], { kaTime: 0 });
  (await served.open()).send(HALF_MESSAGE);
  await settle();
  return served.context.stats().bufferedBytes;
}

/** What waits behind the half of a message, which no answer can make room for. */
async function behindMessage(info: Partial<ContextCreationInfo>) {
  const asked: string[] = [];
  const served = serve([named("http", { message: () => {} })], {
    kaTime: 0,
    maxBufferedBytes: await heldByMessage() - 1,
    fetch: (request) => {
      asked.push(new URL(request.url).pathname);
      return new Response("answer");
    },
    ...info,
  });
  const socket = await served.open();
  socket.send(HALF_MESSAGE);
  await settle();
  const peer = await served.dial(GET);
  await settle();
  return { served, peer, asked, socket };
}

Deno.test("a request that has waited for sendTimeoutMs is answered 503", async () => {
  using _log = captureLog([]);
  const { served, peer, asked } = await behindMessage({ sendTimeoutMs: 500 });
  await using _ = served;
  await served.pass(400);
  assertEquals(served.context.stats().requestsWaiting, 1);
  await served.pass(2 * LOOK_MS);
  const { head } = await readResponse(peer);
  assertEquals(head.split("\r\n")[0], "HTTP/1.1 503 Service Unavailable");
  assert(/^retry-after: 1\r$/im.test(head), head);
  const { requestsWaiting, turnedAway, limitsHit } = served.context.stats();
  assertEquals([asked, requestsWaiting, turnedAway["503"]], [[], 0, 1]);
  assertEquals(limitsHit.maxBufferedBytes, 2, "reading has stopped, and a request was turned away");
});

Deno.test("a context that is destroyed ends what waits", async () => {
  using _log = captureLog([]);
  const { served, asked } = await behindMessage({});
  await using _ = served;
  void served.context.destroy();
  await settle();
  assertEquals([asked, served.context.stats().requestsWaiting], [[], 0]);
});

Deno.test("a stream is not read on while connections hold too much", async () => {
  using _log = captureLog([]);
  let pulls = 0;
  const body = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(32 * 1024).fill(120));
        if (++pulls === 20) controller.close();
      },
    }, { highWaterMark: 0 });
  await using served = serve([named("http", { message: () => {} })], {
    kaTime: 0,
    maxBufferedBytes: await heldByMessage() - 1,
    fetch: () => new Response(body(), { headers: { "content-length": String(640 * 1024) } }),
  });
  const peer = await mute(served);
  peer.send(GET);
  await settle();
  const before = pulls;
  const socket = await served.open();
  socket.send({ opcode: 2, fin: false, payload: HALF_MESSAGE.payload });
  await settle();
  peer.transport.startReading();
  await settle();
  assert(before < 19 && pulls === before, `${pulls} behind ${before}`);
  const read = readResponse(peer);
  for (let looks = 0; looks < 30; looks++) await served.pass(LOOK_MS);
  assertEquals((await read).body.length, 640 * 1024);
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: what waits is asked for in calls of service alone`, async () => {
    using _log = captureLog([]);
    const asked: string[] = [];
    await using served = serve([named("http", { message: () => {} })], {
      kaTime: 0,
      service,
      maxBufferedBytes: await heldByMessage() - 1,
      fetch: (request) => {
        asked.push(new URL(request.url).pathname);
        return new Response("answer");
      },
    });
    const { context } = served;
    const serveAll = async () => {
      for (let i = 0; i < 8; i++) {
        await settle();
        await context.service(0);
      }
    };
    const opening = served.open();
    await serveAll();
    const socket = await opening;
    socket.send(HALF_MESSAGE);
    await serveAll();
    const dialling = served.dial(GET);
    await serveAll();
    const peer = await dialling;
    await serveAll();
    assertEquals([asked, context.stats().requestsWaiting], [[], 1]);
    served.clock.advance(STANDS_STILL_MS);
    await settle();
    assertEquals(asked, []);
    await serveAll();
    assertEquals([asked, context.stats().requestsWaiting], [["/"], 0]);
    const read = readResponse(peer);
    await serveAll();
    assertEquals((await read).body, "answer");
  });
}

Deno.test("a crowd whose requests a program throws for keeps nobody waiting", async () => {
  using _log = captureLog([]);
  await using served = serving({
    fetch(request) {
      if (request.url.endsWith("/throws")) throw new Error("as asked");
      return new Response("there");
    },
  });
  for (let i = 0; i < 65; i++) {
    const peer = await served.dial("GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
    assert((await readResponse(peer)).head.startsWith("HTTP/1.1 500 "));
    peer.close();
  }
  const peer = await served.dial(GET);
  await settle();
  assertEquals(served.context.stats().requestsWaiting, 0);
  assertEquals((await readResponse(peer)).body, "there");
  peer.close();
});

Deno.test("a crowd whose answers are promised and never there keeps nobody waiting", async () => {
  await using served = serving({
    fetch: (request) =>
      request.url.endsWith("/never") ? new Promise<Response>(() => {}) : new Response("there"),
  });
  for (let i = 0; i < 65; i++) await served.dial("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  const peer = await served.dial(GET);
  await settle();
  assertEquals(served.context.stats().requestsWaiting, 0);
  assertEquals((await readResponse(peer)).body, "there");
});
