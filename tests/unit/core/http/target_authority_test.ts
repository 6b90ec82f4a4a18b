import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  effectivePort,
  isSameAuthority,
  parseAuthority,
} from "../../../../src/core/http/target.ts";

Deno.test("an authority is a name or address with or without a port", () => {
  assertEquals(parseAuthority("Example.COM"), { host: "example.com", port: undefined });
  assertEquals(parseAuthority("a:80"), { host: "a", port: 80 });
  assertEquals(parseAuthority("a:"), { host: "a", port: undefined });
  assertEquals(parseAuthority("127.0.0.1:65535"), { host: "127.0.0.1", port: 65535 });
  assertEquals(parseAuthority("[::1]"), { host: "[::1]", port: undefined });
  assertEquals(parseAuthority("[FE80::1]:8080"), { host: "[fe80::1]", port: 8080 });
});

Deno.test("what is no authority is refused", () => {
  const wrong = ["", ":80", "a b", "a,b", "a/b", "a@b", "a:b:1", "a:65536", "a:+1", "a: 1", "a:1 "];
  wrong.push(
    "[::1",
    "[]",
    "[::1]x",
    "[::g]",
    "::1",
    "a%00",
    "\xe9",
    "a?b",
    "a#b",
    "a\\b",
    "[a]b:1",
  );
  for (const text of wrong) assertEquals(parseAuthority(text), undefined, JSON.stringify(text));
});

Deno.test("a missing port is the scheme's", () => {
  const bare = parseAuthority("a")!;
  for (const [scheme, port] of [["http", 80], ["https", 443], ["ws", 80], ["wss", 443]] as const) {
    assertEquals(effectivePort(bare, scheme), port);
    assert(isSameAuthority(bare, { host: "a", port }, scheme));
  }
  assertEquals(effectivePort(bare, "app"), undefined);
  assertFalse(isSameAuthority(bare, { host: "a", port: 443 }, "http"));
  assertFalse(isSameAuthority(bare, { host: "b", port: undefined }, "http"));
});
