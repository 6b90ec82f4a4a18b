/** The handshake of version 0, hixie-76, whose last eight bytes stand behind its head. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Context, ServicePolicy, Wsi } from "../../../mod.ts";
import { answering, bystander, fieldOf, readRefusal, statusOf } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, serve, type Served, settle } from "../../support/serve.ts";
import { CHALLENGE, PROOF, readAnswer, requestOf } from "./old_peers.ts";

const REQUEST = requestOf(0);
const HEAD = REQUEST.slice(0, -CHALLENGE.length);
/** The timers' grain: a timeout may come so much later, and never earlier. */
const TICK_MS = 16;
const SPOKEN = { versions: [0, 13] } as const;

/** Answers to handshakes whose parts are sent one after the other, each when the last was looked at. */
async function shake(served: Served, ...parts: string[]): Promise<{ head: string; proof: string }> {
  const peer = await served.dial();
  for (const part of parts) {
    assertEquals(peer.received.length, 0, `something came before ${JSON.stringify(part)}`);
    peer.send(part);
    await settle();
  }
  const answer = await readAnswer(peer, 0);
  peer.close();
  return answer;
}

Deno.test("head and eight bytes may be cut anywhere, and nothing is answered before the last one", async () => {
  const chat = record("chat");
  await using served = serve([chat.protocol], SPOKEN);
  for (let cut = 1; cut < REQUEST.length; cut++) {
    const { head, proof } = await shake(served, REQUEST.slice(0, cut), REQUEST.slice(cut));
    assertEquals([statusOf(head), proof], [101, PROOF], `cut at ${cut}`);
  }
  const bytes = await shake(served, ...REQUEST);
  assertEquals([statusOf(bytes.head), bytes.proof], [101, PROOF]);
  assertEquals(chat.reasons.filter((each) => each === "established").length, REQUEST.length);
});

Deno.test("no callback hears of a handshake whose eight bytes are missing", async () => {
  const chat = record("chat");
  await using served = serve([chat.protocol], SPOKEN);
  const peer = await served.dial(HEAD + CHALLENGE.slice(0, 7));
  await settle();
  assertEquals(chat.reasons.at(-1), "serverNewClientInstantiated");
  peer.send(CHALLENGE.slice(7));
  await readAnswer(peer, 0);
  assertEquals(chat.reasons.slice(-2), ["filterProtocolConnection", "established"]);
  peer.close();
});

Deno.test("what is wrong with a head is answered at once, without its eight bytes", async () => {
  await using served = serve([record("chat").protocol], SPOKEN);
  const bad = HEAD.replace("4 @1  46546xW%0l 1 5", "4 @1  46546xW%0l 1 6");
  const { status, head } = await readRefusal(await served.dial(bad));
  assertEquals(status, 400);
  assertEquals(fieldOf(head, "connection"), "close");
});

Deno.test("the eight bytes are within the time of the head, and end with it", async () => {
  const chat = record("chat");
  await using served = serve([chat.protocol], { ...SPOKEN, headerTimeoutMs: 1000 });
  const peer = await served.dial(HEAD + CHALLENGE.slice(0, 4));
  await settle();
  await served.pass(999);
  assertEquals(peer.received.length, 0);
  await served.pass(TICK_MS);
  assertEquals(statusOf(await readHead(peer)), 408);
  peer.close();
  // In time is in time, and nothing of it is due afterwards.
  const other = await served.dial(HEAD);
  await settle();
  await served.pass(999);
  other.send(CHALLENGE);
  assertEquals((await readAnswer(other, 0)).proof, PROOF);
  await served.pass(5000);
  assertEquals(other.ended, false);
  other.close();
});

Deno.test("a peer that ends, or goes, in front of the last byte ends its connection", async () => {
  const chat = record("chat");
  await using served = serve([chat.protocol], SPOKEN);
  const peer = await served.dial(HEAD + CHALLENGE.slice(0, 7));
  await settle();
  peer.end();
  assertEquals((await peer.readToEnd()).length, 0);
  const gone = await served.dial(HEAD);
  await settle();
  gone.reset();
  await settle();
  assertEquals(chat.reasons.filter((each) => each === "wsiDestroy").length, 2);
  assert(!chat.reasons.includes("filterProtocolConnection"));
});

Deno.test("a head of the longest length is taken with its eight bytes, a longer one is not", async () => {
  for (const [room, status] of [[HEAD.length, 101], [HEAD.length - 1, 431]] as const) {
    await using served = serve([record("chat").protocol], { ...SPOKEN, maxHeaderBytes: room });
    for (const parts of [[REQUEST], [HEAD, CHALLENGE], [...REQUEST]]) {
      if (status === 431 && parts.length > 2) continue;
      const peer = await served.dial();
      for (const part of parts) peer.send(part);
      assertEquals(statusOf((await readAnswer(peer, 0)).head), status);
      peer.close();
    }
  }
});

Deno.test("the program can read keys and the eight bytes until established has returned", async () => {
  const seen: unknown[] = [];
  const tell = (wsi: Wsi) =>
    void seen.push([
      wsi.hdrCopy("sec-websocket-key1"),
      wsi.hdrCopy("sec-websocket-key2"),
      wsi.hdrCopy("challenge body"),
      wsi.hdrTotalLength("challenge body"),
      wsi.hdrSnapshot().get("challenge body"),
      wsi.hdrCopyFragment("challenge body", 0),
    ]);
  const chat = named("chat", { filterProtocolConnection: tell, established: tell, message: tell });
  await using served = serve([chat], SPOKEN);
  const peer = await served.dial(requestOf(0).replace(CHALLENGE, "\x00\x7f[K T2\r"));
  await readAnswer(peer, 0);
  const bytes = "\x00\x7f[K T2\r";
  const expected = ["4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", bytes, 8, bytes, bytes];
  assertEquals(seen, [expected, expected]);
  peer.close();
});

Deno.test("eight bytes above ASCII are one character each, and count as they are", async () => {
  let seen: string | undefined;
  const chat = named("chat", {
    filterProtocolConnection: (wsi) => void (seen = wsi.hdrCopy("challenge body")),
  });
  await using served = serve([chat], { ...SPOKEN, tokenLimits: { "challenge body": 6 } });
  using _log = captureLog([]);
  const peer = await served.dial(HEAD);
  peer.send(Uint8Array.of(0xff, 0x80, 0xfe, 0, 1, 2, 3, 4));
  const { proof } = await readAnswer(peer, 0);
  assertEquals(proof.length, 16);
  assertEquals(seen, "\xff\x80\xfe\0\x01\x02");
  peer.close();
});

Deno.test("other requests have no eight bytes", async () => {
  const seen: unknown[] = [];
  const tell = (wsi: Wsi) => void seen.push(wsi.hdrCopy("challenge body"));
  const chat = named("chat", { filterProtocolConnection: tell });
  await using served = serve([chat], { versions: ["hixie-75", 13] });
  for (const version of ["hixie-75", 13] as const) {
    const peer = await served.dial(requestOf(version));
    await readAnswer(peer, version);
    peer.close();
  }
  assertEquals(seen, [undefined, undefined]);
});

Deno.test("a filter may take its time, say no, and answer by itself", async () => {
  const verdict = Promise.withResolvers<0 | 1>();
  await using served = serve([
    named("waits", { filterProtocolConnection: () => verdict.promise }),
    named("refuses", { filterProtocolConnection: () => 1 }),
    named("answers", {
      filterProtocolConnection(wsi) {
        wsi.returnHttpStatus(401, undefined, [["www-authenticate", "Basic"]]);
        return 1;
      },
    }),
  ], SPOKEN);
  const waiting = await served.dial(requestOf(0, { protocol: "waits" }));
  await settle();
  assertEquals(waiting.received.length, 0);
  verdict.resolve(0);
  assertEquals((await readAnswer(waiting, 0)).proof, PROOF);
  waiting.close();
  for (const [protocol, status] of [["refuses", 403], ["answers", 401]] as const) {
    const refusal = await readRefusal(await served.dial(requestOf(0, { protocol })));
    assertEquals(refusal.status, status);
  }
});

Deno.test("a subprotocol is one name, and one that isn't spoken here is refused", async () => {
  await using served = serve([record("chat").protocol, record("more").protocol], SPOKEN);
  for (const protocol of ["chat, more", "chat more", "other"]) {
    const { status } = await readRefusal(await served.dial(requestOf(0, { protocol })));
    assertEquals(status, 400, protocol);
  }
});

Deno.test("what a filter adds stands in the head, in front of the proof", async () => {
  const chat = named("chat", {
    filterProtocolConnection(_wsi, _user, filter) {
      filter.add("Set-Cookie", "a=b");
      for (const name of ["Sec-WebSocket-Location", "websocket-origin", "Sec-WebSocket-Nonce"]) {
        let refused = "";
        try {
          filter.add(name, "x");
        } catch (error) {
          refused = (error as Error).message;
        }
        assertStringIncludes(refused, "set by the handshake itself");
      }
    },
  });
  await using served = serve([chat], SPOKEN);
  const peer = await served.dial(REQUEST);
  const { head, proof } = await readAnswer(peer, 0);
  assertEquals([fieldOf(head, "set-cookie"), proof], ["a=b", PROOF]);
  peer.close();
});

Deno.test("behind a proxy with TLS that is believed the location is wss", async () => {
  const request = requestOf(0, {
    origin: "https://localhost",
    headers: ["X-Forwarded-Proto: https"],
  });
  for (const trustProxy of [["127.0.0.1"], false] as const) {
    using _log = captureLog([]);
    await using served = serve([record("chat").protocol], {
      ...SPOKEN,
      trustProxy,
      allowedOrigins: ["https://localhost"],
    });
    const peer = await served.dial(request);
    const { head } = await readAnswer(peer, 0);
    const scheme = trustProxy === false ? "ws" : "wss";
    assertEquals(fieldOf(head, "sec-websocket-location"), `${scheme}://localhost/`);
    peer.close();
  }
});

Deno.test("a PROXY header, the head and the eight bytes may come in one read, or in many", async () => {
  const header = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";
  await using served = serve([record("chat").protocol], { ...SPOKEN, proxyProtocol: true });
  const whole = header + REQUEST;
  for (const parts of [[whole], [...whole], [header + HEAD, CHALLENGE]]) {
    assertEquals((await shake(served, ...parts)).proof, PROOF);
  }
});

Deno.test("on a connection that has served requests the handshake is one more", async () => {
  const { protocol } = answering();
  await using served = serve([protocol, record("chat").protocol], SPOKEN);
  const other = await bystander(served);
  const peer = await served.dial("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n" + REQUEST);
  const page = await readHead(peer);
  assertEquals(statusOf(page), 200);
  await peer.readBytes(Number(fieldOf(page, "content-length")));
  assertEquals((await readAnswer(peer, 0)).proof, PROOF);
  peer.close();
  await other.check();
});

/** Calls service until nothing is left to do. */
async function pump(context: Context, service: ServicePolicy): Promise<void> {
  await settle();
  for (let i = 0; service !== "automatic" && i < 10; i++) await context.service(0);
  await settle();
}

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`service ${service}: a handshake in two parts is answered when it is served`, async () => {
    const chat = record("chat");
    await using served = serve([chat.protocol], { ...SPOKEN, service });
    const peer = await served.dial(HEAD);
    await pump(served.context, service);
    peer.send(CHALLENGE.slice(0, 3));
    await pump(served.context, service);
    assertEquals(peer.received.length, 0);
    peer.send(CHALLENGE.slice(3));
    await settle();
    assertEquals(chat.reasons.includes("established"), service === "automatic");
    await pump(served.context, service);
    assertEquals((await readAnswer(peer, 0)).proof, PROOF);
    assert(chat.reasons.includes("established"));
    peer.close();
    await pump(served.context, service);
  });
}
