import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import {
  type BodyFraming,
  BodyReader,
  expectsContinue,
  requestFraming,
} from "../../../../../src/core/http/body/reader.ts";
import { RequestHeadParser } from "../../../../../src/core/http/head.ts";
import {
  assertRefused,
  bytesOf,
  LIMITS,
  readRequest,
  requestWith,
  textOf,
} from "../../../../support/http_messages.ts";

function assertFramingRefused(status: number, ...lines: string[]): void {
  const head = requestWith(...lines);
  assertRefused(() => requestFraming(head), status);
}

Deno.test("RFC 9112 section 6.3: a request without length and coding has no body", () => {
  assertEquals(requestFraming(requestWith()), { kind: "none" });
});

Deno.test("a Content-Length is digits", () => {
  assertEquals(requestFraming(requestWith("Content-Length: 0")), { kind: "length", length: 0 });
  assertEquals(requestFraming(requestWith("Content-Length: 42")), { kind: "length", length: 42 });
});

Deno.test("a Content-Length with a sign, hex, _, a blank inside, or that overflows is 400", () => {
  const values = ["+5", "-5", "0x5", "1_0", "1 0", "5a", "", "5.0", "1e1", "\xb2", '"5"', "5;a"];
  values.push("9007199254740992", "18446744073709551621", "9".repeat(500));
  for (const value of values) assertFramingRefused(400, `Content-Length: ${value}`);
});

Deno.test("several or comma-joined lengths are 400, whether they differ or not", () => {
  assertFramingRefused(400, "Content-Length: 5", "Content-Length: 6");
  assertFramingRefused(400, "Content-Length: 5", "content-length: 5");
  assertFramingRefused(400, "Content-Length: 5, 6");
  assertFramingRefused(400, "Content-Length: 5, 5");
  assertFramingRefused(400, "Content-Length: 5,");
});

Deno.test("RFC 9112 section 6.1: chunked in any case is chunked", () => {
  assertEquals(requestFraming(requestWith("Transfer-Encoding: chunked")), { kind: "chunked" });
  assertEquals(requestFraming(requestWith("Transfer-Encoding:\tChUnKeD ")), { kind: "chunked" });
});

Deno.test("RFC 9112 section 6.1: Content-Length with Transfer-Encoding is 400", () => {
  assertFramingRefused(400, "Content-Length: 5", "Transfer-Encoding: chunked");
  assertFramingRefused(400, "Transfer-Encoding: chunked", "Content-Length: 0");
});

Deno.test("RFC 9112 section 6.1: Transfer-Encoding under HTTP/1.0 is 400", () => {
  const head = readRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
  assertRefused(() => requestFraming(head), 400, "HTTP/1.0");
});

Deno.test("RFC 9112 section 6.3: a Transfer-Encoding that does not end in chunked is 400", () => {
  const values = ["identity", "gzip", "xchunked", "chunkedx", "chunked;a=b", '"chunked"', "", ","];
  values.push("chunked, gzip", "chunked, identity", "chunked,", "chunke", "chunked chunked");
  for (const value of values) assertFramingRefused(400, `Transfer-Encoding: ${value}`);
});

Deno.test("a doubled coding, identity and a leading comma before chunked are 400", () => {
  assertFramingRefused(400, "Transfer-Encoding: chunked, chunked");
  assertFramingRefused(400, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked");
  assertFramingRefused(400, "Transfer-Encoding: identity, chunked");
  assertFramingRefused(400, "Transfer-Encoding: , chunked");
  assertFramingRefused(400, "Transfer-Encoding: gzip,, chunked");
  assertFramingRefused(400, "Transfer-Encoding:", "Transfer-Encoding: chunked");
});

Deno.test("RFC 9112 section 6.1: an unknown coding below chunked is 501", () => {
  assertFramingRefused(501, "Transfer-Encoding: gzip, chunked");
  assertFramingRefused(501, "Transfer-Encoding: unknown", "Transfer-Encoding: chunked");
});

Deno.test("a Transfer-Encoding with VT, FF, NUL or a fold inside is 400 already in the head", () => {
  for (
    const value of ["\x0bchunked", "chunked\x0c", "chun\0ked", "\r\n chunked", "chunked\r\n\t"]
  ) {
    assertRefused(() => requestWith(`Transfer-Encoding: ${value}`), 400);
  }
});

Deno.test("RFC 9110 section 10.1.1: 100-continue is understood, other expectations are 417", () => {
  assertFalse(expectsContinue(requestWith()));
  assert(expectsContinue(requestWith("Expect: 100-Continue")));
  for (const value of ["", "200-ok", "100-continue, x", "100-continue;a", "100"]) {
    assertRefused(() => expectsContinue(requestWith(`Expect: ${value}`)), 417);
  }
  assertRefused(() => expectsContinue(requestWith("Expect: 100-continue", "Expect: x")), 417);
  assertFalse(expectsContinue(readRequest("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")));
});

function readAll(framing: BodyFraming, text: string): { payload: string; taken: number } {
  const reader = new BodyReader(framing, 1000);
  let payload = "";
  const taken = reader.read(bytesOf(text), (piece) => payload += textOf(piece));
  return { payload, taken };
}

Deno.test("a body of no length is done at once and takes nothing", () => {
  for (const framing of [{ kind: "none" }, { kind: "length", length: 0 }] as const) {
    assert(new BodyReader(framing, 0).done);
    assertEquals(readAll(framing, "GET / HTTP/1.1"), { payload: "", taken: 0 });
  }
});

Deno.test("a body with a length ends at it, in any pieces", () => {
  assertEquals(readAll({ kind: "length", length: 5 }, "helloGET /"), {
    payload: "hello",
    taken: 5,
  });
  const reader = new BodyReader({ kind: "length", length: 5 }, 5);
  const pieces: string[] = [];
  for (const text of ["h", "", "ell", "oGET"]) {
    assertFalse(reader.done);
    reader.read(bytesOf(text), (piece) => pieces.push(textOf(piece)));
  }
  assert(reader.done);
  assertEquals(pieces, ["h", "ell", "o"]);
  assertEquals(reader.read(bytesOf("GET"), () => {}), 0);
});

Deno.test("a piece of a body is a view of the bytes that came", () => {
  const bytes = bytesOf("hello");
  const reader = new BodyReader({ kind: "length", length: 5 }, 5);
  reader.read(bytes, (piece) => assertStrictEquals(piece.buffer, bytes.buffer));
  const chunked = bytesOf("5\r\nhello\r\n0\r\n\r\n");
  new BodyReader({ kind: "chunked" }, 5)
    .read(chunked, (piece) => assertStrictEquals(piece.buffer, chunked.buffer));
});

Deno.test("a Content-Length of the limit is taken, one more is 413 before anything is read", () => {
  new BodyReader({ kind: "length", length: 10 }, 10);
  assertRefused(() => new BodyReader({ kind: "length", length: 11 }, 10), 413);
});

Deno.test("a body in chunks ends with them", () => {
  assertEquals(readAll({ kind: "chunked" }, "5\r\nhello\r\n0\r\n\r\nGET /"), {
    payload: "hello",
    taken: 15,
  });
});

Deno.test("pause ends a read behind the piece, with a length and in chunks", () => {
  const bytes = bytesOf("1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  const reader = new BodyReader({ kind: "chunked" }, 10);
  let payload = "";
  const onData = (piece: Uint8Array) => {
    payload += textOf(piece);
    reader.pause();
  };
  const first = reader.read(bytes, onData);
  assertEquals([payload, first], ["a", 4]);
  const second = reader.read(bytes.subarray(first), onData);
  assertEquals([payload, second], ["ab", 6]);
  assertFalse(reader.done);
  assertEquals(reader.read(bytes.subarray(first + second), onData), 7);
  assert(reader.done);
  const plain = new BodyReader({ kind: "length", length: 2 }, 2);
  assertEquals(plain.read(bytesOf("ab"), () => plain.pause()), 2);
  assert(plain.done);
});

Deno.test("a joined read gives one copy of what all of its chunks have, and what came before a fault", () => {
  for (const text of ["", "1\r\na\r\n", "1\r\na\r\n3\r\nbcd\r\n2\r\nef"]) {
    const bytes = bytesOf(text);
    const pieces: Uint8Array[] = [];
    const reader = new BodyReader({ kind: "chunked" }, 10);
    assertEquals(reader.readJoined(bytes, (piece) => pieces.push(piece)), bytes.length);
    bytes.fill(0);
    assertEquals(pieces.map(textOf), text === "" ? [] : [text.includes("f") ? "abcdef" : "a"]);
    for (const { length, buffer } of pieces) assertEquals(buffer.byteLength, length);
  }
  const pieces: string[] = [];
  const take = (piece: Uint8Array) => pieces.push(textOf(piece));
  const broken = new BodyReader({ kind: "chunked" }, 10);
  assertRefused(() => broken.readJoined(bytesOf("1\r\na\r\n1\r\nb\r\n?"), take), 400);
  assertEquals(
    new BodyReader({ kind: "length", length: 2 }, 2).readJoined(bytesOf("cde"), take),
    2,
  );
  assertEquals(pieces, ["ab", "cd"]);
});

Deno.test("chunks of all lengths are joined, by readers that take turns", () => {
  const lengths = [1, 15, 16, 17, 300, 2, 0x3fff];
  const payload = (at: number) => String.fromCharCode(97 + at).repeat(lengths[at]!);
  const bytes = bytesOf(
    lengths.map((length, at) => `${length.toString(16)}\r\n${payload(at)}\r\n`).join(""),
  );
  const whole = lengths.map((_, at) => payload(at)).join("");
  const [one, other] = [1, 2].map(() => new BodyReader({ kind: "chunked" }, 1 << 20));
  const pieces: Uint8Array[] = [];
  one!.readJoined(bytes, (piece) => {
    pieces.push(piece);
    // In the middle of it, as a program may feed another.
    other!.readJoined(bytesOf("3\r\nxyz\r\n3\r\nzyx\r\n"), (more) => pieces.push(more));
  });
  assertEquals(pieces.map(textOf), [whole, "xyzzyx"]);
});

Deno.test("as many as 512 chunks make one piece, and the next read goes on behind them", () => {
  for (const [count, lengths] of [[512, [512]], [513, [512, 1]]] as const) {
    const reader = new BodyReader({ kind: "chunked" }, 1 << 20);
    const pieces: number[] = [];
    let bytes = bytesOf("1\r\na\r\n".repeat(count) + "0\r\n\r\n");
    while (bytes.length > 0) {
      bytes = bytes.subarray(reader.readJoined(bytes, (piece) => pieces.push(piece.length)));
    }
    assertEquals([reader.done, pieces], [true, [...lengths]]);
  }
});

Deno.test("a body on GET does not desynchronise the requests behind it", () => {
  const text = "GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" +
    "GET /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n" +
    "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
  let bytes = bytesOf(text);
  const parser = new RequestHeadParser(LIMITS);
  const seen: string[] = [];
  while (bytes.length > 0) {
    bytes = bytes.subarray(parser.parse(bytes));
    seen.push(parser.head.path);
    const reader = new BodyReader(requestFraming(parser.head), 100);
    bytes = bytes.subarray(reader.read(bytes, () => {}));
    assert(reader.done);
    parser.reset();
  }
  assertEquals(seen, ["/1", "/2", "/3"]);
});
