import { assertEquals, assertThrows } from "@std/assert";
import type { FetchHandler } from "../../../../src/api/http/fetch.ts";
import { DEFAULT_LIMITS } from "../../../../src/api/limits.ts";
import { RequestReader } from "../../../../src/connection/http/request_reader.ts";
import { COMMON_METHODS } from "../../../../src/core/http/methods.ts";
import { HttpSyntaxError } from "../../../../src/core/http/syntax.ts";
import type { WireVersion } from "../../../../src/core/websocket/wire_version.ts";
import { CHALLENGE, requestOf } from "../../../behaviour/websocket/old_peers.ts";
import { bytesOf, textOf } from "../../../support/http_messages.ts";

const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HIXIE = requestOf(0);

function reader(versions: readonly WireVersion[], fetch?: FetchHandler): RequestReader {
  const upgrades = { fetch, hasProtocols: false, entries: [] };
  const rules = { limits: DEFAULT_LIMITS, methods: COMMON_METHODS, versions };
  return new RequestReader({ ...rules, ...upgrades }, 1);
}

/** What is read of bytes that come one by one: the lengths, and where each was told. */
function readSlowly(read: RequestReader, text: string): number[] {
  const ends: number[] = [];
  let start = 0;
  for (let end = 1; end <= text.length; end++) {
    const length = read.read(bytesOf(text.slice(start, end)));
    if (length === 0) continue;
    assertEquals(length, end - start, "it was told later than it could be");
    start += length;
    ends.push(end);
  }
  return ends;
}

Deno.test("a request is read when its head is, and one of hixie-76 when eight bytes follow", () => {
  const read = reader([0, 13]);
  const all = GET + HIXIE + GET + requestOf(13) + GET;
  const lengths = [GET, HIXIE, GET, requestOf(13), GET].map(({ length }) => length);
  let end = 0;
  assertEquals(readSlowly(read, all), lengths.map((length) => end += length));
});

Deno.test("the eight bytes are the request's own, whatever becomes of those that came", () => {
  const read = reader([0]);
  const bytes = bytesOf(HIXIE + "more");
  assertEquals(read.read(bytes), HIXIE.length);
  bytes.fill(0);
  assertEquals(textOf(read.request.challenge!), CHALLENGE);
  assertEquals(read.request.decision.kind, "websocket");
  assertEquals(read.read(bytesOf(GET)), GET.length);
  assertEquals([read.request.challenge, read.request.head.path], [undefined, "/a"]);
});

Deno.test("what is refused has no eight bytes to wait for", () => {
  const head = HIXIE.slice(0, -CHALLENGE.length);
  for (const [versions, text] of [[[13], head], [[0], head.replace("Origin", "Odd")]] as const) {
    const read = reader(versions);
    assertEquals(read.read(bytesOf(text)), text.length);
    assertEquals(read.request.decision.kind, "refused");
  }
});

Deno.test("what is for fetch has no eight bytes either: the next request is there", () => {
  const read = reader([0], () => new Response());
  const head = HIXIE.slice(0, -CHALLENGE.length);
  assertEquals(readSlowly(read, head + GET), [head.length, head.length + GET.length]);
  assertEquals(read.request.head.path, "/a");
});

Deno.test("a body that can't be framed is no request", () => {
  const text = GET.replace("\r\n\r\n", "\r\nContent-Length: x\r\n\r\n");
  assertThrows(() => reader([13]).read(bytesOf(text)), HttpSyntaxError, "Content-Length");
});
