/** `maxBufferedBytes`: what all connections hold together. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { constants, deflateRawSync } from "node:zlib";
import {
  type Context,
  type ContextCreationInfo,
  LwsError,
  permessageDeflate,
  prepareMessage,
  protocol,
  type Wsi,
} from "../../../mod.ts";
import { createContext } from "../../../mod.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { readResponse, serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const QUIET = { kaTime: 0 } as const;
/** Of one message that has not come whole: half of what a peer may send. */
const HALF = new Uint8Array(512 * KIB);
/** Longer than what is above the limit may last. */
const PATIENCE_MS = 5_200;

const ECHO = protocol({
  name: "echo",
  message: (wsi, _user, message) => void wsi.write(message),
});

function buffered(context: Context): number {
  return context.stats().bufferedBytes;
}

/** Opens connections, each of which does something then. */
async function crowd(
  served: ReturnType<typeof serve>,
  count: number,
  act: (peer: WebSocketPeer) => void,
  options?: { readonly headers: readonly string[] },
): Promise<WebSocketPeer[]> {
  const peers: WebSocketPeer[] = [];
  for (let i = 0; i < count; i++) {
    const peer = await served.open(options);
    peers.push(peer);
    // As the runtime's sockets are read.
    peer.peer.transport.peer.chop(64 * KIB);
    act(peer);
    await settle();
  }
  return peers;
}

const sendsHalf = (peer: WebSocketPeer) => peer.send({ opcode: 2, fin: false, payload: HALF });

Deno.test("messages that never come whole hold no more than the limit: nothing more is read, and the largest are cut in the end", async () => {
  using log = captureLog(["warn"]);
  await using served = serve([ECHO], { ...QUIET, maxBufferedBytes: 4 * MIB });
  const { context } = served;
  await crowd(served, 7, sendsHalf);
  assert(buffered(context) > 3.5 * MIB && buffered(context) <= 5 * MIB, String(buffered(context)));
  assertEquals(context.stats().servers.now, 7);
  await crowd(served, 8, sendsHalf);
  assert(buffered(context) <= 5 * MIB, String(buffered(context)));
  await served.pass(PATIENCE_MS);
  assert(buffered(context) <= 4 * MIB, String(buffered(context)));
  const { servers, limitsHit, closesByCause } = context.stats();
  assert(servers.now < 15 && servers.now >= 3, String(servers.now));
  assertEquals(closesByCause, { limit: 15 - servers.now });
  assert(limitsHit.maxBufferedBytes! > 15 - servers.now, "and that reading stopped");
  assertEquals(log.lines.length, 1);
});

Deno.test("so do compressed ones, a thousandth as long on the way", async () => {
  using _log = captureLog([]);
  const info: Partial<ContextCreationInfo> = {
    ...QUIET,
    maxBufferedBytes: 4 * MIB,
    extensions: [permessageDeflate()],
  };
  await using served = serve([ECHO], info);
  const { context } = served;
  const options = { level: 9, finishFlush: constants.Z_SYNC_FLUSH };
  const payload = new Uint8Array(deflateRawSync(new Uint8Array(MIB - 100), options));
  assert(payload.length < 1200);
  const offer = { headers: ["Sec-WebSocket-Extensions: permessage-deflate"] };
  await crowd(served, 12, (peer) => {
    peer.send({ opcode: 2, rsv: 4, fin: false, payload });
  }, offer);
  assert(buffered(context) > 3 * MIB && buffered(context) <= 5 * MIB, String(buffered(context)));
  await served.pass(PATIENCE_MS);
  assert(buffered(context) <= 4 * MIB, String(buffered(context)));
});

Deno.test("peers that never read what they had sent back hold no more than the limit", async () => {
  using _log = captureLog([]);
  await using served = serve([ECHO], { ...QUIET, maxBufferedBytes: 4 * MIB });
  const { context } = served;
  const sendMore = (peer: WebSocketPeer) => peer.send({ opcode: 2, payload: HALF });
  const peers = await crowd(served, 10, (peer) => {
    peer.peer.transport.stopReading();
    sendMore(peer);
  });
  for (let i = 0; i < 10; i++) {
    for (const peer of peers) sendMore(peer);
    await settle();
    assert(buffered(context) <= 5 * MIB, String(buffered(context)));
  }
  await served.pass(PATIENCE_MS);
  assert(buffered(context) <= 4 * MIB, String(buffered(context)));
  const { servers, closesByCause: { unsent = 0, limit = 0 }, limitsHit } = context.stats();
  assert(unsent > 0 && servers.now > 0, JSON.stringify(limitsHit));
  assertEquals(servers.now + unsent + limit, 10);
  assertEquals(limitsHit.maxUnsentBytes, undefined);
});

Deno.test("nothing is read from the largest holders, however much the program wants to; small ones go on", async () => {
  using _log = captureLog([]);
  const all: Wsi[] = [];
  await using served = serve(
    [protocol({ name: "echo", open: (wsi) => void all.push(wsi), message: keepsEcho })],
    { ...QUIET, maxBufferedBytes: 2 * MIB },
  );
  const small = await served.open();
  small.send({ opcode: 2, fin: false, payload: "a" });
  const [first] = await crowd(served, 5, sendsHalf);
  await settle();
  const answered = first!.peer.received.length;
  first!.send({ opcode: 9, payload: "?" });
  all[1]!.rxFlowControl(true);
  await settle();
  assertEquals(first!.peer.received.length, answered, "its ping waits");
  small.send({ opcode: 0, payload: "b" });
  assertEquals(await small.receiveText(), "ab");
  // What is below three quarters again has reading go on.
  for (const { context, socketFd } of all.slice(2)) context.hangupOnClient(socketFd);
  await settle();
  await served.pass(200);
  assertEquals((await first!.receive()).opcode, 10);
});

function keepsEcho(wsi: Wsi, _user: unknown, message: string | Uint8Array): void {
  wsi.write(message);
}

Deno.test("what is sent to many counts once", async () => {
  const all: Wsi[] = [];
  await using served = serve(
    [named("x", { established: (wsi) => void all.push(wsi) })],
    { ...QUIET, maxBufferedBytes: MIB },
  );
  await crowd(served, 20, (peer) => peer.peer.transport.stopReading());
  const message = prepareMessage(new Uint8Array(300 * KIB));
  for (const wsi of all) wsi.write(message);
  await settle();
  const { servers, unsentBytes, bufferedBytes } = served.context.stats();
  assertEquals(servers.now, 20);
  assert(unsentBytes > 4 * MIB);
  assert(bufferedBytes > 300 * KIB && bufferedBytes < 310 * KIB, String(bufferedBytes));
});

Deno.test("one write that would take the sum past five quarters of the limit cuts the largest at once", async () => {
  using _log = captureLog([]);
  const all: Wsi[] = [];
  await using served = serve(
    [named("x", { established: (wsi) => void all.push(wsi) })],
    { ...QUIET, maxBufferedBytes: 4 * MIB },
  );
  await crowd(served, 3, (peer) => peer.peer.transport.stopReading());
  const [small, large, last] = all;
  small!.write(new Uint8Array(MIB));
  large!.write(new Uint8Array(2 * MIB));
  await settle();
  assertEquals(last!.write(new Uint8Array(2 * MIB - 100 * KIB)), 2 * MIB - 100 * KIB, "below it");
  await settle();
  assertEquals(served.context.stats().servers.now, 3);
  assertEquals(small!.write(new Uint8Array(300 * KIB)), 300 * KIB);
  assertEquals(small!.write("more"), 4);
  await settle();
  assertEquals(served.context.stats().servers.now, 2);
  assertEquals(large!.write("more"), -1, "the largest is gone");
});

Deno.test("what the head of a request takes counts until it is answered", async () => {
  let answer = () => {};
  const http = named("http", {
    http: (wsi) => {
      answer = () => {
        wsi.respond(200, "ok");
      };
    },
  });
  await using served = serve([http], QUIET);
  const peer = await served.dial(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(5000)}\r\n\r\n`);
  await settle();
  const held = buffered(served.context);
  assert(held > 5000 && held < 5100, String(held));
  answer();
  await settle();
  assertEquals(buffered(served.context), 0);
  peer.close();
});

Deno.test("what waits behind a request counts until it is read", async () => {
  const asked: PromiseWithResolvers<Response>[] = [];
  const fetch = () => {
    const answer = Promise.withResolvers<Response>();
    asked.push(answer);
    return answer.promise;
  };
  await using served = serve([], { ...QUIET, fetch });
  const head = `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(3000)}\r\n\r\n`;
  const peer = await served.dial(head + head);
  await settle();
  assertEquals(buffered(served.context), 2 * head.length);
  asked[0]!.resolve(new Response("1"));
  assertEquals((await readResponse(peer)).body, "1");
  await settle();
  assertEquals(buffered(served.context), head.length);
  asked[1]!.resolve(new Response("2"));
  assertEquals((await readResponse(peer)).body, "2");
  await settle();
  assertEquals(buffered(served.context), 0);
  peer.close();
});

Deno.test("a part of a head counts until the rest has come and is answered at once", async () => {
  const http = named("http", { http: (wsi) => void wsi.respond(200, "ok") });
  await using served = serve([http], QUIET);
  const peer = await served.dial("GET / HTTP/1.1\r\nHos");
  await settle();
  assertEquals(buffered(served.context), 19);
  peer.send("t: x\r\n\r\n");
  assertEquals((await readResponse(peer)).body, "ok");
  assertEquals(buffered(served.context), 0);
  peer.close();
});

Deno.test("what is left of a message that is inflated counts until the program goes on", async () => {
  const lengths: number[] = [];
  let stopped: Wsi | undefined;
  const stops = named("stops", {
    receive: (wsi, _user, piece) => {
      lengths.push(piece.length);
      if (stopped !== undefined) return;
      stopped = wsi;
      wsi.rxFlowControl(false);
    },
  });
  await using served = serve([stops], { ...QUIET, extensions: [permessageDeflate()] });
  const { context } = served;
  const payload = new Uint8Array(
    deflateRawSync(new Uint8Array(256 * KIB), { finishFlush: constants.Z_SYNC_FLUSH }),
  ).subarray(0, -4);
  const peer = await served.open({ headers: ["Sec-WebSocket-Extensions: permessage-deflate"] });
  peer.send({ opcode: 2, rsv: 4, payload });
  await settle();
  assert(buffered(context) > 0, `${lengths}`);
  stopped!.rxFlowControl(true);
  await settle();
  assertEquals(lengths.reduce((sum, length) => sum + length), 256 * KIB);
  assertEquals(buffered(context), 0);
});

Deno.test("those that hold nothing don't make a small holder a large one", async () => {
  using _log = captureLog([]);
  await using served = serve([ECHO], { ...QUIET, maxBufferedBytes: 2 * MIB });
  await crowd(served, 60, () => {});
  const [small] = await crowd(served, 1, (peer) => {
    peer.send({ opcode: 2, fin: false, payload: new Uint8Array(40 * KIB) });
  });
  await crowd(served, 4, sendsHalf);
  assertEquals(served.context.stats().limitsHit.maxBufferedBytes, 1);
  small!.send({ opcode: 0, payload: "b" });
  assertEquals((await small!.receive()).payload.length, 40 * KIB + 1);
});

Deno.test("bodies that fetch wants whole count until they are, and the largest are cut", async () => {
  using log = captureLog(["warn", "err"]);
  const failed: string[] = [];
  await using served = serve([ECHO], {
    ...QUIET,
    maxBufferedBytes: 4 * MIB,
    fetch: async (request) => {
      if (request.url.endsWith("/streamed")) { for await (const _piece of request.body!); }
      const whole = await request.arrayBuffer().catch((error) => {
        failed.push(error.code);
        throw error;
      });
      return new Response(String(whole.byteLength));
    },
  });
  const { context } = served;
  const send = async (path: string) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${HALF.length + 1}\r\n\r\n`;
    const peer = await served.dial(head);
    peer.send(HALF);
    await settle();
    return peer;
  };
  for (let i = 0; i < 8; i++) await send("/streamed");
  assert(buffered(context) < 64 * KIB, String(buffered(context)));
  const whole = await send("/whole");
  assert(buffered(context) >= HALF.length, String(buffered(context)));
  whole.send("!");
  assertMatch((await readResponse(whole)).head, /^HTTP\/1\.1 200 /);
  assert(buffered(context) < 64 * KIB, String(buffered(context)));
  for (let i = 0; i < 15; i++) await send("/whole");
  assert(buffered(context) <= 5 * MIB, String(buffered(context)));
  await served.pass(PATIENCE_MS);
  assert(buffered(context) <= 4 * MIB, String(buffered(context)));
  assert(failed.length > 0 && failed.every((code) => code === "connection-closed"), `${failed}`);
  assert(log.lines.some((each) => each.includes("maxBufferedBytes")));
});

Deno.test("what a program doesn't receive counts, and what a loop hasn't taken", async () => {
  const all: Wsi[] = [];
  await using served = serve([named("x", { established: (wsi) => void all.push(wsi) })], QUIET);
  const { context } = served;
  const peer = await served.open();
  const loop = all[0]!.messages();
  const first = loop.next();
  peer.send({ opcode: 2, payload: new Uint8Array(100) }, {
    opcode: 2,
    payload: new Uint8Array(900),
  });
  await first;
  await settle();
  const held = buffered(context);
  assert(held >= 900 && held < 1100, String(held));
  await loop.next();
  assertEquals(buffered(context), 0);
});

Deno.test("maxBufferedBytes is a whole number from 1024, or Infinity", async () => {
  const make = (maxBufferedBytes: unknown) => () =>
    createContext({
      network: new MemoryNetwork(),
      clock: new FakeClock(),
      port: 0,
      protocols: [ECHO],
      maxBufferedBytes: maxBufferedBytes as number,
    });
  for (const value of [0, 1023, 1024.5, NaN, "1024", -1]) {
    assertThrows(make(value), LwsError, "maxBufferedBytes");
  }
  for (const value of [1024, Infinity]) await make(value)().destroy();
});
