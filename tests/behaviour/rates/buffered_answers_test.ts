/** `maxBufferedBytes`: what answers hold that their peers don't read. */

import { assert, assertEquals } from "@std/assert";
import { type ContextCreationInfo, type Wsi } from "../../../mod.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { readHead, readResponse, serve, settle } from "../../support/serve.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Longer than what is above the limit may last. */
const PATIENCE_MS = 5_200;

const LENGTH: [string, string][] = [["content-length", String(MIB)]];

/** Pieces of a body, the same bytes each time. */
function streamOf(...lengths: number[]): ReadableStream<Uint8Array> {
  const left = [...lengths];
  return new ReadableStream({
    pull(controller) {
      const length = left.shift();
      if (length === undefined) controller.close();
      else controller.enqueue(new Uint8Array(length).fill(120));
    },
  }, { highWaterMark: 0 });
}

async function* piecesOf(...lengths: number[]): AsyncGenerator<string> {
  await Promise.resolve();
  for (const length of lengths) yield "x".repeat(length);
}

const RESPONSES: Readonly<Record<string, () => Response>> = {
  "/text": () => new Response("x".repeat(MIB)),
  "/bytes": () => new Response(new Uint8Array(MIB).fill(120)),
  "/stream": () => new Response(streamOf(MIB), { headers: LENGTH }),
  "/short": () =>
    new Response(streamOf(...Array.from({ length: 32 }, () => 32 * KIB)), { headers: LENGTH }),
};

const BY_WSI: Readonly<Record<string, (wsi: Wsi) => void>> = {
  "/wsi-text": (wsi) => void wsi.respond(200, "x".repeat(MIB)),
  "/wsi-bytes": (wsi) => void wsi.respond(200, new Uint8Array(MIB).fill(120)),
  "/wsi-stream": (wsi) => void wsi.respond(200, streamOf(MIB), LENGTH),
  "/wsi-iterator": (wsi) => void wsi.respond(200, piecesOf(MIB), LENGTH),
  "/wsi-written": (wsi) => {
    wsi.writeHttpHeaders(200, LENGTH);
    wsi.write("x".repeat(MIB), "httpFinal");
  },
};

function serving(info: Partial<ContextCreationInfo>): ReturnType<typeof serve> {
  const http = named("http", { http: (wsi, _user, path) => BY_WSI[path]!(wsi) });
  const isByWsi = info.fetch === undefined;
  return serve(isByWsi ? [http] : [], info);
}

const byFetch = { fetch: (request: Request) => RESPONSES[new URL(request.url).pathname]!() };

/** Connects, asks, and reads no answer. */
async function ask(served: ReturnType<typeof serve>, path: string) {
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await settle();
  return peer;
}

for (const path of [...Object.keys(RESPONSES), ...Object.keys(BY_WSI)]) {
  const info = path in RESPONSES ? byFetch : {};
  Deno.test(`what an answer of 1 MiB holds counts until it has left: ${path}`, async () => {
    await using served = serving(info);
    const { context } = served;
    const peer = await ask(served, path);
    const { bufferedBytes, unsentBytes } = context.stats();
    if (path === "/short") assert(bufferedBytes < 200 * KIB, String(bufferedBytes));
    else assert(bufferedBytes >= MIB, String(bufferedBytes));
    // A piece is copied part by part.
    assert(bufferedBytes < MIB + 300 * KIB && unsentBytes <= bufferedBytes, String(bufferedBytes));
    peer.transport.startReading();
    const { body } = await readResponse(peer);
    assertEquals([body.length, body.replaceAll("x", "")], [MIB, ""]);
    await settle();
    assertEquals(context.stats().bufferedBytes, 0);
    peer.close();
  });
}

Deno.test("what was read of a stream that a HEAD has no use for counts no more", async () => {
  await using served = serving({ fetch: () => new Response(streamOf(MIB, MIB)) });
  const peer = await served.dial();
  peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  const head = await readHead(peer);
  assert(head.startsWith("HTTP/1.1 200 "), head);
  await settle();
  assertEquals(served.context.stats().bufferedBytes, 0);
  peer.close();
});

Deno.test("an answer that takes the sum to the limit changes nothing, and one past it stops reading", async () => {
  using _log = captureLog([]);
  const heldWith = async (maxBufferedBytes: number) => {
    await using served = serving({ ...byFetch, maxBufferedBytes });
    await ask(served, "/text");
    await served.pass(200);
    const { bufferedBytes, limitsHit, http } = served.context.stats();
    return { bufferedBytes, hits: limitsHit.maxBufferedBytes, connections: http.now };
  };
  const { bufferedBytes } = await heldWith(Infinity);
  assertEquals(await heldWith(bufferedBytes), { bufferedBytes, hits: undefined, connections: 1 });
  assertEquals(await heldWith(bufferedBytes - 1), { bufferedBytes, hits: 1, connections: 1 });
});

for (const path of ["/text", "/wsi-iterator", "/wsi-bytes"]) {
  Deno.test(`peers that read none of their answers hold no more than the limit, and the largest are cut: ${path}`, async () => {
    using _log = captureLog([]);
    await using served = serving({ ...path in RESPONSES && byFetch, maxBufferedBytes: 4 * MIB });
    const { context } = served;
    for (let i = 0; i < 12; i++) {
      await ask(served, path);
      const { bufferedBytes } = context.stats();
      assert(bufferedBytes <= 5 * MIB + 300 * KIB, String(bufferedBytes));
    }
    // By the order in which a runtime reads bodies, those that have come for what was cut are too large in turn.
    for (let i = 0; i < 2; i++) await served.pass(PATIENCE_MS);
    const { bufferedBytes, http, limitsHit } = context.stats();
    assert(bufferedBytes <= 4 * MIB, String(bufferedBytes));
    assert(http.now > 0 && http.now < 12, String(http.now));
    assert(limitsHit.maxBufferedBytes! > 12 - http.now, "and that reading stopped");
  });
}

Deno.test("a piece of a body that has its connection cut isn't queued behind the cut", async () => {
  using _log = captureLog([]);
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const piece = Promise.withResolvers<IteratorResult<string>>();
  const next = () => (isAsked(), piece.promise);
  await using served = serve([named("http", {
    http: (wsi) => void wsi.respond(200, { [Symbol.asyncIterator]: () => ({ next }) }, LENGTH),
  })], { maxBufferedBytes: 512 * KIB });
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  // Behind the body's own look at it, and before the transport tells of its end.
  const seen = piece.promise.then(() => served.context.stats());
  piece.resolve({ value: "x".repeat(MIB), done: false });
  const { bufferedBytes, unsentBytes, http } = await seen;
  assertEquals([bufferedBytes, unsentBytes, http.now], [0, 0, 1]);
  await settle();
  assertEquals(served.context.stats().http.now, 0);
});
