/** What is on its way to a slow peer: it has time as long as something of it leaves. */

import { assert, assertEquals } from "@std/assert";
import { serve, settle } from "../../support/serve.ts";
import { pause, SIP, SippingPeer } from "../../support/sipping_peer.ts";
import { named } from "../../support/named.ts";

const SIZE = 40 * SIP;
const LIMITS = {
  sendTimeoutMs: 2_000,
  closeTimeoutMs: 2_000,
  keepAliveTimeoutMs: 2_000,
  kaTime: 0,
};
/** Between two sips; forty take longer than any limit. */
const SLOW_MS = 1_000;

interface Rig extends AsyncDisposable {
  readonly peer: SippingPeer;
  readonly ends: readonly string[];
  advance(ms: number): void;
}

async function rig(head: string, parts: number): Promise<Rig> {
  const ends: string[] = [];
  const served = serve([named("slow", {
    http(wsi) {
      wsi.writeHttpHeaders(200, [["content-length", String(SIZE)]]);
      const part = new Uint8Array(SIZE / parts);
      for (let i = 1; i <= parts; i++) wsi.write(part, i === parts ? "httpFinal" : "http");
      return wsi.httpTransactionCompleted();
    },
    established(wsi) {
      const part = new Uint8Array(SIZE / parts);
      for (let i = 0; i < parts; i++) wsi.write(part, "binary");
      wsi.close(3000, "that was all");
    },
    closed: () => void ends.push("closed"),
    closedHttp: () => void ends.push("closedHttp"),
  })], LIMITS);
  const target = { hostname: "127.0.0.1", port: 80 };
  const peer = new SippingPeer(await served.network.connect(target, new AbortController().signal));
  peer.send(new TextEncoder().encode(head));
  await settle();
  return {
    peer,
    ends,
    advance: (ms) => served.clock.advance(ms),
    async [Symbol.asyncDispose]() {
      peer.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a peer that pings in place of answering our close is cut all the same", async () => {
  const causes: string[] = [];
  await using served = serve([named("slow", {
    established: (wsi) => void wsi.close(3000),
    closed: (_wsi, _user, { cause, wasClean }) => void causes.push(`${cause} ${wasClean}`),
  })], LIMITS);
  const socket = await served.open();
  assertEquals(await socket.receiveClose(), { code: 3000, reason: "" });
  for (let i = 0; i < 10 && causes.length === 0; i++) {
    socket.send({ opcode: 9, payload: "still busy" });
    await settle();
    await served.pass(500);
  }
  assertEquals(causes, ["self false"]);
});

const KEPT = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const CLOSED = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

for (
  const [what, head] of [
    ["an answer", KEPT],
    ["an answer that is the last", CLOSED],
    ["a message in front of our close frame", UPGRADE],
  ] as const
) {
  for (const parts of [1, 20]) {
    Deno.test(`${what} in ${parts} writes reaches a peer that takes it sip by sip`, async () => {
      await using slow = await rig(head, parts);
      let taken = 0;
      for (let i = 0; i < 60 && taken < SIZE; i++) {
        slow.peer.sip();
        await pause();
        taken += slow.peer.received.length;
        slow.peer.received = new Uint8Array(0);
        slow.advance(SLOW_MS);
        await pause();
      }
      assert(taken >= SIZE, `${taken}`);
      assertEquals(slow.peer.isGone, false);
    });

    Deno.test(`${what} in ${parts} writes is given up when the peer takes no more`, async () => {
      await using slow = await rig(head, parts);
      for (let i = 0; i < 10; i++) {
        slow.peer.sip();
        await pause();
        slow.advance(SLOW_MS);
      }
      await settle();
      assertEquals(slow.ends, []);
      slow.advance(5_000);
      await settle();
      assertEquals(slow.ends.length, 1);
    });
  }
}
