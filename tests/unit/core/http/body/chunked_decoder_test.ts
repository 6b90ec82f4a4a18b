import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  ChunkedDecoder,
  FREE_CHUNKS,
  MAX_CHUNK_EXTRAS,
  MINIMUM_CHUNK_COST,
} from "../../../../../src/core/http/body/chunked_decoder.ts";
import { assertRefused, bytesOf, textOf } from "../../../../support/http_messages.ts";

const END = "0\r\n\r\n";

function decode(text: string, maxBodySize = 1000): string {
  const decoder = new ChunkedDecoder(maxBodySize);
  let payload = "";
  assertEquals(decoder.read(bytesOf(text), (piece) => payload += textOf(piece)), text.length);
  assert(decoder.done, `not done: ${JSON.stringify(text)}`);
  return payload;
}

function assertBad(text: string, message = ""): void {
  assertRefused(() => decode(text), 400, message);
  const decoder = new ChunkedDecoder(1000);
  assertRefused(
    () => {
      for (const byte of bytesOf(text)) decoder.read(Uint8Array.of(byte), () => {});
    },
    400,
    message,
  );
}

Deno.test("RFC 9112 section 7.1: chunks are joined", () => {
  assertEquals(decode("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n" + END), "hello world");
  assertEquals(decode(END), "");
  assertEquals(decode("a\r\n0123456789\r\n" + END), "0123456789");
  assertEquals(decode("0A\r\n0123456789\r\n000" + END), "0123456789");
});

Deno.test("payload may look like a chunk", () => {
  assertEquals(decode("7\r\n\r\n0\r\n\r\n\r\n" + END), "\r\n0\r\n\r\n");
});

Deno.test("a body in any two pieces, or byte by byte, is the same as in one", () => {
  const text = '5;a="b\\"c";d\r\nhello\r\n06 ; e = f\r\n world\r\n0;g\r\nX: y\r\nZ:\r\n\r\n';
  const bytes = bytesOf(text + "GET");
  for (let cut = 0; cut <= text.length; cut++) {
    const decoder = new ChunkedDecoder(1000);
    let payload = "";
    const onData = (piece: Uint8Array) => payload += textOf(piece);
    const first = decoder.read(bytes.subarray(0, cut), onData);
    assertEquals(first, cut);
    assertEquals(first + decoder.read(bytes.subarray(first), onData), text.length);
    assertEquals(payload, "hello world");
  }
  const decoder = new ChunkedDecoder(1000);
  let payload = "";
  for (const byte of bytesOf(text)) {
    assertFalse(decoder.done);
    assertEquals(decoder.read(Uint8Array.of(byte), (piece) => payload += textOf(piece)), 1);
  }
  assertEquals([payload, decoder.done], ["hello world", true]);
  assertEquals(decoder.read(bytesOf("GET"), () => {}), 0);
});

Deno.test("a chunk size with 0x, _, a sign, a blank in front or none is refused", () => {
  for (
    const size of ["0x5", "0X5", "1_0", "+5", "-5", "-0", " 5", "\t5", "", ";a", "g", "5g", "5\0"]
  ) {
    assertBad(`${size}\r\nhello\r\n${END}`);
  }
  assertBad("\r\n5\r\nhello\r\n" + END, "without a size");
});

Deno.test("a blank behind a chunk size is refused unless an extension follows", () => {
  assertBad("5 \r\nhello\r\n" + END);
  assertBad("5 5\r\nhello\r\n" + END);
  assertEquals(decode("5 \t;a\r\nhello\r\n" + END), "hello");
});

Deno.test("a chunk size that overflows is refused", () => {
  assertBad("20000000000000\r\n", "too large");
  assertBad("FFFFFFFFFFFFFFFF\r\n", "too large");
  assertBad("10000000000000005\r\nhello\r\n", "too large");
  assertBad("0".repeat(17) + "\r\n\r\n", "too large");
  assertEquals(decode("0".repeat(16) + "\r\n\r\n"), "");
  const largest = "1FFFFFFFFFFFFF\r\n";
  assertRefused(() => decode(largest), 413);
  new ChunkedDecoder(Infinity).read(bytesOf(largest), () => {});
});

Deno.test("a chunk size line ends in CRLF", () => {
  assertBad("5\nhello\r\n" + END, "chunk size");
  assertBad("5\rhello\r\n" + END, "CRLF");
  assertBad("0\n\n", "chunk size");
});

Deno.test("a chunk that ends in a bare LF or CR or in nothing is refused", () => {
  assertBad("5\r\nhello\n" + END, "longer than its size");
  assertBad("5\r\nhello\r" + END, "CRLF");
  assertBad("5\r\nhello" + END, "longer than its size");
  assertBad("5\r\nhello!\r\n" + END, "longer than its size");
  assertBad("5\r\nhell\r\n" + END);
});

Deno.test("RFC 9112 section 7.1.1: chunk extensions are parsed and ignored", () => {
  const extensions = [
    ";a",
    ";a=bcd",
    '; a="b"',
    ";a;b;c=d",
    ' ; a = "x;\\"y\\\\" ; b',
    ";a\t=\tb\t;c",
  ];
  extensions.push(';a="\xe9\t "', ";a ;b", ';a=""');
  for (const extension of extensions) {
    assertEquals(decode(`5${extension}\r\nhello\r\n0${extension}\r\n\r\n`), "hello", extension);
  }
});

Deno.test("chunk extensions with LF, CR, controls or bad syntax are refused", () => {
  const extensions = [";a\nb", ";a\rb", ";\n", ";a=\n", ';a="\n"', ';a="\r\n"', ';a="\\\n"', ";\0"];
  extensions.push(";a\x0b", ";a=b\x0c", ';a="\x7f"', ";", ";;", ";a=", ";=b", ";a=b=c", ';a="b"c');
  extensions.push(";a b", ";a=b c", ";a(b)", ';a="b', ";a ", ";a=b\t", ';a="b" ');
  for (const extension of extensions) assertBad(`5${extension}\r\nhello\r\n${END}`);
});

Deno.test("trailers are checked and dropped", () => {
  assertEquals(decode("1\r\na\r\n0\r\nX-Checksum: 1\r\nY:\r\n\r\n"), "a");
});

Deno.test("RFC 9110 section 6.5.1: trailers with framing, host or authorization fields are refused", () => {
  const names = ["Transfer-Encoding", "Content-Length", "Host", "Authorization", "hOST", "Cookie"];
  names.push("Proxy-Authorization", "Connection", "Upgrade", "Content-Type", "Trailer", "Expect");
  for (const name of names) assertBad(`0\r\n${name}: x\r\n\r\n`, "come first");
});

Deno.test("trailers are as strict as headers", () => {
  assertBad("0\r\nX: y\n\r\n", "bad character");
  assertBad("0\r\nX: y\rz\r\n\r\n", "CRLF");
  assertBad("0\r\n\rX", "CRLF");
  assertBad("0\r\nX: y\0\r\n\r\n", "bad character");
  assertBad("0\r\nX : y\r\n\r\n", "before the colon");
  assertBad("0\r\nX: y\r\n z\r\n\r\n", "folding");
  assertBad("0\r\n: y\r\n\r\n", "without a name");
  assertBad("0\r\nGET / HTTP/1.1\r\n\r\n");
});

Deno.test("payload of exactly the limit is taken, one byte more is 413 before it is read", () => {
  assertEquals(decode("5\r\nhello\r\n5\r\nworld\r\n" + END, 10), "helloworld");
  const decoder = new ChunkedDecoder(10);
  let payload = "";
  const longer = bytesOf("5\r\nhello\r\n6\r\nworld!\r\n");
  assertRefused(() => decoder.read(longer, (piece) => payload += textOf(piece)), 413, "too long");
  assertEquals(payload, "hello");
});

Deno.test("extensions and trailers together have a limit", () => {
  // A size line's extension costs its characters and the CR; so does a trailer line.
  const body = (extra: number) => {
    const extension = ";" + "a".repeat(1000 - 2);
    const trailer = "X:" + "y".repeat(MAX_CHUNK_EXTRAS - 1000 - 4 + extra);
    return `0${extension}\r\n${trailer}\r\n\r\n`;
  };
  assertEquals(decode(body(0)), "");
  assertRefused(() => decode(body(1)), 413, "extensions and trailers");
  const endless = "1;" + "a".repeat(MAX_CHUNK_EXTRAS);
  assertRefused(() => decode(endless), 413, "extensions and trailers");
  assertRefused(() => decode("1;a\r\nx\r\n".repeat(10_000), 1e6), 413, "extensions and trailers");
});

Deno.test("many tiny chunks are 413 although their payload is within the limit", () => {
  const maxBodySize = 100 * MINIMUM_CHUNK_COST;
  const tiny = "1\r\nx\r\n";
  assertEquals(decode(tiny.repeat(FREE_CHUNKS + 100) + END, maxBodySize).length, FREE_CHUNKS + 100);
  assertRefused(() => decode(tiny.repeat(FREE_CHUNKS + 101) + END, maxBodySize), 413, "tiny");
});

Deno.test("a body of small chunks at the limit of its size is taken", () => {
  const count = 4 * FREE_CHUNKS;
  const chunk = "10\r\n0123456789abcdef\r\n";
  const payload = decode(chunk.repeat(count) + END, count * MINIMUM_CHUNK_COST);
  assertEquals(payload.length, count * MINIMUM_CHUNK_COST);
});

Deno.test("pause ends a read behind the piece, and the next read goes on", () => {
  const bytes = bytesOf("2\r\nab\r\n1\r\nc\r\n" + END);
  const decoder = new ChunkedDecoder(10);
  const pieces: string[] = [];
  let at = 0;
  let reads = 0;
  while (!decoder.done) {
    reads++;
    at += decoder.read(bytes.subarray(at), (piece) => {
      pieces.push(textOf(piece));
      decoder.pause();
    });
  }
  assertEquals([pieces, at, reads], [["ab", "c"], bytes.length, 3]);
});
