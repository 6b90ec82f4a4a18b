import { assertEquals } from "@std/assert";
import { HTTP_STATUS_TEXT, statusText } from "../../../../src/core/http/status.ts";

Deno.test("a registered status has the reason phrase of RFC 9110", () => {
  assertEquals(statusText(101), "Switching Protocols");
  assertEquals(statusText(200), "OK");
  assertEquals(statusText(413), "Content Too Large");
  assertEquals(statusText(431), "Request Header Fields Too Large");
  assertEquals(statusText(511), "Network Authentication Required");
});

Deno.test("an unregistered or reserved status has no reason phrase", () => {
  for (const code of [0, 99, 306, 418, 599, 1000]) assertEquals(statusText(code), "");
});

Deno.test("the status table is in numeric order and within 100 to 511", () => {
  const codes = [...HTTP_STATUS_TEXT.keys()];
  assertEquals(codes, codes.toSorted((a, b) => a - b));
  assertEquals([codes[0], codes.at(-1)], [100, 511]);
});
