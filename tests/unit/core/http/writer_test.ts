import { assertEquals, assertThrows } from "@std/assert";
import { responseHead } from "../../../../src/core/http/writer.ts";
import { textOf } from "../../../support/http_messages.ts";

Deno.test("a response head is a status line, fields in order and a blank line", () => {
  const fields: [string, string][] = [["Content-Length", "2"], ["X", ""], ["X", "a\tb"]];
  assertEquals(
    textOf(responseHead(404, fields)),
    "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX: \r\nX: a\tb\r\n\r\n",
  );
});

Deno.test("RFC 9112 section 4: the blank before the reason stays without a reason", () => {
  assertEquals(textOf(responseHead(599, [])), "HTTP/1.1 599 \r\n\r\n");
  assertEquals(textOf(responseHead(200, [], "Fine")), "HTTP/1.1 200 Fine\r\n\r\n");
});

Deno.test("a head is written in Latin-1", () => {
  assertEquals(textOf(responseHead(200, [["X", "\xe9"]], "")), "HTTP/1.1 200 \r\nX: \xe9\r\n\r\n");
});

Deno.test("CR LF in a name, value or reason never reaches the wire", () => {
  assertThrows(() => responseHead(200, [["X", "a\r\nSet-Cookie: b"]]), TypeError, "header X");
  assertThrows(() => responseHead(200, [["X", "a\0"]]), TypeError, "header X");
  assertThrows(() => responseHead(200, [["X", "€"]]), TypeError, "header X");
  assertThrows(() => responseHead(200, [["X\r\nY", "a"]]), TypeError, '"X\\r\\nY"');
  assertThrows(() => responseHead(200, [["", "a"]]), TypeError, "not a token");
  assertThrows(() => responseHead(200, [["X:", "a"]]), TypeError, "not a token");
  assertThrows(() => responseHead(200, [], "OK\r\nX: y"), TypeError, "reason");
});

Deno.test("a status has three digits", () => {
  for (const status of [99, 1000, 200.5, NaN, -200]) {
    assertThrows(() => responseHead(status, []), TypeError, "status");
  }
  assertEquals(textOf(responseHead(100, [])), "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(textOf(responseHead(999, [])), "HTTP/1.1 999 \r\n\r\n");
});
