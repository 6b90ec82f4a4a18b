import { assertEquals, assertThrows } from "@std/assert";
import { frameHead } from "../../../../../src/core/http/body/response_framing.ts";
import { ResponseHeadReader } from "../../../../../src/core/http/head_reader.ts";
import type { FieldLine } from "../../../../../src/core/http/writer.ts";

/** A head's fields in one line, and how it frames the body. */
function framed(
  status: number,
  fields: readonly FieldLine[],
  { method = "GET", minorVersion = 1, closes = false }: {
    method?: string;
    minorVersion?: 0 | 1;
    closes?: boolean;
  } = {},
): [fields: string, kind: string, closes: boolean] {
  const head = frameHead({ method, minorVersion }, closes, status, fields, "now");
  const text = head.fields.map(([name, value]) => `${name}: ${value}`).join(" | ");
  return [text, head.framing.kind, head.closes];
}

Deno.test("fields and framing of a head follow from status, request and what is given", () => {
  assertEquals(framed(200, []), ["date: now | transfer-encoding: chunked", "chunked", false]);
  assertEquals(framed(200, [["content-length", "5"]]), [
    "date: now | content-length: 5",
    "length",
    false,
  ]);
  assertEquals(framed(200, [], { minorVersion: 0 }), [
    "date: now | connection: close",
    "close",
    true,
  ]);
  assertEquals(framed(200, [["content-length", "5"]], { minorVersion: 0 }), [
    "date: now | content-length: 5 | connection: keep-alive",
    "length",
    false,
  ]);
  assertEquals(framed(200, [], { method: "HEAD", minorVersion: 0 }), [
    "date: now | connection: keep-alive",
    "chunked",
    false,
  ]);
  assertEquals(framed(204, [["content-length", "0"]]), ["date: now", "none", false]);
  assertEquals(framed(205, []), ["date: now | content-length: 0", "none", false]);
  assertEquals(framed(304, [["content-length", "9"]], { closes: true }), [
    "date: now | content-length: 9 | connection: close",
    "none",
    true,
  ]);
  assertEquals(framed(426, [["upgrade", "x"], ["Connection", "keep-alive, a"]]), [
    "date: now | upgrade: x | transfer-encoding: chunked | connection: a, upgrade, keep-alive",
    "chunked",
    false,
  ]);
  assertEquals(framed(200, [["transfer-encoding", "gzip, Chunked"], ["DATE", "then"]]), [
    "transfer-encoding: gzip, Chunked | DATE: then",
    "ownChunks",
    false,
  ]);
  assertThrows(
    () => framed(200, [["transfer-encoding", "chunked"]], { minorVersion: 0 }),
    TypeError,
    "HTTP/1.0",
  );
});

Deno.test("a head by hand is read in any two pieces, interim ones before it included", () => {
  const bytes = new TextEncoder().encode(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\n" +
      "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
  );
  const headLength = bytes.length - 3;
  for (let split = 0; split <= bytes.length; split++) {
    const reader = new ResponseHeadReader({ method: "GET", minorVersion: 1 });
    const first = reader.read(bytes.subarray(0, split));
    const isThere = split >= headLength;
    assertEquals(first.length, Math.min(split, headLength));
    assertEquals(first.head !== undefined, isThere);
    const { length, head } = isThere ? first : reader.read(bytes.subarray(split));
    assertEquals(isThere ? length : split + length, headLength);
    assertEquals(head, { framing: { kind: "length", length: 3 }, closes: true });
  }
});

Deno.test("of what is no HTTP/1.x, or no more, nothing is known", () => {
  for (const text of ["hello", "HTTP/2 200\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n\x81"]) {
    const reader = new ResponseHeadReader({ method: "GET", minorVersion: 1 });
    const { head } = reader.read(new TextEncoder().encode(text));
    assertEquals(head, { framing: { kind: "unknown" }, closes: true });
  }
});
