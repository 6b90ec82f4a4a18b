/**
 * One turn of the event loop is shared by all connections. Time is the test's: each callback takes a
 * millisecond, and the loop comes round when the test says so.
 */

import { assertEquals } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { ContextCreationInfo } from "../../../mod.ts";
import { deflateFrame, deflateStream, permessageDeflate } from "../../../mod.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { get, reply, request } from "../../support/http.ts";
import { leaveBy, LoopClock } from "../../support/clocks/loop_clock.ts";
import { record } from "../../support/recorder.ts";
import { serve, type Served, settle } from "../../support/serve.ts";

const COUNT = 20;
const many = (bytes: Uint8Array) => concat(...Array.from({ length: COUNT }, () => bytes));
const text = (value: string) => new TextEncoder().encode(value);

interface Flood {
  readonly bytes: Uint8Array;
  /** What comes of it, this often. */
  readonly reason: string;
  readonly count: number;
  /** Whether it is of a WebSocket, and with which header. */
  readonly open?: { readonly headers: readonly string[] };
}

const SOCKET = { headers: [] };

const flushed = (bytes: Uint8Array) => deflateRawSync(bytes, { finishFlush: 2 });
/** A message that is a few bytes on the wire; 4 KiB are one piece. */
const zeros = (length: number) => {
  const bytes = flushed(new Uint8Array(length));
  return bytes.subarray(0, bytes.length - 4);
};
const offering = (name: string) => ({ headers: [`Sec-WebSocket-Extensions: ${name}`] });

const FLOODS: Record<string, Flood> = {
  "messages of one byte": {
    bytes: many(frame({ opcode: 2, payload: "x", key: KEY })),
    reason: "receive",
    count: COUNT,
    open: SOCKET,
  },
  "empty pongs": {
    bytes: many(frame({ opcode: 10, key: KEY })),
    reason: "receivePong",
    count: COUNT,
    open: SOCKET,
  },
  "pipelined requests": { bytes: many(text(get("/"))), reason: "http", count: COUNT },
  // A chunk and what is around it are 4096 bytes: as many as one piece is made of.
  "chunks of a piece": {
    bytes: concat(
      text(request("POST", "/", "Transfer-Encoding: chunked")),
      many(text(`ff9\r\n${"x".repeat(0xff9)}\r\n`)),
      text("0\r\n\r\n"),
    ),
    reason: "httpBody",
    count: COUNT,
  },
  "compressed zeros": {
    bytes: many(frame({ opcode: 2, rsv: 4, payload: zeros(4096), key: KEY })),
    reason: "receive",
    count: COUNT,
    open: offering("permessage-deflate"),
  },
  "compressed zeros in one message": {
    bytes: frame({ opcode: 2, rsv: 4, payload: zeros(64 * 4096), key: KEY }),
    reason: "receive",
    count: 64,
    open: offering("permessage-deflate"),
  },
  "zeros in one frame of deflate-frame": {
    bytes: frame({ opcode: 2, rsv: 4, payload: zeros(64 * 4096), key: KEY }),
    reason: "receive",
    count: 64,
    open: offering("deflate-frame"),
  },
  "zeros in a deflate-stream": {
    bytes: flushed(frame({ opcode: 2, payload: new Uint8Array(64 * 4096), key: KEY })),
    reason: "receive",
    count: 64,
    open: offering("deflate-stream"),
  },
};

function setUp(info: Partial<ContextCreationInfo> = {}) {
  const clock = new LoopClock();
  const told: string[] = [];
  const { protocol, until, reasons } = record("http", (wsi, reason, _user, data) => {
    if (reason === "receive" && wsi.remainingPacketPayload === 0 && wsi.isFinalFragment) {
      told.push(new TextDecoder().decode(data).slice(0, 9));
    }
    if (["receive", "receivePong", "http", "httpBody"].includes(reason)) clock.time++;
    if (reason === "http" && wsi.method === "GET" || reason === "httpBodyCompletion") {
      return reply(wsi);
    }
  });
  const served = serve([{ ...protocol, rxBufferSize: 4096 }], {
    kaTime: 0,
    extensions: [permessageDeflate(), deflateFrame(), deflateStream()],
    ...info,
    clock,
  });
  const countOf = (reason: string) => reasons.filter((each) => each === reason).length;
  return { clock, told, served, until, countOf };
}

async function begin(served: Served, { open }: Flood) {
  return open === undefined ? await served.dial() : (await served.open(open)).peer;
}

for (const [name, flood] of Object.entries(FLOODS)) {
  Deno.test(`${name} stop when the time of a turn is used up, and go on turn by turn`, async () => {
    const { clock, served, countOf } = setUp();
    (await begin(served, flood)).send(flood.bytes);
    await settle();
    const counts = [countOf(flood.reason)];
    while (counts.at(-1)! < flood.count && counts.length < 100) {
      await clock.comeRound();
      counts.push(countOf(flood.reason));
    }
    assertEquals(counts.at(-1), flood.count);
    const steps = counts.map((count, i) => count - (counts[i - 1] ?? 0));
    assertEquals(steps.every((step) => step <= 5), true, steps.join(" "));
    await leaveBy(clock, served.context);
  });

  Deno.test(`${name} are all told before the end that came behind them`, async () => {
    const { clock, served, countOf } = setUp();
    const peer = await begin(served, flood);
    peer.send(flood.bytes);
    peer.end();
    const last = flood.open === undefined ? "closedHttp" : "closed";
    for (let i = 0; i < 100 && countOf(last) === 0; i++) await clock.comeRound();
    assertEquals(countOf(flood.reason), flood.count);
    await leaveBy(clock, served.context);
  });

  Deno.test(`a neighbour is served before the rest of ${name}`, async () => {
    const { clock, told, served, countOf } = setUp();
    const neighbour = await served.open();
    (await begin(served, flood)).send(flood.bytes);
    await settle();
    neighbour.send({ opcode: 1, payload: "neighbour" });
    await settle();
    assertEquals(told.includes("neighbour"), false, "the turn is over for all");
    const before = countOf(flood.reason);
    await clock.comeRound();
    assertEquals(told.includes("neighbour"), true);
    const own = flood.reason === "receive" ? 1 : 0;
    assertEquals(countOf(flood.reason) - before - own <= 4, true);
    await leaveBy(clock, served.context);
  });
}

Deno.test("who waits for a turn may be stopped, and goes on when both allow it", async () => {
  const flood = FLOODS["messages of one byte"]!;
  const clock = new LoopClock();
  let count = 0;
  let go = (_enable: boolean) => {};
  const { protocol } = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "receive") return;
    clock.time++;
    count++;
    go = (enable) => void wsi.rxFlowControl(enable);
  });
  const served = serve([protocol], { clock, kaTime: 0 });
  const { peer } = await served.open();
  peer.send(flood.bytes);
  await settle();
  const first = count;
  assertEquals(first < COUNT, true);
  go(false);
  for (let i = 0; i < 5; i++) await clock.comeRound();
  assertEquals(count, first);
  go(true);
  for (let i = 0; i < 20; i++) await clock.comeRound();
  assertEquals(count, COUNT);
  await leaveBy(clock, served.context);
});

Deno.test("whose connection goes while it waits is told nothing more", async () => {
  const flood = FLOODS["messages of one byte"]!;
  const { clock, served, countOf, until } = setUp();
  const peer = await begin(served, flood);
  peer.send(flood.bytes);
  await settle();
  const before = countOf("receive");
  peer.reset();
  await until("closed");
  for (let i = 0; i < 20; i++) await clock.comeRound();
  assertEquals(countOf("receive"), before);
  await leaveBy(clock, served.context);
});

Deno.test("whose context ends while it waits leaves no timer behind", async () => {
  const flood = FLOODS["messages of one byte"]!;
  const { clock, served, until } = setUp();
  const peer = await begin(served, flood);
  peer.send(flood.bytes);
  await settle();
  peer.reset();
  await until("closed");
  assertEquals(clock.timers > 0, true);
  await served.context.destroy();
  assertEquals(clock.timers, 0);
});
