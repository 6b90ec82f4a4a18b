/** RFC 9110 section 9.3.6. */

import { assertEquals, assertThrows } from "@std/assert";
import { TunnelAnswer, TunnelError, tunnelRequest } from "../../../src/proxy/tunnel.ts";

const LIMITS = { maxHeaderBytes: 200, maxHeaderFields: 4 };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What comes of an answer: how much was taken, and whether there is a tunnel. */
function answered(text: string): [taken: number, isOpen: boolean] {
  const answer = new TunnelAnswer(LIMITS);
  return [answer.take(encode(text)), answer.isOpen];
}

const refusal = (text: string): TunnelError => assertThrows(() => answered(text), TunnelError);

Deno.test("the request names host and port as target and as Host", () => {
  assertEquals(
    decode(tunnelRequest({ host: "example.com", port: 443 })),
    "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
  );
});

Deno.test("an IPv6 address has brackets, given or not", () => {
  for (const host of ["::1", "[::1]"]) {
    assertEquals(
      decode(tunnelRequest({ host, port: 80 })),
      "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    );
  }
});

Deno.test("credentials go as Basic, in UTF-8 (RFC 7617)", () => {
  // Section 2's own example, and section 2.1's.
  for (
    const [credentials, base64] of [
      ["Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
      ["test:123£", "dGVzdDoxMjPCow=="],
    ] as const
  ) {
    assertEquals(
      decode(tunnelRequest({ host: "h", port: 1, credentials })),
      `CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: Basic ${base64}\r\n\r\n`,
    );
  }
  const long = "u:" + "p".repeat(4094);
  assertEquals(
    decode(tunnelRequest({ host: "h", port: 1, credentials: long })).includes("\n\n"),
    false,
  );
});

Deno.test("a host or port that would break the request is refused", () => {
  for (
    const host of [
      "",
      "a b",
      "a\r\nX: y",
      "a:1",
      "a/b",
      "u@h",
      "[::1",
      "::g",
      "[1.2.3.4]",
      "[h]",
      "a,b",
      "ä",
    ]
  ) {
    assertThrows(() => tunnelRequest({ host, port: 1 }), TunnelError, "no proxy can be asked");
  }
  for (const port of [0, 65_536, -1, 1.5, NaN]) {
    assertThrows(() => tunnelRequest({ host: "h", port }), TunnelError, `port ${port}`);
  }
  tunnelRequest({ host: "h", port: 65_535 });
});

Deno.test("every 2xx opens the tunnel, which begins behind the head", () => {
  for (const status of ["200 Connection established", "200 ", "204 No Content", "299 x"]) {
    const head = `HTTP/1.1 ${status}\r\n\r\n`;
    assertEquals(answered(head), [head.length, true]);
    assertEquals(answered(`${head}HTTP/1.1 500 of the server\r\n\r\n`), [head.length, true]);
  }
  assertEquals(answered("HTTP/1.0 200 OK\r\n\r\nx"), [19, true]);
});

Deno.test("what a 2xx says of a body is ignored", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
  assertEquals(answered(`${head}abcdef`), [head.length, true]);
});

Deno.test("the answer may come in any pieces, and interim ones before it", () => {
  const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
  const whole = encode(`${interim}HTTP/1.1 200 OK\r\nVia: p\r\n\r\ntunnel`);
  const opening = whole.length - "tunnel".length;
  for (let first = 0; first <= whole.length; first++) {
    const answer = new TunnelAnswer(LIMITS);
    const taken = answer.take(whole.subarray(0, first));
    assertEquals(answer.isOpen, first >= opening);
    assertEquals(taken + answer.take(whole.subarray(taken)), opening);
    assertEquals(answer.isOpen, true);
  }
  const byByte = new TunnelAnswer(LIMITS);
  let start = 0;
  for (let end = 1; end <= whole.length; end++) start += byByte.take(whole.subarray(start, end));
  assertEquals(start, opening);
});

Deno.test("a refusal is an error with the proxy's status and reason", () => {
  const head = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
  const error = refusal(`${head}<html>`);
  assertEquals(error.message, "the proxy answered 407 Proxy Authentication Required");
  assertEquals(error.status, 407);
  assertEquals(refusal("HTTP/1.1 502 No\r\n\r\n").message, "the proxy answered 502 No");
  assertEquals(
    refusal("HTTP/1.1 503 \r\n\r\n").message,
    "the proxy answered 503 Service Unavailable",
  );
  assertEquals(refusal("HTTP/1.1 300 \r\n\r\n").message, "the proxy answered 300 Multiple Choices");
  assertEquals(refusal("HTTP/1.1 799 \r\n\r\n").message, "the proxy answered 799");
  assertEquals(refusal("HTTP/1.1 301 Moved\r\nLocation: x\r\n\r\n").status, 301);
});

Deno.test("101 is no answer to CONNECT", () => {
  const error = refusal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  assertEquals(error.message, "the proxy answered 101 Switching Protocols");
});

Deno.test("of a reason 100 characters are kept", () => {
  const reason = (length: number) => refusal(`HTTP/1.1 500 ${"r".repeat(length)}\r\n\r\n`).message;
  assertEquals(reason(100), `the proxy answered 500 ${"r".repeat(100)}`);
  assertEquals(reason(101), `${reason(100)}...`);
});

Deno.test("a proxy may leave out the blank behind the code", () => {
  assertEquals(answered("HTTP/1.1 200\r\n\r\n")[1], true);
  assertEquals(
    refusal("HTTP/1.1 407\r\n\r\n").message,
    "the proxy answered 407 Proxy Authentication Required",
  );
});

Deno.test("16 interim responses are read, and a 17th is one too many", () => {
  const interim = "HTTP/1.1 102 Processing\r\n\r\n";
  const final = "HTTP/1.1 200 OK\r\n\r\n";
  assertEquals(answered(interim.repeat(16) + final)[1], true);
  assertEquals(
    refusal(interim.repeat(17) + final).message,
    "the proxy sent too many interim responses",
  );
});

Deno.test("what is no HTTP is refused with the first byte that shows it", () => {
  for (const text of ["SSH-2.0-x\r\n", "HTTP/2", "<html>", "h"]) {
    const error = refusal(text);
    assertEquals(error.message, "the proxy's answer can't be read: the answer is not HTTP/1.1");
    assertEquals(error.status, 0);
  }
  assertEquals(answered("HTTP/1."), [0, false]);
  for (
    const text of [
      "\x16\x03\x01",
      "HTTP/1.1 2000 OK\r\n",
      "HTTP/1.1 200OK\r\n",
      "HTTP/1.1 200 OK\n",
    ]
  ) {
    refusal(text);
  }
});

Deno.test("a head of the limit is read, and one byte or field more is refused", () => {
  const head = (length: number) => `HTTP/1.1 200 OK\r\nX: ${"x".repeat(length - 24)}\r\n\r\n`;
  assertEquals(head(200).length, 200);
  assertEquals(answered(head(200)), [200, true]);
  assertEquals(
    refusal(head(201)).message,
    "the proxy's answer can't be read: the head is too long",
  );
  const fields = (count: number) => `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(count)}\r\n`;
  assertEquals(answered(fields(4))[1], true);
  assertEquals(
    refusal(fields(5)).message,
    "the proxy's answer can't be read: too many header fields",
  );
});
