import { assert, assertFalse } from "@std/assert";
import { isAllowedOrigin } from "../../../../../src/core/websocket/handshake/origin.ts";

Deno.test("the same scheme, host and port are the same origin", () => {
  assert(isAllowedOrigin("http://example.com", "example.com", false, undefined));
  assert(isAllowedOrigin("https://example.com", "example.com", true, undefined));
  assert(isAllowedOrigin("http://example.com:8080", "example.com:8080", false, undefined));
  assert(isAllowedOrigin("http://[::1]:81", "[::1]:81", false, undefined));
});

Deno.test("case and default ports make no difference", () => {
  assert(isAllowedOrigin("HTTP://Example.com", "eXample.COM:80", false, undefined));
  assert(isAllowedOrigin("http://example.com:80", "example.com", false, undefined));
  assert(isAllowedOrigin("https://example.com", "example.com:443", true, undefined));
});

Deno.test("foreign, sub-domain, other-scheme and other-port origins are not allowed", () => {
  const foreign = [
    "http://evil.com",
    "http://sub.example.com",
    "http://example.com.evil.com",
    "http://notexample.com",
    "https://example.com",
    "http://example.com:8080",
    "http://com",
  ];
  for (const origin of foreign) {
    assertFalse(isAllowedOrigin(origin, "example.com", false, undefined), origin);
  }
  assertFalse(isAllowedOrigin("http://example.com", "example.com", true, undefined));
  assertFalse(isAllowedOrigin("https://example.com:80", "example.com", true, undefined));
});

Deno.test("null is never the same origin", () => {
  assertFalse(isAllowedOrigin("null", "null", false, undefined));
  assertFalse(isAllowedOrigin("null", "example.com", false, ["http://example.com"]));
});

Deno.test("what is no origin is not allowed", () => {
  const wrong = [
    "",
    "example.com",
    "http://example.com/",
    "http://u@example.com",
    "://example.com",
  ];
  wrong.push("http://example.com http://evil.com", "http://", "h ttp://example.com");
  for (const origin of wrong) {
    assertFalse(isAllowedOrigin(origin, "example.com", false, ["http://a"]), origin);
  }
  assertFalse(isAllowedOrigin("http://", "", false, undefined));
});

Deno.test("the allow list adds to the same origin", () => {
  const allowed = ["https://A.com:443", "app://local", "null"];
  assert(isAllowedOrigin("http://example.com", "example.com", false, allowed));
  assert(isAllowedOrigin("https://a.com", "example.com", false, allowed));
  assert(isAllowedOrigin("app://local", "example.com", false, allowed));
  assert(isAllowedOrigin("null", "example.com", false, allowed));
  assertFalse(isAllowedOrigin("http://a.com", "example.com", false, allowed));
  assertFalse(isAllowedOrigin("https://b.a.com", "example.com", false, allowed));
  assertFalse(isAllowedOrigin("https://a.com:444", "example.com", false, allowed));
  assertFalse(isAllowedOrigin("http://b.com", "example.com", false, []));
  assertFalse(isAllowedOrigin("http://a.com:443", "example.com", false, allowed));
});

Deno.test("an asterisk allows every origin", () => {
  for (const origin of ["null", "http://evil.com", "nonsense"]) {
    assert(isAllowedOrigin(origin, "example.com", false, ["*"]));
  }
});
