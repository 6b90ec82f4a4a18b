/** HTTP/1.1 on the port, as a client sees it on the wire. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, LwsError, type Protocol, type Reason, type Wsi } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import {
  answering,
  bystander,
  fieldOf,
  get,
  readPage,
  readRefusal,
  request,
  statusOf,
  textOfPage,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import {
  handshake,
  HANDSHAKE_ACCEPT,
  HANDSHAKE_KEY,
  readHead,
  readResponse,
  serve,
  settle,
  WebSocketPeer,
} from "../../support/serve.ts";
import { concat, frame, KEY } from "../../support/frames.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A text as bytes, one a character. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// Keep-alive and pipelining (RFC 9112 section 9.3).

Deno.test("requests in one packet are answered in order, however many", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  const peer = await served.dial();
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
  await using served = serve([protocol]);
  const peer = await served.dial();
  peer.transport.peer.chop(1);
  peer.send(SEQUENCE);
  for (const answer of ANSWERS) assertEquals(await readPage(peer), answer);
});

Deno.test("the next request waits until the one before it is answered", async () => {
  const waiting: Wsi[] = [];
  const seen: string[] = [];
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi, _user, path) {
        seen.push(path);
        waiting.push(wsi);
      },
    }),
  }]);
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
  await using served = serve([protocol]);
  const peer = await served.dial();
  const smuggled = get("/smuggled");
  peer.send(request("GET", "/a", `Content-Length: ${smuggled.length}`) + smuggled + get("/b"));
  assertEquals(await readPage(peer), `GET /a ${smuggled}`);
  assertEquals(await readPage(peer), "GET /b");
  assertEquals(paths, ["/a", "/b"]);
});

Deno.test("a request that is answered before its body has come closes the connection", async () => {
  const paths: string[] = [];
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi, _user, path) {
        paths.push(path);
        wsi.returnHttpStatus(200);
        assertEquals(wsi.httpTransactionCompleted(), 1);
      },
    }),
  }]);
  const peer = await served.dial();
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
    await using served = serve([protocol]);
    const peer = await served.dial(head + get("/next"));
    const first = await readResponse(peer);
    assertEquals(statusOf(first.head), 200);
    assertEquals(fieldOf(first.head, "connection"), connection);
    if (lives) assertEquals(await readPage(peer), "GET /next");
    else assertEquals((await peer.readToEnd()).length, 0);
    assertEquals(paths.includes("/next"), lives);
  });
}

// What a request says.

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} comes to http with its method, path and headers`, async () => {
    const seen: unknown[] = [];
    await using served = serve([{
      name: "http",
      callback: handlers({
        http(wsi, _user, path) {
          seen.push(path, wsi.uri, wsi.method, wsi.hdrCopy(`${method.toLowerCase()} uri`));
          seen.push(wsi.hdrCopy("uri args"), wsi.isClient, wsi.isSsl);
          wsi.returnHttpStatus(200, "page");
          return wsi.httpTransactionCompleted();
        },
      }),
    }]);
    const peer = await served.dial(
      request(method, "/a%20b/./c/../d?x=1&y=%20") + request(method, "/next"),
    );
    const head = await readHead(peer);
    assertEquals(statusOf(head), 200);
    const length = Number(fieldOf(head, "content-length"));
    assert(length > 0);
    if (method !== "HEAD") await peer.readBytes(length);
    assertEquals(statusOf(await readHead(peer)), 200, "the next answer follows at once");
    const path = "/a b/d";
    assertEquals(seen.slice(0, 7), [path, path, method, path, "x=1&y= ", false, 0]);
  });
}

Deno.test("OPTIONS * has the path *", async () => {
  const { protocol, paths } = answering();
  await using served = serve([protocol]);
  const peer = await served.dial(request("OPTIONS", "*"));
  assertEquals(await readPage(peer), "OPTIONS *");
  assertEquals(paths, ["*"]);
});

Deno.test("headers are read in any case, joined when repeated, and bounded by maxLength", async () => {
  const seen: unknown[] = [];
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        seen.push(
          wsi.hdrCopy("x-one"),
          wsi.hdrCopy("X-ONE", 5),
          wsi.hdrCopy("X-One", 4),
          wsi.hdrTotalLength("x-One"),
          wsi.hdrCopy("x-two"),
          wsi.hdrTotalLength("x-two"),
          wsi.hdrCopy("x-empty"),
          wsi.hdrTotalLength("x-empty"),
          wsi.hdrCopy("x-absent"),
          wsi.hdrTotalLength("x-absent"),
          wsi.hdrCopy("__proto__"),
          wsi.hdrCopy("constructor"),
          wsi.hdrTotalLength("get uri"),
          wsi.hdrCopy("post uri"),
          [...wsi.hdrSnapshot()],
        );
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial(
    get("/p?q", "X-One:  12345\t", "X-Two: a", "__proto__: polluted", "x-TWO: b", "X-Empty:"),
  );
  await readPage(peer);
  assertEquals(seen, [
    ...["12345", "12345", undefined, 5, "a, b", 4, "", 0, undefined, 0],
    ...["polluted", undefined, 2, undefined],
    [
      ["get uri", "/p"],
      ["uri args", "q"],
      ["host", "localhost"],
      ["x-one", "12345"],
      ["x-two", "a, b"],
      ["__proto__", "polluted"],
      ["x-empty", ""],
    ],
  ]);
});

Deno.test("headers last until the transaction is completed, and a snapshot longer", async () => {
  let wsi!: Wsi;
  let inCompletion: string | undefined;
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(one) {
        wsi = one;
      },
      httpBodyCompletion(one) {
        inCompletion = one.hdrCopy("x-a");
      },
    }),
  }]);
  const peer = await served.dial(request("POST", "/p", "X-A: 1", "Content-Length: 1") + "x");
  await settle();
  assertEquals(inCompletion, "1");
  assertEquals(wsi.hdrCopy("x-a"), "1", "also outside callbacks");
  const kept = wsi.hdrSnapshot();
  wsi.returnHttpStatus(200);
  wsi.httpTransactionCompleted();
  assertEquals(wsi.hdrCopy("x-a"), undefined);
  assertEquals(wsi.hdrTotalLength("x-a"), 0);
  assertEquals(wsi.hdrSnapshot().size, 0);
  assertEquals(wsi.method, "");
  assertEquals(wsi.uri, "/p");
  assertEquals(kept.get("x-a"), "1");
  await readResponse(peer);
});

Deno.test("a handshake's headers and arguments last until established has returned", async () => {
  const seen: unknown[][] = [];
  const note = (reason: string, wsi: Wsi) => {
    const { size } = wsi.hdrSnapshot();
    const [first, second] = [0, 1].map((n) => wsi.hdrCopyFragment("uri args", n));
    seen.push([reason, wsi.hdrCopy("x-a"), wsi.hdrTotalLength("x-a"), size, wsi.uri]);
    seen.push([first, second, wsi.hdrCopy("http")]);
  };
  await using served = serve([{
    name: "http",
    callback: handlers({
      filterProtocolConnection: (wsi) => note("filter", wsi),
      established: (wsi) => note("established", wsi),
      receive: (wsi) => note("receive", wsi),
    }),
  }]);
  const socket = await served.open({ path: "/room?a=b%20c&d", headers: ["X-A: 1"] });
  socket.send({ opcode: 1, payload: "later" });
  await settle();
  assertEquals(seen, [
    ["filter", "1", 1, 8, "/room"],
    ["a=b c", "d", "HTTP/1.1"],
    ["established", "1", 1, 8, "/room"],
    ["a=b c", "d", "HTTP/1.1"],
    ["receive", undefined, 0, 0, "/room"],
    [undefined, undefined, undefined],
  ]);
});

// Bodies.

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
  const protocol: Protocol = {
    name: "http",
    callback: handlers({
      http: (one) => void (wsi = one),
      httpBody(one, _user, piece) {
        pieces.push(decoder.decode(piece));
        if (pieces.length === 1) one.rxFlowControl(false);
      },
      httpBodyCompletion: () => void (isWhole = true),
    }),
  };
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
      httpBodyCompletion(wsi) {
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
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

const BODIES: readonly [name: string, ...packets: string[]][] = [
  ["a length", request("POST", "/", "Content-Length: 9") + "abc", "def", "ghi"],
  [
    "chunks",
    request("POST", "/", "Transfer-Encoding: Chunked") + "3\r\nabc\r\n1\r\nd\r\n",
    "2\r\nef\r\n",
    "3\r\nghi\r\n0\r\n\r\n",
  ],
];

for (const [name, ...packets] of BODIES) {
  Deno.test(`a body by ${name} that is stopped goes on in order, never inside the call`, async () => {
    const { protocol, pieces, wsi, isWhole } = collector();
    await using served = serve([protocol]);
    const peer = await served.dial();
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
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi, _user, path) {
        if (wsi.method !== "GET") return;
        wsi.returnHttpStatus(200, `no body ${path}`);
        return wsi.httpTransactionCompleted();
      },
      httpBodyCompletion(wsi) {
        counted.push(wsi.uri);
        wsi.returnHttpStatus(200, "whole");
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial();
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
    await using served = serve([protocol]);
    const peer = await served.dial(head);
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
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        wsi.returnHttpStatus(401);
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial(request("POST", "/", "Expect: 100-continue", "Content-Length: 2"));
  assertEquals((await readRefusal(peer)).status, 401);
});

// Answers.

Deno.test("half-close behind the request still gets the answer, and with halfOpenHttp a late one", async () => {
  for (const isLate of [false, true]) {
    let wsi: Wsi | undefined;
    await using served = serve([{
      name: "http",
      callback: handlers({
        http(one) {
          wsi = one;
          if (!isLate) return finish(one);
        },
      }),
    }], { halfOpenHttp: isLate });
    const finish = (one: Wsi) => {
      one.returnHttpStatus(200, "here");
      return one.httpTransactionCompleted();
    };
    const peer = await served.dial(get("/"));
    peer.end();
    await settle();
    if (isLate) finish(wsi!);
    assertEquals(await readPage(peer), "here");
    assertEquals((await peer.readToEnd()).length, 0);
  }
});

Deno.test("half-close behind pipelined requests gets all the answers", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  const peer = await served.dial(get("/1") + get("/2") + get("/3"));
  peer.end();
  for (const path of ["/1", "/2", "/3"]) assertEquals(await readPage(peer), `GET ${path}`);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("half-close inside a request just ends it", async () => {
  for (const part of ["GET / HT", request("POST", "/", "Content-Length: 9") + "abc"]) {
    const recorder = record("http");
    await using served = serve([recorder.protocol]);
    const peer = await served.dial(part);
    peer.end();
    assertEquals((await peer.readToEnd()).length, 0);
    await recorder.until("wsiDestroy");
    assert(!recorder.reasons.includes("httpBodyCompletion"));
  }
});

const STATUSES: readonly [status: number, phrase: string, hasBody: boolean][] = [
  [200, "OK", true],
  [204, "No Content", false],
  [304, "Not Modified", false],
  [404, "Not Found", true],
  [503, "Service Unavailable", true],
  [599, "", true],
];

for (const [status, phrase, hasBody] of STATUSES) {
  Deno.test(`returnHttpStatus(${status}) has ${hasBody ? "a page" : "no body"}, on HEAD its length only`, async () => {
    await using served = serve([{
      name: "http",
      callback: handlers({
        http(wsi) {
          assertEquals(wsi.returnHttpStatus(status), 0);
          assertEquals(wsi.returnHttpStatus(status), 1, "once a request");
          return wsi.httpTransactionCompleted();
        },
      }),
    }]);
    const peer = await served.dial(get("/") + request("HEAD", "/") + get("/"));
    const { head, body } = await readResponse(peer);
    assertEquals(head.split("\r\n")[0], `HTTP/1.1 ${status} ${phrase}`);
    assertEquals(fieldOf(head, "content-length") !== undefined, hasBody);
    assertEquals(body.includes(`<h1>${status}</h1>`), hasBody);
    assert(!Number.isNaN(Date.parse(fieldOf(head, "date") ?? "")));
    // Their dates may be a second apart.
    const dateless = (text: string) => text.replace(/^date: .*\r\n/m, "");
    assertEquals(dateless(await readHead(peer)), dateless(head));
    assertEquals((await readResponse(peer)).body, body);
  });
}

Deno.test("a status outside 200 to 599 is refused by name, and the request is answered 500", async () => {
  using _log = captureLog([]);
  for (const status of [0, 100, 199, 600, 1000, 200.5, NaN]) {
    let wasRefused = false;
    await using served = serve([{
      name: "http",
      callback: handlers({
        http(wsi) {
          try {
            wsi.returnHttpStatus(status);
          } catch (error) {
            wasRefused = error instanceof LwsError && error.message.includes("code");
            throw error;
          }
        },
      }),
    }]);
    const peer = await served.dial(get("/"));
    assertEquals((await readRefusal(peer)).status, 500, String(status));
    assert(wasRefused);
  }
});

Deno.test("writeHttpHeaders and httpWriteable stream a body as the client reads it", async () => {
  const total = 3 * 1024 * 1024;
  const piece = new Uint8Array(64 * 1024).fill(97);
  let wsi!: Wsi;
  let sent = 0;
  let calls = 0;
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(one) {
        wsi = one;
        assertEquals(one.writeHttpHeaders(200, [["content-length", String(total)]]), 0);
        assertEquals(one.writeHttpHeaders(200, []), -1, "once a request");
        one.callbackOnWritable();
      },
      httpWriteable(one) {
        calls++;
        assertEquals(one.unsentBytes, 0);
        while (sent < total && !one.partialBuffered) sent += one.write(piece, "http");
        if (sent < total) return void one.callbackOnWritable();
        one.httpTransactionCompleted();
      },
    }),
  }], { softUnsentBytes: 200_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/") + get("/next"));
  await settle();
  assert(calls <= 3, `${calls} calls though nobody reads`);
  assert(wsi.unsentBytes <= 200_000 + piece.length);
  peer.transport.startReading();
  assertStringIncludes(await readHead(peer), `content-length: ${total}\r\n`);
  const body = await peer.readBytes(total);
  assert(body.every((byte) => byte === 97));
  assertEquals(statusOf(await readHead(peer)), 200, "the next request is served");
});

Deno.test("without a content-length the body ends with the connection for HTTP/1.0", async () => {
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        wsi.writeHttpHeaders(200, [["content-type", "text/plain"]]);
        wsi.callbackOnWritable();
      },
      httpWriteable(wsi) {
        wsi.write("all ", "http");
        wsi.write("there is", "http");
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const head = await readHead(peer);
  assertEquals(fieldOf(head, "connection"), "close");
  assertEquals(fieldOf(head, "transfer-encoding"), undefined);
  assertEquals(decoder.decode(await peer.readToEnd()), "all there is");
});

Deno.test("httpFinal completes the transaction with its bytes", async () => {
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        wsi.writeHttpHeaders(200, [["content-length", "5"]]);
        assertEquals(wsi.write("hel", "http"), 3);
        assertEquals(wsi.write(encoder.encode("lo"), "httpFinal"), 2);
        assertEquals(wsi.write("more", "http"), -1);
      },
    }),
  }]);
  const peer = await served.dial(get("/1") + get("/2"));
  for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "hello");
});

Deno.test("a whole response may be written by hand, head included", async () => {
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        wsi.write("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n", "httpHeaders");
        wsi.write("ok", "http");
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial(get("/") + request("HEAD", "/") + get("/"));
  assertEquals((await readResponse(peer)).body, "ok");
  assertEquals(statusOf(await readHead(peer)), 202);
  const third = await readResponse(peer);
  assertEquals([statusOf(third.head), third.body], [202, "ok"], "HEAD got no body");
});

Deno.test("WebSocket writes and writes without a request return -1", async () => {
  const results: number[] = [];
  let wsi!: Wsi;
  await using served = serve([{
    name: "http",
    callback: handlers({
      serverNewClientInstantiated(one) {
        wsi = one;
        results.push(one.write("x", "http"), one.writeHttpHeaders(200, []));
        results.push(one.serveHttpFile("x"), one.returnHttpStatus(200));
        results.push(one.httpTransactionCompleted());
      },
      http(one) {
        for (const kind of ["text", "binary", "continuation", "close", "ping", "pong"] as const) {
          results.push(one.write("x", kind));
        }
        results.push(one.write("x"));
        one.returnHttpStatus(200, "page");
        return one.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial(get("/"));
  assertEquals(await readPage(peer), "page");
  assertEquals(results, [-1, -1, -1, 1, 1, -1, -1, -1, -1, -1, -1, -1]);
  assertEquals(wsi.write("x", "http"), -1, "between two requests");
  assertEquals(wsi.returnHttpStatus(200), 1);
});

const INJECTIONS: readonly [name: string, field: readonly [string, string]][] = [
  ["a CRLF in a value", ["x-a", "b\r\nset-cookie: c"]],
  ["a bare LF in a value", ["x-a", "b\nset-cookie: c"]],
  ["a bare CR in a value", ["x-a", "b\rset-cookie: c"]],
  ["a NUL in a value", ["x-a", "b\0"]],
  ["a character above Latin-1 in a value", ["x-a", "b\u560d\u560ac"]],
  ["a CRLF in a name", ["x-a\r\nset-cookie", "b"]],
  ["a blank in a name", ["x a", "b"]],
  ["a colon in a name", ["x:a", "b"]],
  ["an empty name", ["", "b"]],
];

for (const [name, field] of INJECTIONS) {
  Deno.test(`${name} is refused by name, and nothing was sent`, async () => {
    await using served = serve([{
      name: "http",
      callback: handlers({
        http(wsi) {
          assertThrows(() => wsi.writeHttpHeaders(200, [["x-b", "c"], field]), LwsError);
          assertThrows(() => wsi.serveHttpFile("x", "text/plain", [field]), LwsError);
          if (field[0] === "x-a") assertThrows(() => wsi.serveHttpFile("x", field[1]), LwsError);
          wsi.returnHttpStatus(200, "unharmed");
          return wsi.httpTransactionCompleted();
        },
      }),
    }]);
    const peer = await served.dial(get("/") + get("/"));
    assertEquals(await readPage(peer), "unharmed");
    assertEquals(await readPage(peer), "unharmed");
  });
}

// What callbacks return and throw.

const CLOSERS: readonly Reason[] = ["http", "httpBody", "httpBodyCompletion"];

for (const reason of CLOSERS) {
  for (const value of [1, -1]) {
    Deno.test(`${value} from ${reason} closes once what it wrote has left`, async () => {
      const recorder = record("http", (wsi, one, _user, _data) => {
        if (one !== reason) return;
        wsi.writeHttpHeaders(200, [["content-length", "300000"]]);
        wsi.write("x".repeat(300_000), "http");
        return value;
      });
      await using served = serve([recorder.protocol]);
      const peer = await served.dial(
        request("POST", "/", "Content-Length: 1") + "x" + get("/next"),
      );
      assertEquals((await readResponse(peer)).body.length, 300_000);
      assertEquals((await peer.readToEnd()).length, 0);
      peer.close();
      await recorder.until("wsiDestroy");
      assertEquals(recorder.reasons.filter((one) => one === "http").length, 1);
      assertEquals(recorder.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
    });
  }
}

for (const [value, closes] of [[-1, true], [1, false], [0, false]] as const) {
  Deno.test(`${value} from httpWriteable ${closes ? "closes" : "is ignored"}`, async () => {
    await using served = serve([{
      name: "http",
      callback: handlers({
        http: (wsi) => void wsi.callbackOnWritable(),
        httpWriteable(wsi) {
          wsi.returnHttpStatus(200, wsi.uri);
          wsi.httpTransactionCompleted();
          return value;
        },
      }),
    }]);
    const peer = await served.dial(get("/1") + get("/2"));
    assertEquals(await readPage(peer), "/1");
    if (closes) assertEquals((await peer.readToEnd()).length, 0);
    else assertEquals(await readPage(peer), "/2");
  });
}

for (const reason of ["filterHttpConnection", "http", "httpBody", "httpBodyCompletion"] as const) {
  Deno.test(`a callback that throws in ${reason} costs its own connection, with 500 and a log line`, async () => {
    using log = captureLog();
    await using served = serve([{
      name: "thrower",
      callback: handlers({
        [reason](wsi: Wsi) {
          if (wsi.uri !== "/bystander") throw new Error("on purpose");
          wsi.returnHttpStatus(200);
          wsi.httpTransactionCompleted();
        },
        ...(reason === "http" ? {} : {
          http(wsi: Wsi) {
            if (wsi.uri !== "/bystander") return;
            wsi.returnHttpStatus(200);
            wsi.httpTransactionCompleted();
          },
        }),
        ...(reason === "filterHttpConnection"
          ? {
            filterHttpConnection(wsi: Wsi) {
              if (wsi.uri !== "/bystander") throw new Error("on purpose");
            },
          }
          : {}),
      }),
    }]);
    const other = await bystander(served);
    const peer = await served.dial(request("POST", "/", "Content-Length: 1") + "x" + get("/next"));
    assertEquals((await readRefusal(peer)).status, 500);
    await other.check();
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `err: thrower: ${reason} threw: Error: on purpose`);
  });
}

Deno.test("a callback that throws in the middle of its answer cuts the answer short", async () => {
  using _log = captureLog([]);
  await using served = serve([{
    name: "http",
    callback: handlers({
      http(wsi) {
        wsi.writeHttpHeaders(200, [["content-length", "5"]]);
        wsi.write("he", "http");
        throw new Error("on purpose");
      },
    }),
  }]);
  const peer = await served.dial(get("/") + get("/"));
  await readHead(peer);
  assertEquals(decoder.decode(await peer.readToEnd()), "he");
});

Deno.test("filterHttpConnection refuses with 403 or its own answer, and http never comes", async () => {
  for (const own of [false, true]) {
    const recorder = record("http", (wsi, reason, _user, data) => {
      if (reason !== "filterHttpConnection") return;
      assertEquals(data, "/secret");
      assertEquals(wsi.hdrCopy("x-a"), "1");
      if (own) wsi.returnHttpStatus(401, "who are you?");
      return 1;
    });
    await using served = serve([recorder.protocol]);
    const peer = await served.dial(get("/secret", "X-A: 1") + get("/next"));
    assertEquals((await readRefusal(peer)).status, own ? 401 : 403);
    assert(!recorder.reasons.includes("http"));
  }
});

Deno.test("filterHttpConnection may answer by itself, and the next request is served", async () => {
  const { protocol: inner, paths } = answering();
  await using served = serve([{
    ...inner,
    callback(...args) {
      const [wsi, reason, , data] = args;
      if (reason === "filterHttpConnection" && data === "/moved") {
        wsi.writeHttpHeaders(301, [["location", "/"], ["content-length", "0"]]);
        wsi.httpTransactionCompleted();
        return 0;
      }
      return inner.callback(...args);
    },
  }]);
  const peer = await served.dial(get("/moved") + get("/next"));
  assertEquals(statusOf(await readHead(peer)), 301);
  assertEquals(await readPage(peer), "GET /next");
  // The body that nobody reads is no request.
  peer.send(request("POST", "/moved", `Content-Length: ${get("/x").length}`) + get("/x"));
  peer.send(get("/last"));
  assertEquals(statusOf(await readHead(peer)), 301);
  assertEquals(await readPage(peer), "GET /last");
  assertEquals(paths, ["/next", "/last"]);
});

Deno.test("close in filterHttpConnection is the end, and http never comes", async () => {
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason === "filterHttpConnection") assertEquals(wsi.close(), 0);
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial(get("/"));
  assertEquals((await peer.readToEnd()).length, 0);
  peer.close();
  await recorder.until("wsiDestroy");
  assert(!recorder.reasons.includes("http"));
});

// Attacks on the message framing, and on the port.

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
      wsi.returnHttpStatus(200, data === "/large" ? "x".repeat(1_000_000) : "");
      return wsi.httpTransactionCompleted();
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

// The way to a WebSocket (RFC 6455 section 4.2).

/** A handshake with lines replaced, left out (undefined) or added. */
function handshakeWith(
  changes: Record<string, string | undefined>,
  first = "GET / HTTP/1.1",
): string {
  const fields = new Map<string, string | undefined>(Object.entries({
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": HANDSHAKE_KEY,
    "Sec-WebSocket-Version": "13",
    ...changes,
  }));
  const lines = [...fields].flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`]
  );
  return [first, ...lines, "", ""].join("\r\n");
}

const BAD_HANDSHAKES: readonly [name: string, status: number, text: string, ...fields: string[]][] =
  [
    [
      "version 8",
      426,
      handshakeWith({ "Sec-WebSocket-Version": "8" }),
      "sec-websocket-version: 13",
      "upgrade: websocket",
    ],
    [
      "version 12 and 13",
      426,
      handshakeWith({ "Sec-WebSocket-Version": "12, 13" }),
      "sec-websocket-version: 13",
    ],
    [
      "two versions",
      400,
      handshakeWith({ "Sec-WebSocket-Version": "13\r\nSec-WebSocket-Version: 13" }),
    ],
    ["no version", 400, handshakeWith({ "Sec-WebSocket-Version": undefined })],
    ["no key", 400, handshakeWith({ "Sec-WebSocket-Key": undefined })],
    ["a key of 15 bytes", 400, handshakeWith({ "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" })],
    ["a key of 17 bytes", 400, handshakeWith({ "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA=" })],
    [
      "a key that is no base64",
      400,
      handshakeWith({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }),
    ],
    [
      "two keys",
      400,
      handshakeWith({
        "Sec-WebSocket-Key": `${HANDSHAKE_KEY}\r\nSec-WebSocket-Key: ${HANDSHAKE_KEY}`,
      }),
    ],
    ["two Upgrades", 400, handshakeWith({ Upgrade: "websocket\r\nUpgrade: websocket" })],
    ["no Connection", 400, handshakeWith({ Connection: undefined })],
    ["a Connection that names no upgrade", 400, handshakeWith({ Connection: "keep-alive" })],
    ["POST", 405, handshakeWith({}, "POST / HTTP/1.1"), "allow: GET"],
    ["HTTP/1.0", 400, handshakeWith({}, "GET / HTTP/1.0")],
    ["a body by length", 400, handshakeWith({ "Content-Length": "1" }) + "x"],
    ["a chunked body", 400, handshakeWith({ "Transfer-Encoding": "chunked" }) + "0\r\n\r\n"],
    ["an unknown subprotocol", 400, handshakeWith({ "Sec-WebSocket-Protocol": "nobody, else" })],
    ["a subprotocol in another case", 400, handshakeWith({ "Sec-WebSocket-Protocol": "CHAT" })],
    ["a subprotocol twice", 400, handshakeWith({ "Sec-WebSocket-Protocol": "chat, chat" })],
    [
      "a subprotocol that is no token",
      400,
      handshakeWith({ "Sec-WebSocket-Protocol": "chat, a b" }),
    ],
  ];

for (const [name, status, text, ...fields] of BAD_HANDSHAKES) {
  Deno.test(`a handshake with ${name} is refused with ${status}`, async () => {
    const { protocol } = answering();
    const chat = record("chat");
    await using served = serve([protocol, chat.protocol]);
    const other = await bystander(served);
    const peer = await served.dial(text + get("/smuggled"));
    const refusal = await readRefusal(peer);
    assertEquals(refusal.status, status);
    for (const field of fields) {
      assertStringIncludes(refusal.head.toLowerCase(), field.toLowerCase());
    }
    assert(!chat.reasons.includes("established"));
    await other.check();
  });
}

Deno.test("an upgrade to something else is plain HTTP", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  const peer = await served.dial(get("/", "Upgrade: h2c", "Connection: Upgrade"));
  assertEquals(await readPage(peer), "GET /");
});

const ORIGINS: readonly [
  origin: string | undefined,
  isAllowed: boolean,
  byContext?: readonly string[] | undefined,
  byProtocol?: readonly string[],
][] = [
  [undefined, true],
  ["http://example.com", true],
  ["http://EXAMPLE.com:80", true],
  ["http://elsewhere.com", false],
  ["null", false],
  ["", false],
  ["http://sub.example.com", false],
  ["http://example.com.evil.com", false],
  ["http://com", false],
  ["http://example.com:8080", false],
  ["https://example.com", false],
  ["http://example.com/", false],
  ["http://example.com, http://elsewhere.com", false],
  ["http://elsewhere.com", true, ["http://elsewhere.com"]],
  ["https://elsewhere.com", false, ["http://elsewhere.com"]],
  ["http://a.elsewhere.com", false, ["http://elsewhere.com"]],
  ["http://elsewhere.com", true, ["*"]],
  ["null", true, ["*"]],
  ["http://elsewhere.com", true, undefined, ["http://elsewhere.com"]],
  ["http://elsewhere.com", false, ["http://elsewhere.com"], ["http://other.com"]],
  ["http://elsewhere.com", false, ["*"], []],
  ["http://example.com", true, undefined, []],
];

for (const [origin, isAllowed, byContext, byProtocol] of ORIGINS) {
  const lists = `${JSON.stringify(byContext) ?? "none"} by context, ${
    JSON.stringify(byProtocol) ?? "none"
  } by protocol`;
  Deno.test(`origin ${origin} is ${isAllowed ? "let in" : "refused"} with ${lists}`, async () => {
    using log = captureLog();
    const chat = record("chat");
    const { protocol: http } = answering();
    await using served = serve(
      [http, { ...chat.protocol, ...(byProtocol && { allowedOrigins: byProtocol }) }],
      { ...(byContext && { allowedOrigins: byContext }) },
    );
    const peer = await served.dial(
      handshakeWith({ Host: "example.com", Origin: origin, "Sec-WebSocket-Protocol": "chat" }),
    );
    if (isAllowed) {
      assertEquals(statusOf(await readHead(peer)), 101);
      assertEquals(log.lines, []);
      return;
    }
    assertEquals((await readRefusal(peer)).status, 403);
    assert(!chat.reasons.includes("filterProtocolConnection"));
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "allowedOrigins");
    assertStringIncludes(log.lines[0]!, '"chat"');
  });
}

Deno.test("a foreign origin may ask by plain HTTP, as any link does", async () => {
  const { protocol } = answering();
  await using served = serve([protocol]);
  const peer = await served.dial(get("/", "Origin: http://elsewhere.com"));
  assertEquals(await readPage(peer), "GET /");
});

Deno.test("filterProtocolConnection sees the choice and adds headers to the 101", async () => {
  const seen: string[] = [];
  const filtering = (name: string): Protocol => ({
    name,
    callback: handlers({
      filterProtocolConnection(wsi, _user, filter) {
        seen.push(`${name} "${filter.protocol}" ${wsi.method} ${wsi.uri}`);
        filter.add("Set-Cookie", "a=1");
        filter.add("Set-Cookie", "b=2");
        for (const wrong of ["Upgrade", "sec-websocket-accept", "Connection", "a b", ""]) {
          assertThrows(() => filter.add(wrong, "x"), TypeError);
        }
        assertThrows(() => filter.add("x", "a\r\nb: c"), TypeError);
      },
    }),
  });
  await using served = serve([filtering("first"), filtering("chat")]);
  const { answer } = await served.open({ path: "/room?x", protocol: "nobody, chat, first" });
  assertEquals(answer.split("\r\n").map((line) => line.toLowerCase()), [
    "http/1.1 101 switching protocols",
    "upgrade: websocket",
    "connection: upgrade",
    `sec-websocket-accept: ${HANDSHAKE_ACCEPT}`.toLowerCase(),
    "sec-websocket-protocol: chat",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "",
    "",
  ]);
  const { answer: second } = await served.open();
  assertEquals(fieldOf(second, "sec-websocket-protocol"), undefined);
  assertEquals(seen, ['chat "chat" GET /room', 'first "" GET /']);
});

Deno.test("filterProtocolConnection refuses with its own status, headers and body", async () => {
  const answers: readonly [(wsi: Wsi) => number | void, status: number, body: string][] = [
    [() => 1, 403, "Forbidden"],
    [() => -1, 403, "Forbidden"],
    [(wsi) => wsi.returnHttpStatus(401, "who?") + 1, 401, "who?"],
    [
      (wsi) => {
        wsi.writeHttpHeaders(302, [["location", "/login"], ["content-length", "3"]]);
        wsi.write("go!", "httpFinal");
        return 1;
      },
      302,
      "go!",
    ],
    // Answered is answered, whatever is returned.
    [
      (wsi) => {
        wsi.returnHttpStatus(503, "later");
        return wsi.httpTransactionCompleted();
      },
      503,
      "later",
    ],
    [(wsi) => void wsi.returnHttpStatus(503, "later"), 503, "later"],
    [(wsi) => wsi.respond(401, "who?"), 401, "who?"],
  ];
  for (const [filter, status, text] of answers) {
    const recorder = record("chat", (wsi, reason, _user, _data) => {
      if (reason === "filterProtocolConnection") return filter(wsi);
    });
    await using served = serve([recorder.protocol]);
    const peer = await served.dial(handshake());
    const { head, body } = await readResponse(peer);
    assertEquals(statusOf(head), status);
    // A proxy must not send its next request here.
    assertEquals(fieldOf(head, "connection"), "close");
    assertEquals(textOfPage(body), text);
    assertEquals((await peer.readToEnd()).length, 0);
    peer.close();
    await recorder.until("wsiDestroy");
    assertEquals(recorder.reasons.slice(-3), [
      "filterProtocolConnection",
      "closedHttp",
      "wsiDestroy",
    ]);
  }
});

Deno.test("a connection that a protocol refused is none of that protocol's", async () => {
  const chat = record(
    "chat",
    (_wsi, reason, _user, _data) => reason === "filterProtocolConnection" ? 1 : 0,
  );
  const http = record("http");
  await using served = serve([http.protocol, chat.protocol]);
  const peer = await served.dial(handshake({ protocol: "chat" }));
  assertEquals((await readRefusal(peer)).status, 403);
  served.context.callbackAllProtocol("chat", "user:ping");
  assert(!chat.reasons.includes("user:ping"));
  served.context.callbackAllProtocol("http", "user:ping");
  assert(http.reasons.includes("user:ping"));
});

Deno.test("an error in filterProtocolConnection or perSessionData is a 500", async () => {
  const fails = () => {
    throw new Error("on purpose");
  };
  for (
    const broken of [{ callback: handlers({ filterProtocolConnection: fails }) }, {
      perSessionData: fails,
    }]
  ) {
    using log = captureLog();
    const http = record("http");
    await using served = serve([http.protocol, { name: "chat", callback: () => {}, ...broken }]);
    const peer = await served.dial(handshake({ protocol: "chat" }));
    assertEquals((await readRefusal(peer)).status, 500);
    peer.close();
    await http.until("wsiDestroy");
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "chat: ");
  }
});

Deno.test("requests and then an upgrade with frames, all in one packet, are all served", async () => {
  const { protocol, paths } = answering();
  const echo: Protocol = {
    name: "echo",
    callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
  };
  const whole = concat(
    encoder.encode(get("/1") + get("/2") + handshake({ path: "/3", protocol: "echo" })),
    frame({ opcode: 1, payload: "early", key: KEY }),
    frame({ opcode: 1, payload: "bird", key: KEY }),
  );
  for (const chop of [Infinity, 1, 7]) {
    await using served = serve([protocol, echo]);
    const peer = await served.dial();
    peer.transport.peer.chop(chop);
    peer.send(whole);
    assertEquals(await readPage(peer), "GET /1");
    assertEquals(await readPage(peer), "GET /2");
    const socket = new WebSocketPeer(peer, await readHead(peer));
    assertEquals(await socket.receiveText(), "early");
    assertEquals(await socket.receiveText(), "bird");
  }
  assert(!paths.includes("/3"));
});

Deno.test("an upgrade waits for a late answer before it, and leaves HTTP's calls behind", async () => {
  let late!: Wsi;
  const results: unknown[] = [];
  await using served = serve([{
    name: "both",
    callback: handlers({
      http: (wsi) => void (late = wsi),
      established(wsi) {
        results.push(wsi.returnHttpStatus(200), wsi.writeHttpHeaders(200, []), wsi.method);
        results.push(wsi.serveHttpFile("x"), wsi.httpTransactionCompleted());
      },
    }),
  }]);
  const peer = await served.dial(get("/") + handshake());
  await settle();
  assertEquals(peer.received.length, 0);
  late.returnHttpStatus(200, "at last");
  late.httpTransactionCompleted();
  assertEquals(await readPage(peer), "at last");
  assertEquals(statusOf(await readHead(peer)), 101);
  assertEquals(results, [1, -1, "", -1, 1]);
});
