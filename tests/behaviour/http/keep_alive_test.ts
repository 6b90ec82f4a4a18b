/** Requests behind each other on a connection: keep-alive and pipelining (RFC 9112 section 9.3). */

import { assertEquals } from "@std/assert";
import { type Wsi } from "../../../mod.ts";
import {
  answering,
  fieldOf,
  get,
  readPage,
  readRefusal,
  request,
  statusOf,
} from "../../support/http.ts";
import { dialAlone, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

Deno.test("requests in one packet are answered in order, however many", async () => {
  const { protocol } = answering();
  await using peer = await dialAlone([protocol]);
  const targets = Array.from({ length: 20 }, (_, i) => `/${i}`);
  peer.send(targets.map((target) => get(target)).join(""));
  for (const target of targets) assertEquals(await readPage(peer), `GET ${target}`);
});

/** Requests of all framings behind each other, and what `answering` says to them. */
const SEQUENCE = get("/a") + request("POST", "/b", "Content-Length: 5") + "hello" +
  request("PUT", "/c", "Transfer-Encoding: chunked") +
  "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: z\r\n\r\n" +
  request("POST", "/d", "Content-Length: 0") + get("/e");

const ANSWERS = ["GET /a", "POST /b hello", "PUT /c abcde", "POST /d ", "GET /e"];

Deno.test("requests split at any byte are the same requests", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  for (let split = 1; split < SEQUENCE.length; split++) {
    const peer = await served.dial(SEQUENCE.slice(0, split));
    await settle();
    peer.send(SEQUENCE.slice(split));
    for (const answer of ANSWERS) assertEquals(await readPage(peer), answer, `split at ${split}`);
    peer.close();
  }
});

Deno.test("requests that come byte by byte are the same requests", async () => {
  const { protocol } = answering();
  await using peer = await dialAlone([protocol]);
  peer.transport.peer.chop(1);
  peer.send(SEQUENCE);
  for (const answer of ANSWERS) assertEquals(await readPage(peer), answer);
});

Deno.test("the next request waits until the one before it is answered", async () => {
  const waiting: Wsi[] = [];
  const seen: string[] = [];
  await using served = serve([named("http", {
    http(wsi, _user, path) {
      seen.push(path);
      waiting.push(wsi);
    },
  })]);
  const peer = await served.dial(get("/1") + get("/2"));
  peer.send(get("/3"));
  for (let i = 1; i <= 3; i++) {
    await settle();
    assertEquals(seen, ["/1", "/2", "/3"].slice(0, i));
    const wsi = waiting.pop()!;
    assertEquals(wsi.uri, `/${i}`);
    assertEquals(wsi.returnHttpStatus(200, String(i)), 0);
    assertEquals(wsi.httpTransactionCompleted(), 0);
    assertEquals(await readPage(peer), String(i));
  }
});

Deno.test("a body on GET is its body, and the next request comes behind it", async () => {
  const { protocol, paths } = answering();
  await using peer = await dialAlone([protocol]);
  const smuggled = get("/smuggled");
  peer.send(request("GET", "/a", `Content-Length: ${smuggled.length}`) + smuggled + get("/b"));
  assertEquals(await readPage(peer), `GET /a ${smuggled}`);
  assertEquals(await readPage(peer), "GET /b");
  assertEquals(paths, ["/a", "/b"]);
});

Deno.test("a request that is answered before its body has come closes the connection", async () => {
  const paths: string[] = [];
  await using peer = await dialAlone([named("http", {
    http(wsi, _user, path) {
      paths.push(path);
      wsi.returnHttpStatus(200);
      assertEquals(wsi.httpTransactionCompleted(), 1);
    },
  })]);
  const body = get("/smuggled");
  peer.send(request("POST", "/a", `Content-Length: ${body.length}`) + body);
  assertEquals((await readRefusal(peer)).status, 200);
  assertEquals(paths, ["/a"]);
});

const PERSISTENCE: readonly [name: string, head: string, lives: boolean, connection?: string][] = [
  ["HTTP/1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true],
  [
    "HTTP/1.1 with keep-alive",
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    true,
    "keep-alive",
  ],
  [
    "HTTP/1.1 with close",
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Foo, CLOSE\r\n\r\n",
    false,
    "close",
  ],
  ["a later HTTP/1.x", "GET / HTTP/1.9\r\nHost: x\r\n\r\n", true],
  ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", false, "close"],
  [
    "HTTP/1.0 with keep-alive",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    true,
    "keep-alive",
  ],
];

for (const [name, head, lives, connection] of PERSISTENCE) {
  Deno.test(`${name} ${lives ? "lives on" : "closes"} after the answer`, async () => {
    const { protocol, paths } = answering();
    await using peer = await dialAlone([protocol], head + get("/next"));
    const first = await readResponse(peer);
    assertEquals(statusOf(first.head), 200);
    assertEquals(fieldOf(first.head, "connection"), connection);
    if (lives) assertEquals(await readPage(peer), "GET /next");
    else assertEquals((await peer.readToEnd()).length, 0);
    assertEquals(paths.includes("/next"), lives);
  });
}
