import { assertEquals } from "@std/assert";
import { HEADER_TOKENS, type HeaderToken } from "../../../../src/core/http/header_tokens.ts";
import { isToken } from "../../../../src/core/http/syntax.ts";

Deno.test("each token has the number that libwebsockets gives it", () => {
  const numbers: [number, HeaderToken][] = [
    [0, "get uri"],
    [1, "post uri"],
    [2, "options uri"],
    [3, "host"],
    [8, "challenge body"],
    [12, "sec-websocket-protocol"],
    [15, "http status"],
    [16, "http2-settings"],
    [17, "accept"],
    [31, "referer"],
    [32, "sec-websocket-key"],
    [34, "sec-websocket-origin"],
    [35, ":authority"],
    [39, ":status"],
    [40, "accept-charset"],
    [50, "etag"],
    [60, "max-forwards"],
    [69, "user-agent"],
    [72, "www-authenticate"],
    [73, "patch uri"],
    [74, "put uri"],
    [75, "delete uri"],
    [76, "uri args"],
    [77, "client sent protocols"],
    [81, "client origin"],
    [82, "proxy line"],
    [83, "head uri"],
  ];
  for (const [number, token] of numbers) assertEquals(HEADER_TOKENS[number], token);
  assertEquals(HEADER_TOKENS.length, 84);
});

Deno.test("no name comes twice, and a name is a field name, a pseudo header or has a blank", () => {
  assertEquals(new Set(HEADER_TOKENS).size, HEADER_TOKENS.length);
  for (const name of HEADER_TOKENS) {
    assertEquals(name, name.toLowerCase());
    if (name.includes(" ")) continue;
    assertEquals(isToken(name.startsWith(":") ? name.slice(1) : name), true, name);
  }
});
