/** Where the limits of HTTP meet: time that runs, time that rests, and bytes that nobody reads. */

import { assert, assertEquals } from "@std/assert";
import { type Protocol, type Wsi } from "../../../mod.ts";
import {
  answering,
  bystander,
  get,
  readPage,
  readRefusal,
  readToReset,
  reply,
  request,
  statusOf,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readHead, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

/** The timers' grain: a timeout may come so much later, and never earlier. */
const TICK_MS = 16;

/** A protocol that hands the connection of each request to the test. */
function captive(): { protocol: Protocol; wsi: () => Wsi; pieces: string[]; stop: boolean } {
  let wsi!: Wsi;
  const one = {
    pieces: [] as string[],
    stop: false,
    wsi: () => wsi,
    protocol: named("http", {
      http: (each) => void (wsi = each),
      httpBody(each, _user, piece) {
        one.pieces.push(new TextDecoder().decode(piece));
        if (one.stop) each.rxFlowControl(false);
      },
    }) as Protocol,
  };
  return one;
}

Deno.test("a head of exactly maxHeaderBytes and maxHeaderFields passes byte by byte, too", async () => {
  const lines = ["X-First: a value", "X-Second: another value"];
  const whole = get("/", ...lines);
  const limits = { maxHeaderBytes: whole.length, maxHeaderFields: 1 + lines.length };
  for (
    const [chop, target, more, status] of [
      [1, "/", [], 200],
      [Infinity, "/", [], 200],
      [1, "/a", [], 431],
      [Infinity, "/a", [], 431],
      [1, "/", ["Y:"], 431],
    ] as const
  ) {
    const { protocol } = answering();
    const { maxHeaderBytes, maxHeaderFields } = limits;
    const extra = more.length === 0 ? 0 : more[0].length + 2;
    await using peer = await dialAlone([protocol], undefined, {
      maxHeaderBytes: maxHeaderBytes + extra,
      maxHeaderFields,
    });
    peer.transport.peer.chop(chop);
    peer.send(get(target, ...lines, ...more) + get("/", ...lines));
    assertEquals(statusOf(await readHead(peer)), status);
  }
});

Deno.test("a head that comes a byte a second has headerTimeoutMs like any other", async () => {
  const { protocol } = answering();
  await using served = serve([protocol], { headerTimeoutMs: 5_000 });
  const other = await bystander(served);
  const peer = await served.dial();
  for (const letter of "GET /") {
    peer.send(letter);
    await settle();
    assertEquals(peer.received.length, 0);
    served.clock.advance(letter === "/" ? 1_000 + TICK_MS : 1_000);
  }
  assertEquals((await readRefusal(peer)).status, 408);
  await other.check();
});

Deno.test("a program may take its time to answer", async () => {
  const { protocol, wsi } = captive();
  await using served = serve([protocol]);
  const peer = await served.dial(get("/"));
  await settle();
  served.clock.advance(3_600_000);
  wsi().returnHttpStatus(200, "at last");
  wsi().httpTransactionCompleted();
  assertEquals(await readPage(peer), "at last");
});

Deno.test("while the program has stopped a body its time rests, and runs again from there", async () => {
  const one = captive();
  one.stop = true;
  await using served = serve([one.protocol], { contentTimeoutMs: 5_000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
  await settle();
  served.clock.advance(60_000);
  one.wsi().rxFlowControl(true);
  served.clock.advance(5_000);
  one.stop = false;
  peer.send("def");
  await settle();
  assertEquals(one.pieces, ["abc", "def"]);
  await served.pass(5_000 + TICK_MS);
  assert(peer.ended, "a peer that sends nothing more is given up");
});

Deno.test("a body that may go on and doesn't is given up after contentTimeoutMs", async () => {
  const one = captive();
  one.stop = true;
  await using served = serve([one.protocol], { contentTimeoutMs: 5_000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
  await settle();
  one.wsi().rxFlowControl(true);
  await served.pass(5_000);
  assert(!peer.ended);
  await served.pass(TICK_MS);
  assert(peer.ended);
});

Deno.test("an answer that has begun doesn't end the time of the body", async () => {
  for (const early of [true, false]) {
    const recorder = record("http", (wsi, reason, _user, _data) => {
      if (reason !== (early ? "http" : "httpBody")) return;
      wsi.writeHttpHeaders(200, []);
      wsi.write("so far, so good", "http");
    });
    await using served = serve([recorder.protocol], { contentTimeoutMs: 5_000 });
    const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
    await readHead(peer);
    await settle();
    await served.pass(5_000);
    assert(!peer.ended);
    served.clock.advance(TICK_MS);
    // The answer must not look whole.
    await readToReset(peer);
    await recorder.until("wsiDestroy");
  }
});

Deno.test("an upload of one byte a minute is given up, by length and in chunks", async () => {
  for (const head of ["Content-Length: 9", "Transfer-Encoding: chunked"]) {
    const one = captive();
    await using served = serve([one.protocol], { contentTimeoutMs: 5_000 });
    const peer = await served.dial(request("POST", "/", head));
    await settle();
    await served.pass(60_000);
    assert(peer.ended);
    assertEquals(one.pieces, []);
  }
});

Deno.test("softUnsentBytes may be unsent before partialBuffered is true", async () => {
  const seen: boolean[] = [];
  await using served = serve([named("http", {
    http(wsi) {
      wsi.write("x".repeat(1_000), "http");
      seen.push(wsi.partialBuffered);
      wsi.write("x", "http");
      seen.push(wsi.partialBuffered);
      wsi.callbackOnWritable();
    },
    httpWriteable(wsi) {
      seen.push(wsi.partialBuffered);
      wsi.httpTransactionCompleted();
    },
  })], { softUnsentBytes: 1_000 });
  await (await served.dial(get("/"))).readBytes(1_001);
  await settle();
  assertEquals(seen, [false, true, false]);
});

Deno.test("maxUnsentBytes may be unsent; one byte more is -1, and the end", async () => {
  using log = captureLog();
  const results: number[] = [];
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    results.push(wsi.write("x".repeat(100_000), "http"));
    results.push(wsi.unsentBytes);
    if (wsi.uri === "/past") results.push(wsi.write("x", "http"));
    wsi.httpTransactionCompleted();
  });
  await using served = serve([recorder.protocol], { maxUnsentBytes: 100_000 });
  assertEquals((await (await served.dial(get("/at"))).readBytes(100_000)).length, 100_000);
  await served.dial(get("/past"));
  await recorder.until("wsiDestroy");
  assertEquals(results, [100_000, 100_000, 100_000, 100_000, -1]);
  assertEquals(log.lines.length, 1);
  assert(log.lines[0]!.includes("maxUnsentBytes"));
});

Deno.test("connections that a filter or perSessionData refused take no place", async () => {
  using _log = captureLog([]);
  let attempts = 0;
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason === "filterNetworkConnection") return ++attempts === 1 ? 1 : 0;
    if (reason !== "http") return;
    return reply(wsi, 200, "in");
  });
  await using served = serve([{
    ...recorder.protocol,
    perSessionData() {
      if (attempts === 2) throw new Error("on purpose");
      return { of: "http" };
    },
  }], { maxConnectionsPerAddress: 1, maxConnections: 1 });
  for (let refused = 0; refused < 2; refused++) {
    assertEquals((await (await served.dial()).readToEnd()).length, 0);
  }
  assertEquals(await readPage(await served.dial(get("/"))), "in");
  assertEquals(attempts, 3);
  assertEquals(recorder.reasons.filter((reason) => reason === "wsiCreate").length, 1);
});

Deno.test("destroy ends a listener that waits for a place", async () => {
  const recorder = record("http");
  const served = serve([recorder.protocol], { maxConnections: 1 });
  const first = await served.dial();
  const second = await served.dial();
  await settle();
  await served[Symbol.asyncDispose]();
  assertEquals((await first.readToEnd()).length, 0);
  await second.closed;
  assertEquals(recorder.reasons.filter((each) => each === "wsiCreate").length, 1);
});
