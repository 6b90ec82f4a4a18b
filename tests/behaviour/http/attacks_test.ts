/** Attacks on the message framing, and on the port. */

import { assert, assertEquals } from "@std/assert";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import {
  answering,
  bystander,
  get,
  readPage,
  readRefusal,
  reply,
  request,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, serve, settle } from "../../support/serve.ts";
import { concat } from "../../support/frames.ts";

const encoder = new TextEncoder();

/** A text as bytes, one a character. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const ODD_REQUESTS: readonly (readonly [name: string, status: number, bytes: string])[] = [
  [
    "Content-Length with Transfer-Encoding",
    400,
    request("POST", "/", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
  ],
  ...[
    "3\r\nContent-Length: 4",
    "3\r\nContent-Length: 3",
    "3, 4",
    "3, 3",
    "+3",
    "0x3",
    "1_0",
    "-1",
    "1 2",
    "3;",
    "",
    "99999999999999999999",
    "9007199254740993",
    "\xd9\xa3",
  ].map((length) =>
    [
      `Content-Length: ${JSON.stringify(length)}`,
      400,
      request("POST", "/", `Content-Length: ${length}`) + "abc",
    ] as const
  ),
  ...[
    "identity",
    "gzip",
    "chunked, identity",
    "chunked, chunked",
    ", chunked",
    "chunked,",
    '"chunked"',
    "xchunked",
    "chunked;q=1",
    "\x0bchunked",
    "chun\x0cked",
    "chunked\0",
    "\r\n chunked",
    "",
  ].map((coding) =>
    [
      `Transfer-Encoding: ${JSON.stringify(coding)}`,
      400,
      request("POST", "/", `Transfer-Encoding: ${coding}`) + "0\r\n\r\n",
    ] as const
  ),
  [
    "a transfer coding below chunked",
    501,
    request("POST", "/", "Transfer-Encoding: gzip, chunked"),
  ],
  [
    "Transfer-Encoding in HTTP/1.0",
    400,
    "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ...[
    "0x3\r\nabc\r\n",
    "1_0\r\nabc\r\n",
    "+3\r\nabc\r\n",
    "-3\r\nabc\r\n",
    " 3\r\nabc\r\n",
    "\r\nabc\r\n",
    "g\r\nabc\r\n",
    "10000000000000000\r\nabc\r\n",
    "ffffffffffffffff\r\nabc\r\n",
    "3;a\nb\r\nabc\r\n",
    "3;a\rb\r\nabc\r\n",
    "3;a=\x01\r\nabc\r\n",
    '3;a="\x00"\r\nabc\r\n',
    "3\nabc\r\n",
    "3\rabc\r\n",
    "3\r\nabc\n",
    "3\r\nabc\r",
    "3\r\nabc0\r\n\r\n",
    "3\r\nabcd\r\n",
    "0\r\nContent-Length: 5\r\n\r\n",
    "0\r\nTransfer-Encoding: x\r\n\r\n",
    "0\r\nHost: y\r\n\r\n",
    "0\r\nAuthorization: z\r\n\r\n",
    "0\r\nbad trailer: z\r\n\r\n",
    "0\r\n: z\r\n\r\n",
    "0\r\nX: \x00\r\n\r\n",
    "0\r\nX: y\n\r\n",
  ].map((body) =>
    [
      `the chunked body ${JSON.stringify(body)}`,
      400,
      request("POST", "/", "Transfer-Encoding: chunked") + body,
    ] as const
  ),
  [
    "a chunk size that overflows",
    413,
    request("POST", "/", "Transfer-Encoding: chunked") + "fffffffff\r\n",
  ],
  ["a bare CR in a header", 400, get("/", "X: a\rb")],
  ["a NUL in a header", 400, get("/", "X: a\0b")],
  ["a DEL in a header", 400, get("/", "X: a\x7fb")],
  ["lines that end in a bare LF", 400, "GET / HTTP/1.1\nHost: x\n\n"],
  ["a blank before the colon", 400, get("/", "X : a")],
  ["an obsolete fold", 400, get("/", "X: a", " b")],
  ["a fold before the first header", 400, "GET / HTTP/1.1\r\n Host: x\r\n\r\n"],
  ["a header without a colon", 400, get("/", "nothing")],
  ["a header without a name", 400, get("/", ": x")],
  ["two blanks in the request line", 400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a blank in the target", 400, "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a tab in the request line", 400, "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a blank before the method", 400, " GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a blank behind the version", 400, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"],
  ["no version", 400, "GET /\r\nHost: x\r\n\r\n"],
  ["a lower-case version", 400, "GET / http/1.1\r\nHost: x\r\n\r\n"],
  ["HTTP/2.0", 505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"],
  ["the HTTP/2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", 400, get("/", "Host: localhost")],
  ["an empty Host", 400, get("/").replace("Host: localhost", "Host:")],
  ["a Host of blanks", 400, get("/").replace("Host: localhost", "Host:  \t ")],
  ["an empty Host in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost:\r\n\r\n"],
  ["a handshake with an empty Host", 400, handshake().replace("Host: localhost", "Host:")],
  ["a Host with a path", 400, "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"],
  ["Hosts joined by a comma", 400, "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n"],
  ["an absolute target that contradicts Host", 400, get("http://elsewhere/")],
  ["a target with userinfo", 400, get("http://user@localhost/")],
  ["a target of another scheme", 400, get("ftp://localhost/")],
  ["a target that is no path", 400, get("a")],
  ["a fragment in the target", 400, get("/a#b")],
  ["an encoded NUL in the path", 400, get("/a%00b")],
  ["an encoded line break in the path", 400, get("/a%0d%0ab")],
  ["an overlong encoding in the path", 400, get("/%c0%ae%c0%ae/")],
  ["an incomplete escape in the path", 400, get("/%4")],
  ["a byte above ASCII in the target", 400, get("/\xff")],
  ["CONNECT", 501, request("CONNECT", "x:1")],
  ["TRACE", 501, request("TRACE", "/")],
  ["a lower-case method", 501, request("get", "/")],
  ["a long method", 501, request("GETGETGETGET", "/")],
  ["a TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["another protocol's hello", 501, "SSH-2.0-OpenSSH_9.9\r\n"],
  ["NULs", 400, "\0\0\0\0"],
  ["a URI of 1 MiB", 414, get("/" + "a".repeat(1024 * 1024))],
  ["a header of 1 MiB", 431, get("/", "X: " + "a".repeat(1024 * 1024))],
  ["100,000 headers", 431, get("/", "X: y\r\n".repeat(100_000) + "X: z")],
  ["endless empty lines", 400, "\r\n".repeat(100)],
];

for (const [name, status, bytes] of ODD_REQUESTS) {
  Deno.test(`${name} is answered ${status}, costs its connection, and nobody else anything`, async () => {
    const { protocol, paths } = answering();
    await using served = serve([protocol]);
    const other = await bystander(served);
    const peer = await served.dial(get("/before"));
    assertEquals(await readPage(peer), "GET /before");
    peer.send(concat(latin1(bytes), encoder.encode(get("/smuggled"))));
    assertEquals((await readRefusal(peer)).status, status);
    await other.check();
    assert(!paths.includes("/smuggled"));
  });
}

Deno.test("random bytes are refused, whatever they are, before and behind a request", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  const other = await bystander(served);
  let seed = 7;
  for (let round = 0; round < 50; round++) {
    const noise = Uint8Array.from({ length: 2000 }, () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed >>> 24;
    });
    const peer = await served.dial();
    if (round % 2 === 1) {
      peer.send(get("/"));
      assertEquals(await readPage(peer), "GET /");
    }
    peer.send(noise);
    const { status } = await readRefusal(peer);
    assert(status === 400 || status === 501, `${status} to noise ${round}`);
  }
  await other.check();
});

/** Brings a connection into a state in which it is reset then. */
const STATES: Record<string, (peer: MemoryPeer) => void> = {
  "nothing was sent": () => {},
  "half a head has come": (peer) => peer.send("GET / HTT"),
  "half a body has come": (peer) => peer.send(request("POST", "/", "Content-Length: 9") + "abc"),
  "the body is stopped": (peer) => peer.send(request("POST", "/stop", "Content-Length: 9") + "abc"),
  "the answer is awaited": (peer) => peer.send(get("/wait")),
  "the next request waits": (peer) => peer.send(get("/wait") + get("/next")),
  "a large answer is not read": (peer) => {
    peer.transport.stopReading();
    peer.send(get("/large"));
  },
  "the next request may come": (peer) => peer.send(get("/")),
  "it was refused": (peer) => peer.send("nonsense\0"),
  "it is a WebSocket": (peer) => peer.send(handshake()),
};

for (const [state, bring] of Object.entries(STATES)) {
  Deno.test(`a reset when ${state} ends that connection once, and no other`, async () => {
    using log = captureLog();
    const recorder = record("http", (wsi, reason, _user, data) => {
      if (reason === "httpBody" && wsi.uri === "/stop") wsi.rxFlowControl(false);
      if (reason !== "http" || data === "/wait" || wsi.method === "POST") return;
      return reply(wsi, 200, data === "/large" ? "x".repeat(1_000_000) : "");
    });
    await using served = serve([recorder.protocol]);
    const other = await bystander(served);
    const peer = await served.dial();
    bring(peer);
    await settle();
    peer.reset();
    await recorder.until("wsiDestroy");
    const end = state === "it is a WebSocket" ? "closed" : "closedHttp";
    assertEquals(recorder.reasons.slice(-2), [end, "wsiDestroy"]);
    await other.check();
    assertEquals(log.lines, []);
  });
}
