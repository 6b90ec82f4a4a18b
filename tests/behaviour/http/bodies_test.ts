/** Bodies of requests, as a client sends them. */

import { assert, assertEquals } from "@std/assert";
import { handlers, type Protocol, type Wsi } from "../../../mod.ts";
import {
  answering,
  fieldOf,
  get,
  readPage,
  readRefusal,
  reply,
  request,
  statusOf,
} from "../../support/http.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder();

/** Hands every piece and the connection to the test. */
function collector(): {
  protocol: Protocol;
  pieces: string[];
  wsi: () => Wsi;
  isWhole: () => boolean;
} {
  const pieces: string[] = [];
  let wsi!: Wsi;
  let isWhole = false;
  const protocol = named("http", {
    http: (one) => void (wsi = one),
    httpBody(one, _user, piece) {
      pieces.push(decoder.decode(piece));
      if (pieces.length === 1) one.rxFlowControl(false);
    },
    httpBodyCompletion: () => void (isWhole = true),
  });
  return { protocol, pieces, wsi: () => wsi, isWhole: () => isWhole };
}

Deno.test("pieces of a body are no longer than the first protocol's rxBufferSize, by length and in chunks", async () => {
  const sizes: number[] = [];
  await using served = serve([{
    name: "http",
    rxBufferSize: 10,
    callback: handlers({
      http: () => {},
      httpBody: (_wsi, _user, piece) => void sizes.push(piece.length),
      httpBodyCompletion: (wsi) => reply(wsi),
    }),
  }]);
  const peer = await served.dial(request("POST", "/", "Content-Length: 25") + "x".repeat(25));
  await readResponse(peer);
  assertEquals(sizes.splice(0), [10, 10, 5]);
  const chunked = `19\r\n${"x".repeat(25)}\r\n0\r\n\r\n`;
  peer.send(request("POST", "/", "Transfer-Encoding: chunked") + chunked);
  await readResponse(peer);
  assert(Math.max(...sizes) <= 10);
  assertEquals(sizes.reduce((sum, each) => sum + each, 0), 25);
});

Deno.test("chunks that come together are one piece, as many as rxBufferSize bytes have, and a fault comes behind it", async () => {
  const told: string[] = [];
  await using served = serve([{
    name: "http",
    rxBufferSize: 600,
    callback: handlers({
      http: () => {},
      httpBody: (_wsi, _user, piece) => void told.push(decoder.decode(piece)),
      httpBodyCompletion: (wsi) => reply(wsi),
    }),
  }]);
  const peer = await served.dial(request("POST", "/", "Transfer-Encoding: chunked"));
  peer.send("1\r\na\r\n1\r\nb\r\n".repeat(100) + "0\r\n\r\n");
  await readResponse(peer);
  assertEquals(told.splice(0), ["ab".repeat(50), "ab".repeat(50)]);
  peer.send(request("POST", "/", "Transfer-Encoding: chunked") + "1\r\na\r\n1\r\nb\r\n?");
  assertEquals((await readRefusal(peer)).status, 400);
  assertEquals(told, ["ab"]);
});

const BODIES: readonly [name: string, ...packets: string[]][] = [
  ["a length", request("POST", "/", "Content-Length: 9") + "abc", "def", "ghi"],
  [
    "chunks",
    request("POST", "/", "Transfer-Encoding: Chunked") + "3\r\nabc\r\n",
    "1\r\nd\r\n2\r\nef\r\n",
    "3\r\nghi\r\n0\r\n\r\n",
  ],
];

for (const [name, ...packets] of BODIES) {
  Deno.test(`a body by ${name} that is stopped goes on in order, never inside the call`, async () => {
    const { protocol, pieces, wsi, isWhole } = collector();
    await using peer = await dialAlone([protocol]);
    for (const packet of packets) peer.send(packet);
    await settle();
    assertEquals(pieces, ["abc"]);
    assertEquals(isWhole(), false);
    assertEquals(wsi().rxFlowControl(true), 0);
    assertEquals(pieces, ["abc"]);
    await settle();
    assertEquals(pieces.join(""), "abcdefghi");
    assertEquals(isWhole(), true);
    wsi().returnHttpStatus(200, "thanks");
    wsi().httpTransactionCompleted();
    assertEquals(await readPage(peer), "thanks");
  });
}

Deno.test("httpBodyCompletion comes for every body, also an empty one, and never without", async () => {
  const counted: string[] = [];
  await using peer = await dialAlone([named("http", {
    http(wsi, _user, path) {
      if (wsi.method !== "GET") return;
      return reply(wsi, 200, `no body ${path}`);
    },
    httpBodyCompletion(wsi) {
      counted.push(wsi.uri);
      return reply(wsi, 200, "whole");
    },
  })]);
  const bodies = [
    request("POST", "/length", "Content-Length: 1") + "x",
    request("PUT", "/zero", "Content-Length: 0"),
    request("PUT", "/chunks", "Transfer-Encoding: chunked") + "0\r\n\r\n",
    request("POST", "/unsaid"),
    request("DELETE", "/zero", "Content-Length: 0"),
  ];
  for (const body of bodies) {
    peer.send(body);
    assertEquals(await readPage(peer), "whole");
  }
  peer.send(get("/none") + get("/zero", "Content-Length: 0"));
  assertEquals(await readPage(peer), "no body /none");
  assertEquals(await readPage(peer), "no body /zero");
  assertEquals(counted, ["/length", "/zero", "/chunks", "/unsaid", "/zero"]);
});

const CONTINUES: readonly [name: string, head: string, answers: readonly number[]][] = [
  ["100-continue is invited", request("POST", "/", "Expect: 100-continue", "Content-Length: 2"), [
    100,
    200,
  ]],
  ["any case is invited", request("POST", "/", "Expect: 100-Continue", "Content-Length: 2"), [
    100,
    200,
  ]],
  ["no body is not invited", request("POST", "/", "Expect: 100-continue", "Content-Length: 0"), [
    200,
  ]],
  [
    "HTTP/1.0 is not invited",
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    [200],
  ],
  ["another expectation is refused", request("POST", "/", "Expect: 200-ok", "Content-Length: 2"), [
    417,
  ]],
  [
    "a list of expectations is refused",
    request("POST", "/", "Expect: 100-continue, x", "Content-Length: 2"),
    [417],
  ],
];

for (const [name, head, answers] of CONTINUES) {
  Deno.test(`Expect: ${name}`, async () => {
    const { protocol } = answering();
    await using peer = await dialAlone([protocol], head);
    await settle();
    const early = answers[0] === 100 || answers[0] === 417 || head.includes("Content-Length: 0");
    assertEquals(peer.received.length > 0, early, "before the body");
    if (head.includes("Content-Length: 2")) peer.send("xy");
    for (const status of answers) {
      const one = await readHead(peer);
      assertEquals(statusOf(one), status);
      await peer.readBytes(Number(fieldOf(one, "content-length") ?? 0));
    }
  });
}

Deno.test("an answer before the body comes in place of 100, and closes", async () => {
  await using served = serve([named("http", { http: (wsi) => reply(wsi, 401) })]);
  const peer = await served.dial(request("POST", "/", "Expect: 100-continue", "Content-Length: 2"));
  assertEquals((await readRefusal(peer)).status, 401);
});
