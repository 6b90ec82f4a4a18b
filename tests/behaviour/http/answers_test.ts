/** Answers, as a client sees them on the wire. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError, type Wsi } from "../../../mod.ts";
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
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const encoder = new TextEncoder();

const decoder = new TextDecoder();

Deno.test("half-close behind the request still gets the answer, and with halfOpenHttp a late one", async () => {
  for (const isLate of [false, true]) {
    let wsi: Wsi | undefined;
    await using served = serve([named("http", {
      http(one) {
        wsi = one;
        if (!isLate) return finish(one);
      },
    })], { halfOpenHttp: isLate });
    const finish = (one: Wsi) => {
      return reply(one, 200, "here");
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
  await using peer = await dialAlone([protocol], get("/1") + get("/2") + get("/3"));
  peer.end();
  for (const path of ["/1", "/2", "/3"]) assertEquals(await readPage(peer), `GET ${path}`);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("half-close inside a request just ends it", async () => {
  for (const part of ["GET / HT", request("POST", "/", "Content-Length: 9") + "abc"]) {
    const recorder = record("http");
    await using peer = await dialAlone([recorder.protocol], part);
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
    await using served = serve([named("http", {
      http(wsi) {
        assertEquals(wsi.returnHttpStatus(status), 0);
        assertEquals(wsi.returnHttpStatus(status), 1, "once a request");
        return wsi.httpTransactionCompleted();
      },
    })]);
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
    await using served = serve([named("http", {
      http(wsi) {
        try {
          wsi.returnHttpStatus(status);
        } catch (error) {
          wasRefused = error instanceof LwsError && error.message.includes("code");
          throw error;
        }
      },
    })]);
    assertEquals((await readRefusal(await served.dial(get("/")))).status, 500, String(status));
    assert(wasRefused);
  }
});

Deno.test("writeHttpHeaders and httpWriteable stream a body as the client reads it", async () => {
  const total = 3 * 1024 * 1024;
  const piece = new Uint8Array(64 * 1024).fill(97);
  let wsi!: Wsi;
  let sent = 0;
  let calls = 0;
  await using served = serve([named("http", {
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
  })], { softUnsentBytes: 200_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/") + get("/next"));
  await settle();
  assert(calls <= 3, `${calls} calls though nobody reads`);
  assert(wsi.unsentBytes <= 200_000 + piece.length);
  peer.transport.startReading();
  assertStringIncludes(await readHead(peer), `content-length: ${total}\r\n`);
  assert((await peer.readBytes(total)).every((byte) => byte === 97));
  assertEquals(statusOf(await readHead(peer)), 200, "the next request is served");
});

Deno.test("without a content-length the body ends with the connection for HTTP/1.0", async () => {
  await using served = serve([named("http", {
    http(wsi) {
      wsi.writeHttpHeaders(200, [["content-type", "text/plain"]]);
      wsi.callbackOnWritable();
    },
    httpWriteable(wsi) {
      wsi.write("all ", "http");
      wsi.write("there is", "http");
      return wsi.httpTransactionCompleted();
    },
  })]);
  const peer = await served.dial("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const head = await readHead(peer);
  assertEquals(fieldOf(head, "connection"), "close");
  assertEquals(fieldOf(head, "transfer-encoding"), undefined);
  assertEquals(decoder.decode(await peer.readToEnd()), "all there is");
});

Deno.test("httpFinal completes the transaction with its bytes", async () => {
  await using served = serve([named("http", {
    http(wsi) {
      wsi.writeHttpHeaders(200, [["content-length", "5"]]);
      assertEquals(wsi.write("hel", "http"), 3);
      assertEquals(wsi.write(encoder.encode("lo"), "httpFinal"), 2);
      assertEquals(wsi.write("more", "http"), -1);
    },
  })]);
  const peer = await served.dial(get("/1") + get("/2"));
  for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "hello");
});

Deno.test("a whole response may be written by hand, head included", async () => {
  await using served = serve([named("http", {
    http(wsi) {
      wsi.write("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n", "httpHeaders");
      wsi.write("ok", "http");
      return wsi.httpTransactionCompleted();
    },
  })]);
  const peer = await served.dial(get("/") + request("HEAD", "/") + get("/"));
  assertEquals((await readResponse(peer)).body, "ok");
  assertEquals(statusOf(await readHead(peer)), 202);
  const third = await readResponse(peer);
  assertEquals([statusOf(third.head), third.body], [202, "ok"], "HEAD got no body");
});

Deno.test("WebSocket writes and writes without a request return -1", async () => {
  const results: number[] = [];
  let wsi!: Wsi;
  await using served = serve([named("http", {
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
      return reply(one, 200, "page");
    },
  })]);
  assertEquals(await readPage(await served.dial(get("/"))), "page");
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
    await using served = serve([named("http", {
      http(wsi) {
        assertThrows(() => wsi.writeHttpHeaders(200, [["x-b", "c"], field]), LwsError);
        assertThrows(() => wsi.serveHttpFile("x", "text/plain", [field]), LwsError);
        if (field[0] === "x-a") assertThrows(() => wsi.serveHttpFile("x", field[1]), LwsError);
        return reply(wsi, 200, "unharmed");
      },
    })]);
    const peer = await served.dial(get("/") + get("/"));
    assertEquals(await readPage(peer), "unharmed");
    assertEquals(await readPage(peer), "unharmed");
  });
}
