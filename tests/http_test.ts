/** HTTP/1.1 on the port, end to end on the wire. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, type Protocol, type Wsi } from "../mod.ts";
import { captureLog, record } from "./support/recorder.ts";
import { handshake, readHead, readResponse, serve, settle } from "./support/serve.ts";
import type { MemoryPeer } from "../src/testing.ts";

const decoder = new TextDecoder();

/** Answers every request with its method, path and body. */
const mirror: Protocol<{ body: string }> = {
  name: "mirror",
  perSessionData: () => ({ body: "" }),
  callback(wsi, reason, user, data) {
    switch (reason) {
      case "http":
        user.body = "";
        if (wsi.hdrTotalLength("content-length") + wsi.hdrTotalLength("transfer-encoding") === 0) {
          return answer(wsi, user.body);
        }
        return;
      case "httpBody":
        user.body += decoder.decode(data);
        return;
      case "httpBodyCompletion":
        return answer(wsi, user.body);
    }
  },
};

function answer(wsi: Wsi, body: string): number {
  const text = `${wsi.method} ${wsi.uri} ${body}`;
  wsi.writeHttpHeaders(200, [["content-length", String(text.length)]]);
  wsi.write(text, "http");
  return wsi.httpTransactionCompleted();
}

const status = (head: string) => Number(head.split(" ")[1]);

async function exchange(peer: MemoryPeer, request: string): Promise<string> {
  peer.send(request);
  return (await readResponse(peer)).body;
}

for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} reaches the first protocol, with and without a body`, async () => {
    await using served = serve([mirror]);
    const peer = await served.dial();
    assertEquals(await exchange(peer, `${method} /a HTTP/1.1\r\nHost: x\r\n\r\n`), `${method} /a `);
    assertEquals(
      await exchange(peer, `${method} /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`),
      `${method} /b hello`,
    );
    assertEquals(
      await exchange(
        peer,
        `${method} /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n` +
          "3\r\nfoo\r\n4;x=y\r\nbarb\r\n0\r\nX-Trailer: t\r\n\r\n",
      ),
      `${method} /c foobarb`,
    );
  });
}

Deno.test("HEAD gets the head alone, and the next request its answer", async () => {
  await using served = serve([mirror]);
  const peer = await served.dial();
  peer.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  assertStringIncludes((await readHead(peer)).toLowerCase(), "content-length: 8");
  assertEquals(await exchange(peer, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /b ");
});

Deno.test("twenty pipelined requests are answered in order, at every kind of split", async () => {
  for (const chop of [Infinity, 100, 1]) {
    await using served = serve([mirror]);
    const peer = await served.dial();
    peer.transport.peer.chop(chop);
    let requests = "";
    for (let i = 0; i < 20; i++) {
      requests += i % 2 === 0
        ? `GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`
        : `POST /${i} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxy`;
    }
    peer.send(requests);
    for (let i = 0; i < 20; i++) {
      const expected = i % 2 === 0 ? `GET /${i} ` : `POST /${i} xy`;
      assertEquals((await readResponse(peer)).body, expected);
    }
  }
});

Deno.test("a pipelined request waits until the one before is answered, even much later", async () => {
  const waiting: Wsi[] = [];
  const paths: string[] = [];
  await using served = serve([{
    name: "slow",
    callback: handlers({
      http(wsi, _user, path) {
        paths.push(path);
        waiting.push(wsi);
      },
    }),
  }]);
  const peer = await served.dial();
  peer.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const path of ["/1", "/2"]) {
    await settle();
    assertEquals(paths.at(-1), path);
    const wsi = waiting.pop()!;
    wsi.returnHttpStatus(200, path);
    assertEquals(wsi.httpTransactionCompleted(), 0);
    assertStringIncludes((await readResponse(peer)).body, path);
  }
});

Deno.test("pipelined requests and then an upgrade, and frames behind it, are all served", async () => {
  const echo: Protocol = {
    name: "echo",
    callback: handlers({
      http(wsi) {
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
      message: (wsi, _user, message) => void wsi.write(message),
    }),
  };
  await using served = serve([echo]);
  const peer = await served.dial();
  const { concat, frame, KEY } = await import("./support/frames.ts");
  const { readFrame } = await import("./support/serve.ts");
  const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  peer.send(
    concat(
      new TextEncoder().encode(get + get + handshake()),
      frame({ opcode: 1, payload: "hi", key: KEY }),
    ),
  );
  await readResponse(peer);
  await readResponse(peer);
  assertEquals(status(await readHead(peer)), 101);
  assertEquals(decoder.decode((await readFrame(peer)).payload), "hi");
});

Deno.test("keep-alive follows the version and Connection", async () => {
  const cases: [string, boolean][] = [
    ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", true],
    ["GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false],
    ["GET / HTTP/1.0\r\n\r\n", false],
    ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true],
  ];
  for (const [request, keeps] of cases) {
    await using served = serve([mirror]);
    const peer = await served.dial();
    assertEquals(await exchange(peer, request), "GET / ");
    if (keeps) assertEquals(await exchange(peer, request), "GET / ");
    else assertEquals((await peer.readToEnd()).length, 0);
  }
});

Deno.test("a client that ends its sending half still gets its answer", async () => {
  await using served = serve([mirror]);
  const peer = await served.dial();
  peer.send("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.end();
  assertEquals((await readResponse(peer)).body, "GET /last ");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("headers are readable while the request is answered, and gone afterwards", async () => {
  const seen: unknown[] = [];
  let kept: Wsi | undefined;
  await using served = serve([{
    name: "x",
    callback: handlers({
      http(wsi) {
        kept = wsi;
        seen.push(
          wsi.hdrCopy("X-Many"),
          wsi.hdrTotalLength("x-many"),
          wsi.hdrCopy("x-many", 3),
          wsi.hdrCopy("x-many", 4),
          wsi.hdrCopy("absent"),
          wsi.hdrCopy("get uri"),
          wsi.hdrCopy("uri args"),
          wsi.hdrSnapshot().get("host"),
        );
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial();
  await exchange(
    peer,
    "GET /p%20q?a=1&b=2 HTTP/1.1\r\nHost: h\r\nX-Many: a\r\nx-many: b\r\n\r\n",
  );
  assertEquals(seen, ["a, b", 4, undefined, "a, b", undefined, "/p q", "a=1&b=2", "h"]);
  await settle();
  assertEquals(kept!.hdrTotalLength("host"), 0);
  assertEquals(kept!.hdrCopy("host"), undefined);
  assertEquals(kept!.method, "");
});

Deno.test("a body that is stopped by rxFlowControl comes in order after it", async () => {
  const pieces: string[] = [];
  let wsi: Wsi | undefined;
  const recorder = record("x", (each, reason, _user, data) => {
    if (reason === "httpBody") {
      pieces.push(decoder.decode(data));
      each.rxFlowControl(false);
      wsi = each;
    }
    if (reason === "httpBodyCompletion") return answer(each, "");
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial();
  peer.send(
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n0\r\n\r\n",
  );
  for (let count = 1; count <= 3; count++) {
    await recorder.until("httpBody", count);
    await settle();
    assertEquals(pieces.join(""), "abcdefghi".slice(0, count * 3));
    wsi!.rxFlowControl(true);
  }
  assertEquals((await readResponse(peer)).body, "POST / ");
});

Deno.test("Expect: 100-continue is answered before the body, another expectation with 417", async () => {
  await using served = serve([mirror]);
  const peer = await served.dial();
  peer.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  assertEquals(await readHead(peer), "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(await exchange(peer, "ok"), "POST /e ok");
  peer.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: magic\r\n\r\n");
  assertEquals(status((await readResponse(peer)).head), 417);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a body of many pieces is written by httpWriteable, as the peer reads it", async () => {
  let left = 40;
  const recorder = record("x", (wsi, reason, _user, _data) => {
    if (reason === "http") {
      wsi.writeHttpHeaders(200, [["content-length", String(40 * 50_000)]]);
      wsi.callbackOnWritable();
    }
    if (reason !== "httpWriteable") return;
    assertEquals(wsi.unsentBytes, 0);
    left--;
    wsi.write(new Uint8Array(50_000), left === 0 ? "httpFinal" : "http");
    if (left > 0) wsi.callbackOnWritable();
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await settle();
  assert(left > 30, "a peer that does not read stops the writing");
  peer.transport.startReading();
  assertEquals((await readResponse(peer)).body.length, 2_000_000);
  assertEquals(left, 0);
});

Deno.test("a response without a length ends with its connection", async () => {
  await using served = serve([{
    name: "x",
    callback: handlers({
      http(wsi) {
        wsi.writeHttpHeaders(200, []);
        wsi.write("until the end", "http");
        assertEquals(wsi.httpTransactionCompleted(), 1);
      },
    }),
  }]);
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertStringIncludes((await readHead(peer)).toLowerCase(), "connection: close");
  assertEquals(decoder.decode(await peer.readToEnd()), "until the end");
});

Deno.test("a non-zero return closes once the answer has left; a negative one from httpWriteable", async () => {
  for (const reason of ["http", "httpBody", "httpBodyCompletion", "httpWriteable"]) {
    const recorder = record("x", (wsi, each, _user, _data) => {
      if (each === "http" && reason === "httpWriteable") wsi.callbackOnWritable();
      if (each !== reason) return;
      wsi.returnHttpStatus(200, "bye");
      return -1;
    });
    await using served = serve([recorder.protocol]);
    const peer = await served.dial();
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz");
    assertStringIncludes((await readResponse(peer)).body, "bye");
    assertEquals((await peer.readToEnd()).length, 0);
  }
});

Deno.test("a callback that throws is answered 500, and costs its own connection", async () => {
  using log = captureLog();
  await using served = serve([{
    name: "x",
    callback: handlers({
      http(wsi, _user, path) {
        if (path === "/bad") throw new Error("a mistake");
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const bystander = await served.dial();
  const peer = await served.dial();
  peer.send("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals(status((await readResponse(peer)).head), 500);
  assertEquals((await peer.readToEnd()).length, 0);
  bystander.send("GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals(status((await readResponse(bystander)).head), 200);
  assertStringIncludes(log.lines.join("\n"), "x: http threw: Error: a mistake");
});

Deno.test("filterHttpConnection refuses with 403, or with what it answered itself", async () => {
  const recorder = record("x", (wsi, reason, _user, data) => {
    if (reason !== "filterHttpConnection") return;
    if (data === "/own") wsi.returnHttpStatus(451, "mine");
    return 1;
  });
  await using served = serve([recorder.protocol]);
  for (const [path, expected] of [["/", 403], ["/own", 451]] as const) {
    const peer = await served.dial();
    peer.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assertEquals(status((await readResponse(peer)).head), expected);
    assertEquals((await peer.readToEnd()).length, 0);
  }
  assert(!recorder.reasons.includes("http"));
});

Deno.test("fields that would split a response are refused, and nothing of them is sent", async () => {
  await using served = serve([{
    name: "x",
    callback: handlers({
      http(wsi) {
        const bad = [["x-name", "a\r\nset-cookie: b"], ["x\r\ny", "z"], ["", "z"]] as const;
        for (const field of bad) {
          assertThrows(() => wsi.writeHttpHeaders(200, [field]), TypeError);
          assertThrows(() => wsi.serveHttpFile("/x", undefined, [field]), TypeError);
        }
        wsi.returnHttpStatus(204);
        return wsi.httpTransactionCompleted();
      },
    }),
  }]);
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const head = await readHead(peer);
  assertEquals(status(head), 204);
  assert(!head.includes("set-cookie"));
  assert(!head.toLowerCase().includes("content-length"));
});

// What may not be sent (RFC 9112): each is answered and its connection closed, beside one that lives.

const REFUSED: readonly [name: string, status: number, request: string][] = [
  ["length with transfer encoding", 400, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"],
  ["two different lengths", 400, "Content-Length: 3\r\nContent-Length: 4\r\n"],
  ["lengths in a list", 400, "Content-Length: 3, 4\r\n"],
  ["a signed length", 400, "Content-Length: +3\r\n"],
  ["a negative length", 400, "Content-Length: -3\r\n"],
  ["a hexadecimal length", 400, "Content-Length: 0x3\r\n"],
  ["a length with an underscore", 400, "Content-Length: 1_0\r\n"],
  ["a length with a blank inside", 400, "Content-Length: 1 0\r\n"],
  ["a length that overflows", 400, "Content-Length: 99999999999999999999\r\n"],
  ["transfer encoding identity", 400, "Transfer-Encoding: identity\r\n"],
  ["chunked twice", 400, "Transfer-Encoding: chunked, chunked\r\n"],
  ["chunked with a control character", 400, "Transfer-Encoding: \x0bchunked\r\n"],
  ["an obsolete fold", 400, "X: a\r\n b\r\n"],
  ["a bare CR", 400, "X: a\rb\r\n"],
  ["a bare LF", 400, "X: a\nY: b\r\n"],
  ["a NUL", 400, "X: a\0b\r\n"],
  ["a blank before the colon", 400, "X : a\r\n"],
  ["an empty name", 400, ": a\r\n"],
  ["two hosts", 400, "Host: y\r\n"],
];

for (const [name, expected, line] of REFUSED) {
  Deno.test(`a request with ${name} is answered ${expected} and closed`, async () => {
    await using served = serve([mirror]);
    const bystander = await served.dial();
    const peer = await served.dial();
    peer.send(`POST / HTTP/1.1\r\nHost: x\r\n${line}\r\nabc`);
    const { head } = await readResponse(peer);
    assertEquals(status(head), expected);
    assertStringIncludes(head.toLowerCase(), "connection: close");
    assertEquals((await peer.readToEnd()).length, 0);
    assertEquals(await exchange(bystander, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /b ");
  });
}

const LINES: readonly [name: string, status: number, bytes: string][] = [
  ["no host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["several blanks in its request line", 400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["an unknown method", 501, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["version 2.0", 505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"],
  ["the HTTP/2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["an absolute target that contradicts Host", 400, "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["%00 in its path", 400, "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["overlong UTF-8 in its path", 400, "GET /%c0%ae%c0%ae/ HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["random bytes", 400, "\x00\xff\x81\x7f\r\n\r\n"],
];

for (const [name, expected, bytes] of LINES) {
  Deno.test(`a request with ${name} is answered ${expected} and closed at once`, async () => {
    await using served = serve([mirror]);
    const peer = await served.dial();
    peer.send(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
    assertEquals(status((await readResponse(peer)).head), expected);
    assertEquals((await peer.readToEnd()).length, 0);
  });
}

const CHUNKS: readonly [name: string, body: string][] = [
  ["a hexadecimal prefix", "0x3\r\nabc\r\n0\r\n\r\n"],
  ["an underscore", "1_0\r\n"],
  ["a sign", "+3\r\nabc\r\n0\r\n\r\n"],
  ["a leading blank", " 3\r\nabc\r\n0\r\n\r\n"],
  ["an overflow", "fffffffffffffffff\r\n"],
  ["a bare LF after the size", "3\nabc\r\n0\r\n\r\n"],
  ["a bare LF after the data", "3\r\nabc\n0\r\n\r\n"],
  ["nothing after the data", "3\r\nabc0\r\n\r\n"],
  ["a control character in an extension", "3;a=\x01\r\nabc\r\n0\r\n\r\n"],
  ["framing in a trailer", "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"],
];

for (const [name, body] of CHUNKS) {
  Deno.test(`a chunked body with ${name} is answered 400 and closed`, async () => {
    await using served = serve([mirror]);
    const peer = await served.dial();
    peer.send(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    assertEquals(status((await readResponse(peer)).head), 400);
    assertEquals((await peer.readToEnd()).length, 0);
  });
}

// Handshakes.

const HANDSHAKES: readonly [name: string, status: number, change: (request: string) => string][] = [
  ["version 12", 426, (request) => request.replace("Version: 13", "Version: 12")],
  ["no version", 400, (request) => request.replace("Sec-WebSocket-Version: 13\r\n", "")],
  ["a key of 15 bytes", 400, (request) => request.replace(/Key: \S+/, "Key: AAAAAAAAAAAAAAAAAAAA")],
  ["no key", 400, (request) => request.replace(/Sec-WebSocket-Key: \S+\r\n/, "")],
  [
    "two keys",
    400,
    (request) => request.replace("Host:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost:"),
  ],
  ["POST", 405, (request) => request.replace("GET", "POST")],
  ["HTTP/1.0", 400, (request) => request.replace("HTTP/1.1", "HTTP/1.0")],
  ["no Connection", 400, (request) => request.replace("Connection: Upgrade\r\n", "")],
  ["a body", 400, (request) => request.replace("Host:", "Content-Length: 2\r\nHost:") + "xy"],
  [
    "an unknown subprotocol",
    400,
    (request) => request.replace("Host:", "Sec-WebSocket-Protocol: other\r\nHost:"),
  ],
  [
    "a foreign origin",
    403,
    (request) => request.replace("Host:", "Origin: http://evil.example\r\nHost:"),
  ],
  ["origin null", 403, (request) => request.replace("Host:", "Origin: null\r\nHost:")],
  [
    "another scheme's origin",
    403,
    (request) => request.replace("Host:", "Origin: https://localhost\r\nHost:"),
  ],
  [
    "another port's origin",
    403,
    (request) => request.replace("Host:", "Origin: http://localhost:81\r\nHost:"),
  ],
  [
    "a sub-domain's origin",
    403,
    (request) => request.replace("Host:", "Origin: http://a.localhost\r\nHost:"),
  ],
];

for (const [name, expected, change] of HANDSHAKES) {
  Deno.test(`a handshake with ${name} is answered ${expected} and closed`, async () => {
    using log = captureLog();
    await using served = serve([mirror]);
    const peer = await served.dial();
    peer.send(change(handshake()));
    const { head } = await readResponse(peer);
    assertEquals(status(head), expected);
    if (expected === 426) assertStringIncludes(head.toLowerCase(), "sec-websocket-version: 13");
    if (expected === 403) assertStringIncludes(log.lines.join(), "allowedOrigins");
    assertEquals((await peer.readToEnd()).length, 0);
  });
}

Deno.test("origins are widened by the context, and by a protocol in its place", async () => {
  using _log = captureLog();
  const strict: Protocol = { ...mirror as Protocol, name: "strict", allowedOrigins: [] };
  const open: Protocol = { ...mirror as Protocol, name: "open", allowedOrigins: ["*"] };
  await using served = serve([mirror, strict, open], {
    allowedOrigins: ["https://friend.example"],
  });
  const cases: [string | undefined, string, number][] = [
    [undefined, "http://localhost", 101],
    [undefined, "https://friend.example", 101],
    [undefined, "https://FRIEND.example:443", 101],
    [undefined, "https://evil.example", 403],
    ["strict", "https://friend.example", 403],
    ["strict", "http://localhost", 101],
    ["open", "https://evil.example", 101],
  ];
  for (const [protocol, origin, expected] of cases) {
    const peer = await served.dial();
    peer.send(
      handshake({
        headers: [`Origin: ${origin}`],
        ...(protocol === undefined ? {} : { protocol }),
      }),
    );
    assertEquals(status(await readHead(peer)), expected, `${protocol} ${origin}`);
    peer.close();
  }
});

Deno.test("filterProtocolConnection adds fields to the 101, or refuses in its own words", async () => {
  const filter: Protocol = {
    name: "filter",
    callback: handlers({
      filterProtocolConnection(wsi, _user, filter) {
        assertEquals(filter.protocol, "filter");
        assertEquals(wsi.hdrCopy("host"), "localhost");
        if (wsi.uri === "/no") {
          wsi.returnHttpStatus(402, "Pay first.");
          return 1;
        }
        filter.add("Set-Cookie", "a=b");
        assertThrows(() => filter.add("X", "a\r\nb"), TypeError);
        assertThrows(() => filter.add("Sec-WebSocket-Accept", "x"), TypeError);
      },
    }),
  };
  await using served = serve([mirror, filter]);
  const socket = await served.open({ protocol: "other, filter" });
  assertStringIncludes(socket.answer, "Set-Cookie: a=b\r\n");
  assertStringIncludes(socket.answer.toLowerCase(), "sec-websocket-protocol: filter\r\n");
  const peer = await served.dial();
  peer.send(handshake({ path: "/no", protocol: "filter" }));
  const { head, body } = await readResponse(peer);
  assertEquals(status(head), 402);
  assertStringIncludes(body, "Pay first.");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("section 4.2.2: the 101 has the accept value, and no subprotocol unless one was asked for", async () => {
  await using served = serve([mirror]);
  const { answer } = await served.open();
  assertStringIncludes(answer.toLowerCase(), "upgrade: websocket\r\n");
  assertStringIncludes(answer.toLowerCase(), "connection: upgrade\r\n");
  assertStringIncludes(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert(!answer.toLowerCase().includes("sec-websocket-protocol"));
});

Deno.test("section 4.2.2: the first of the client's subprotocols that is known is chosen", async () => {
  const chat = record("chat");
  const talk = record("talk");
  await using served = serve([mirror, chat.protocol, talk.protocol]);
  const { answer } = await served.open({ protocol: "other, talk, chat" });
  assertStringIncludes(answer.toLowerCase(), "sec-websocket-protocol: talk\r\n");
  assert(talk.reasons.includes("established"));
});
