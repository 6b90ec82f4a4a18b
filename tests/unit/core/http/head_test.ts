import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  keepsAlive,
  type RequestHead,
  RequestHeadParser,
  ResponseHeadParser,
} from "../../../../src/core/http/head.ts";
import {
  assertRefused,
  bytesOf,
  LIMITS,
  readRequest,
  readResponse,
} from "../../../support/http_messages.ts";

/** A request line and Host, which most requests here need. */
const START = "GET / HTTP/1.1\r\nHost: a\r\n";

function assertBad(request: string, status: number, message = ""): void {
  assertRefused(() => readRequest(request), status, message);
}

function summary(head: RequestHead): unknown {
  return { ...head, fields: [...head.fields.entries()] };
}

Deno.test("a request head is its method, target, version and fields", () => {
  const head = readRequest(
    "GET /a%20b?c=d HTTP/1.1\r\nHost: Example.com:81\r\nX: 1\r\nx: 2\r\n\r\n",
  );
  assertEquals(summary(head), {
    method: "GET",
    target: "/a%20b?c=d",
    path: "/a b",
    uriArgs: "c=d",
    minorVersion: 1,
    fields: [["host", "Example.com:81"], ["x", "1"], ["x", "2"]],
    host: "Example.com:81",
  });
});

Deno.test("RFC 9110 section 5.5: blanks around a field value are no part of it", () => {
  const head = readRequest(START + "A: \t b c \t\r\nB:\r\nC: \t\r\nD:\x80\xff:\r\n\r\n");
  const values = (["a", "b", "c", "d"] as const).map((name) => head.fields.get(name));
  assertEquals(values, ["b c", "", "", "\x80\xff:"]);
});

Deno.test("a field value that looks like UTF-8 is read as Latin-1, and back again as sent", () => {
  for (const value of ["\xc3\xa9", "\x80\x9f", "\xff"]) {
    assertEquals(readRequest(`${START}X: ${value}\r\n\r\n`).fields.get("x"), value);
    const parser = new RequestHeadParser(LIMITS);
    const bytes = bytesOf(`${START}X: ${value}\r\nY: z\r\n\r\n`);
    parser.parse(bytes.subarray(0, bytes.length - 8));
    parser.parse(bytes);
    assertEquals([parser.head.fields.get("x"), parser.head.fields.get("y")], [value, "z"]);
  }
});

Deno.test("a parser returns the length of the head and leaves what follows", () => {
  const parser = new RequestHeadParser(LIMITS);
  const text = START + "\r\n";
  assertEquals(parser.parse(bytesOf(text + "GET /next")), text.length);
});

Deno.test("a head in any two pieces, or byte by byte, is the same as in one", () => {
  const text = "\r\nPUT /%c3%a9/../x?y HTTP/1.0\r\nHost: a\r\nA: \xff b \r\nEmpty:\r\n\r\n";
  const bytes = bytesOf(text);
  const expected = summary(readRequest(text));
  for (let cut = 0; cut < bytes.length; cut++) {
    const parser = new RequestHeadParser(LIMITS);
    assertEquals(parser.parse(bytes.subarray(0, cut)), 0);
    assertEquals(parser.parse(bytes), bytes.length);
    assertEquals(summary(parser.head), expected);
  }
  const parser = new RequestHeadParser(LIMITS);
  for (let end = 0; end < bytes.length; end++) {
    assertEquals(parser.parse(bytes.subarray(0, end)), 0);
  }
  assertEquals(parser.parse(bytes), bytes.length);
  assertEquals(summary(parser.head), expected);
});

Deno.test("a head that comes byte by byte is scanned once", () => {
  const limits = { maxHeaderBytes: 1 << 20, maxHeaderFields: 100 };
  const text = `${START}X: ${"x".repeat(200_000)}\r\n\r\n`;
  const bytes = bytesOf(text);
  let reads = 0;
  const counting = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === "string" && key >= "0" && key < ":") reads++;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const parser = new RequestHeadParser(limits);
  for (let end = 1; end < text.length; end += 1000) {
    Object.defineProperty(counting, "length", { value: end, configurable: true });
    parser.parse(counting);
  }
  Object.defineProperty(counting, "length", { value: text.length, configurable: true });
  assertEquals(parser.parse(counting), text.length);
  assert(reads < 4 * text.length, `${reads} reads of ${text.length} bytes`);
});

Deno.test("a parser can be reset for the next of many pipelined requests", () => {
  const one = START + "\r\n";
  const bytes = bytesOf(one.repeat(12));
  const parser = new RequestHeadParser(LIMITS);
  let at = 0;
  for (let i = 0; i < 12; i++) {
    at += parser.parse(bytes.subarray(at));
    assertEquals([...parser.head.fields.entries()], [["host", "a"]]);
    parser.reset();
    assertThrows(() => parser.head, Error, "not complete");
  }
  assertEquals(at, bytes.length);
});

Deno.test("a head can't be read before it is complete", () => {
  const parser = new RequestHeadParser(LIMITS);
  parser.parse(bytesOf(START));
  assertThrows(() => parser.head, Error, "not complete");
});

Deno.test("a head of exactly the limit is taken, one byte more is 431", () => {
  const text = START + "X: y\r\n\r\n";
  const limits = { maxHeaderBytes: text.length, maxHeaderFields: 100 };
  assertEquals(new RequestHeadParser(limits).parse(bytesOf(text + "more")), text.length);
  const longer = bytesOf(START + "X: yz\r\n\r\n");
  assertRefused(() => new RequestHeadParser(limits).parse(longer), 431, "too long");
  const parser = new RequestHeadParser(limits);
  assertEquals(parser.parse(longer.subarray(0, text.length)), 0);
  assertRefused(() => parser.parse(longer), 431, "too long");
});

Deno.test("one header of 1 MiB is 431 as soon as the limit is passed", () => {
  const parser = new RequestHeadParser(LIMITS);
  const bytes = bytesOf(START + "X: " + "x".repeat(1 << 20));
  assertEquals(parser.parse(bytes.subarray(0, LIMITS.maxHeaderBytes)), 0);
  assertRefused(() => parser.parse(bytes.subarray(0, LIMITS.maxHeaderBytes + 1)), 431);
});

Deno.test("RFC 9112 section 3: a URI of 1 MiB is 414", () => {
  assertBad("GET /" + "x".repeat(1 << 20), 414);
  assertBad("GET /" + "x".repeat(1 << 20) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414);
});

Deno.test("as many fields as the limit are taken, one more is 431", () => {
  const fields = (count: number) => START + "X: y\r\n".repeat(count - 1) + "\r\n";
  assertEquals(readRequest(fields(100)).fields.size, 100);
  assertBad(fields(101), 431, "too many");
});

Deno.test("100,000 headers are 431 whatever the limit of bytes", () => {
  const parser = new RequestHeadParser({ maxHeaderBytes: 1 << 30, maxHeaderFields: 100 });
  const bytes = bytesOf(START + "X: y\r\n".repeat(100_000));
  assertRefused(() => parser.parse(bytes), 431, "too many");
});

Deno.test("each known method is taken", () => {
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assertEquals(readRequest(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).method, method);
  }
});

Deno.test("RFC 9110 section 9.1: another method is 501 as soon as it is known", () => {
  for (const start of ["TRACE ", "get / HTTP/1.1", "BREW ", "OPTIONSX"]) {
    assertRefused(() => new RequestHeadParser(LIMITS).parse(bytesOf(start)), 501, "unknown method");
  }
  const connect = bytesOf("CONNECT a:1 HTTP/1.1\r\n");
  assertRefused(() => new RequestHeadParser(LIMITS).parse(connect), 501, "tunnels");
});

Deno.test("bytes that can't become a request are refused at once", () => {
  const refused: [string, number][] = [
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400],
    ["\0", 400],
    ["\x80\xff", 400],
    [" GET", 400],
    [":", 400],
    ["G(T", 400],
    ["GET\t/ HTTP/1.1", 400],
    ["\xffrandom\r\n", 400],
  ];
  for (const [text, status] of refused) {
    const parse = () => new RequestHeadParser(LIMITS).parse(bytesOf(text));
    assertRefused(parse, status);
  }
});

Deno.test("the preface of HTTP/2 is 505", () => {
  assertBad("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/2");
  assertRefused(() => new RequestHeadParser(LIMITS).parse(bytesOf("PRI ")), 505);
  assertEquals(new RequestHeadParser(LIMITS).parse(bytesOf("PRI")), 0);
});

Deno.test("RFC 9112 section 2.2: at most two empty lines before a request are skipped", () => {
  assertEquals(readRequest("\r\n\r\n" + START + "\r\n").method, "GET");
  assertBad("\r\n\r\n\r\n" + START + "\r\n", 400, "incomplete");
});

Deno.test("RFC 9112 section 2.2: a bare LF or CR is refused wherever it stands", () => {
  assertBad("GET / HTTP/1.1\nHost: a\n\n", 400, "bare LF");
  assertBad(START + "X: y\n\r\n", 400, "bare LF");
  assertBad(START + "\n", 400, "bare LF");
  assertBad("\n" + START + "\r\n", 400, "bare LF");
  assertBad(START + "X: a\rb\r\n\r\n", 400, "bare CR");
  assertBad("GET / HTTP/1.1\rHost: a\r\n\r\n", 400, "bare CR");
  assertBad(START + "X: a\r\r\n\r\n", 400, "bare CR");
  assertBad(START + "\r\r\n", 400, "bare CR");
});

Deno.test("NUL and other controls are refused wherever they stand", () => {
  for (const control of ["\0", "\x01", "\x0b", "\x0c", "\x1f", "\x7f"]) {
    assertBad(START + `X: a${control}b\r\n\r\n`, 400, "control");
    assertBad(START + `X${control}: a\r\n\r\n`, 400, "control");
    assertBad(`GET /${control} HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "control");
    assertBad(`GE${control}T`, 400, "control");
  }
});

Deno.test("RFC 9112 section 5.1: a blank before the colon is refused", () => {
  assertBad(START + "X : y\r\n\r\n", 400, "before the colon");
  assertBad(START + "Content-Length\t: 5\r\n\r\n", 400, "before the colon");
});

Deno.test("RFC 9112 section 5.2: an obsolete fold is refused", () => {
  assertBad(START + "X: y\r\n z\r\n\r\n", 400, "folding");
  assertBad(START + "X: y\r\n\tz\r\n\r\n", 400, "folding");
  assertBad("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folding");
});

Deno.test("a field without a name or a colon is refused", () => {
  assertBad(START + ": y\r\n\r\n", 400, "without a name");
  assertBad(START + "X\r\n\r\n", 400, "without a colon");
});

Deno.test("RFC 9112 section 3: a request line has two single blanks", () => {
  assertBad("GET  / HTTP/1.1\r\n\r\n", 400, "blanks");
  assertBad("GET /  HTTP/1.1\r\n\r\n", 400, "blanks");
  assertBad("GET / HTTP/1.1 \r\n\r\n", 400, "blanks");
  assertBad("GET /a b HTTP/1.1\r\n\r\n", 400, "blanks");
  assertBad("GET /\r\n\r\n", 400, "incomplete");
  assertBad("GET\r\n\r\n", 400, "incomplete");
  assertBad("GET /\tHTTP/1.1\r\n\r\n", 400, "incomplete");
});

Deno.test("RFC 9110 section 2.5: HTTP/1.0 and 1.x are taken, other versions are 505", () => {
  assertEquals(readRequest("GET / HTTP/1.0\r\n\r\n").minorVersion, 0);
  assertEquals(readRequest("GET / HTTP/1.9\r\nHost: a\r\n\r\n").minorVersion, 1);
  for (const version of ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0"]) {
    assertBad(`GET / ${version}\r\n\r\n`, 505);
  }
});

Deno.test("RFC 9112 section 2.3: what is no version is refused", () => {
  for (const version of ["HTTP/1", "HTTP/1.", "HTTP/1.10", "http/1.1", "HTTP/1,1", "HTTP/a.1"]) {
    assertBad(`GET / ${version}\r\n\r\n`, 400, "version");
  }
  assertBad("GET / HTTP/1.x\r\n\r\n", 400, "version");
});

Deno.test("RFC 9112 section 3.2: an HTTP/1.1 request has exactly one valid Host", () => {
  assertBad("GET / HTTP/1.1\r\n\r\n", 400, "missing");
  assertBad(START + "Host: a\r\n\r\n", 400, "more than one");
  assertBad("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "more than one");
  for (
    const host of ["a b", "a, b", "a,b", "a/b", "u@a", "a:b", "a:99999", "[::1", "\xe9", "a%00"]
  ) {
    assertBad(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, "bad Host");
  }
  assertEquals(readRequest("GET / HTTP/1.0\r\n\r\n").host, "");
});

Deno.test("RFC 9110 section 4.2.1: an empty Host is refused, in any version and for any target", () => {
  for (const minor of [0, 1]) {
    for (const host of ["", " ", " \t "]) {
      for (const line of ["GET /", "OPTIONS *", "GET http://a/"]) {
        assertBad(`${line} HTTP/1.${minor}\r\nHost:${host}\r\n\r\n`, 400, "Host is empty");
      }
    }
  }
});

Deno.test("a target in absolute form must agree with Host", () => {
  const read = (target: string, host: string) =>
    readRequest(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assertEquals(read("http://A/b?c", "a").path, "/b");
  assertEquals(read("http://a:80/", "a").host, "a");
  assertEquals(read("https://a/", "a:443").host, "a:443");
  for (
    const [target, host] of [["http://a/", "b"], ["http://a/", "a:81"], ["https://a/", "a:80"]]
  ) {
    assertRefused(() => read(target!, host!), 400, "disagree");
  }
  assertRefused(() => read("http://a/", ""), 400, "empty");
  assertBad("GET http://a/ HTTP/1.1\r\n\r\n", 400, "missing");
});

Deno.test("an HTTP/1.0 request without Host takes it from an absolute target", () => {
  assertEquals(readRequest("GET http://A/ HTTP/1.0\r\n\r\n").host, "a");
  assertEquals(readRequest("GET http://a:81/ HTTP/1.0\r\n\r\n").host, "a:81");
});

Deno.test("OPTIONS * is taken, other targets that are no path are refused", () => {
  assertEquals(readRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
  assertBad("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  assertBad("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  assertBad("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  assertBad("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  assertBad("GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
});

Deno.test("RFC 9112 section 9.3: HTTP/1.1 persists unless closed, HTTP/1.0 when asked to", () => {
  const keeps = (minor: number, connection: string) =>
    keepsAlive(
      readRequest(`GET / HTTP/1.${minor}\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`),
    );
  assert(keepsAlive(readRequest(START + "\r\n")));
  assert(keeps(1, "Upgrade"));
  assertFalse(keeps(1, "Upgrade, Close"));
  assertFalse(keeps(1, "keep-alive, close"));
  assertFalse(keepsAlive(readRequest("GET / HTTP/1.0\r\n\r\n")));
  assert(keeps(0, "Keep-Alive"));
  assertFalse(keeps(0, "keep-alive, close"));
});

Deno.test("a response head is its status, reason, version and fields", () => {
  const head = readResponse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  assertEquals([head.status, head.reason, head.minorVersion], [101, "Switching Protocols", 1]);
  assertEquals([...head.fields.entries()], [["upgrade", "websocket"]]);
  assertEquals(readResponse("HTTP/1.0 200 \r\n\r\n").minorVersion, 0);
  assertEquals(readResponse("HTTP/1.1 299 \r\n\r\n").reason, "");
  assertEquals(readResponse("HTTP/1.1 403 a  \xe9\tb\r\n\r\n").reason, "a  \xe9\tb");
});

Deno.test("a status line without the blank behind the code is taken", () => {
  for (const minor of [0, 1]) {
    const head = readResponse(`HTTP/1.${minor} 101\r\nUpgrade: websocket\r\n\r\n`);
    assertEquals([head.status, head.reason, head.minorVersion], [101, "", minor]);
  }
});

Deno.test("a response head byte by byte is the same as in one piece", () => {
  const bytes = bytesOf("HTTP/1.1 101 OK\r\nA: b\r\n\r\n\x81\x00");
  const parser = new ResponseHeadParser(LIMITS);
  for (let end = 0; end < bytes.length - 2; end++) {
    assertEquals(parser.parse(bytes.subarray(0, end)), 0);
  }
  assertEquals(parser.parse(bytes), bytes.length - 2);
  assertEquals([parser.head.status, parser.head.fields.get("a")], [101, "b"]);
});

Deno.test("a response head that breaks the rules is refused without a status", () => {
  const responses = [
    "HTTP/1.1 200\t\r\n\r\n",
    "HTTP/1.1 200OK\r\n\r\n",
    "HTTP/1.1 \r\n\r\n",
    "HTTP/1.1\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 000 OK\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.x 200 OK\r\n\r\n",
    "HTTP/1.1\t200 OK\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\n" + "A: b\r\n".repeat(101) + "\r\n",
  ];
  for (const text of responses) assertRefused(() => readResponse(text), 0);
});

Deno.test("bytes that can't become a response are refused at once", () => {
  for (const text of ["GET", "HTTP/2", "SSH-2.0", "\x15\x03"]) {
    assertRefused(() => new ResponseHeadParser(LIMITS).parse(bytesOf(text)), 0);
  }
});

Deno.test("an endless response head is refused at the limit", () => {
  const endless = bytesOf("HTTP/1.1 200 " + "x".repeat(20_000));
  assertRefused(() => new ResponseHeadParser(LIMITS).parse(endless), 0, "start line");
  const header = bytesOf("HTTP/1.1 200 OK\r\nA: " + "x".repeat(20_000));
  assertRefused(() => new ResponseHeadParser(LIMITS).parse(header), 0, "head is too long");
});
