/** `context.stats().limitsHit`: each limit by its name. */

import { assertEquals } from "@std/assert";
import type { ContextCreationInfo, LimitName, Wsi } from "../../../mod.ts";
import type { FrameOptions } from "../../support/frames.ts";
import { reply } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

/** One way to hit each limit that a server has, which has no other one hit. */
const HITS: Partial<
  Record<LimitName, {
    readonly info?: Partial<ContextCreationInfo>;
    /** What is sent, and nothing after it. */
    readonly sent?: string;
    /** On how many connections. Default: `1`. */
    readonly times?: number;
    /** Frames behind a handshake. */
    readonly frames?: readonly FrameOptions[];
    readonly act?: (wsi: Wsi) => void;
    readonly waitMs?: number;
  }>
> = {
  maxHeaderBytes: {
    info: { maxHeaderBytes: 100 },
    sent: `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100)}\r\n\r\n`,
  },
  maxHeaderFields: {
    info: { maxHeaderFields: 1 },
    sent: "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n",
  },
  maxBodySize: {
    info: { maxBodySize: 1 },
    sent: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n",
  },
  headerTimeoutMs: { sent: "GET /", waitMs: 6_000 },
  contentTimeoutMs: {
    info: { minBodyRate: 0 },
    sent: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n",
    waitMs: 31_000,
  },
  minBodyRate: {
    info: { contentTimeoutMs: 100_000 },
    sent: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n",
    waitMs: 31_000,
  },
  keepAliveTimeoutMs: { sent: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", waitMs: 16_000 },
  maxFramePayload: {
    info: { maxFramePayload: 10 },
    frames: [{ opcode: 2, payload: new Uint8Array(11) }],
  },
  maxMessageSize: {
    info: { maxMessageSize: 10 },
    frames: [{ opcode: 2, payload: new Uint8Array(11) }],
  },
  maxFragments: {
    info: { maxFragments: 1 },
    frames: [{ opcode: 2, fin: false, payload: "x" }, { opcode: 0, payload: "x" }],
  },
  maxEmptyFragments: {
    info: { maxEmptyFragments: 0 },
    frames: [{ opcode: 2, fin: false }, { opcode: 0 }],
  },
  maxUnsentBytes: {
    info: { maxUnsentBytes: 1024 },
    act(wsi) {
      wsi.write(new Uint8Array(1_000));
      wsi.write(new Uint8Array(1_000));
    },
  },
  closeTimeoutMs: { act: (wsi) => void wsi.close(), waitMs: 6_000 },
  maxPendingHandshakes: { info: { maxPendingHandshakes: 1 }, sent: "", times: 2 },
  maxConnections: { info: { maxConnections: 1 }, sent: "" },
  maxMessagesPerSecond: {
    info: { maxMessagesPerSecond: 1 },
    frames: [{ opcode: 1 }, { opcode: 1 }],
  },
  maxBytesPerSecond: {
    info: { maxBytesPerSecond: 1, rateExcess: "close" },
    frames: [{ opcode: 1, payload: "xy" }],
  },
  idleTimeoutMs: { info: { idleTimeoutMs: 1_000 }, act() {}, waitMs: 1_100 },
  maxLifetimeMs: { info: { maxLifetimeMs: 1_000 }, act() {}, waitMs: 1_100 },
  "topics.maxUnsent": {
    info: { topics: { maxUnsent: 10 } },
    act(wsi) {
      wsi.subscribe("t");
      wsi.write(new Uint8Array(1_000));
      wsi.context.publish("t", "x");
    },
  },
  "topics.maxPerConnection": {
    info: { topics: { maxPerConnection: 1 } },
    act: (wsi) => void [wsi.subscribe("1"), wsi.subscribe("2")],
  },
  "topics.maxTopics": {
    info: { topics: { maxTopics: 1 } },
    act: (wsi) => void [wsi.subscribe("1"), wsi.subscribe("2")],
  },
  "topics.maxPublication": {
    info: { topics: { maxPublication: 1 } },
    act: (wsi) => void wsi.context.publish("1", "12"),
  },
};

for (const [name, hit] of Object.entries(HITS)) {
  Deno.test(`limitsHit has ${name} when that is hit, and only then`, async () => {
    using _log = captureLog([]);
    const all: Wsi[] = [];
    await using served = serve([named("x", {
      established: (wsi) => void all.push(wsi),
      message() {},
      http: (wsi) => wsi.method === "GET" ? reply(wsi) : 0,
    })], { kaTime: 0, ...hit.info });
    assertEquals(served.context.stats().limitsHit, {});
    if (hit.sent !== undefined) {
      for (let i = 0; i < (hit.times ?? 1); i++) await served.dial(hit.sent);
    } else {
      const socket = await served.open();
      if (hit.frames !== undefined) socket.send(...hit.frames);
      hit.act?.(all[0]!);
    }
    await settle();
    if (hit.waitMs !== undefined) {
      assertEquals(served.context.stats().limitsHit, {}, "not before its time");
      await served.pass(hit.waitMs);
    }
    assertEquals(served.context.stats().limitsHit, { [name]: 1 });
  });
}

Deno.test("limitsHit has maxConnectionsPerAddress for each connection that is refused", async () => {
  using _log = captureLog([]);
  await using served = serve([named("x", {})], { maxConnectionsPerAddress: 1 });
  await served.dial();
  await settle();
  assertEquals(served.context.stats().limitsHit, {});
  for (let i = 0; i < 2; i++) await (await served.dial()).readToEnd();
  const { limitsHit, http } = served.context.stats();
  assertEquals(limitsHit, { maxConnectionsPerAddress: 2 });
  assertEquals(http, { now: 1, ever: 1 });
});
