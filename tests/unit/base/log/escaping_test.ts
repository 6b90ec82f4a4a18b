import { assertEquals } from "@std/assert";
import { discreet, harmless, shown } from "../../../../src/base/log/escaping.ts";

/** All that forges a line or turns it around, and what it is escaped to. */
const UNSAFE: readonly [sign: string, escape: string][] = [
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\0", "\\u0000"],
  ["\x1b", "\\u001b"],
  ["\x7f", "\\u007f"],
  ["\x85", "\\u0085"],
  ["\x9b", "\\u009b"],
  ["\xad", "\\u00ad"],
  ["\u200b", "\\u200b"],
  ["\u2028", "\\u2028"],
  ["\u202e", "\\u202e"],
  ["\u2066", "\\u2066"],
  ["\ufeff", "\\ufeff"],
  ["\ud800", "\\ud800"],
  ["\udc00", "\\udc00"],
];

Deno.test("what forges a line is escaped, in texts of strangers and in the program's own", () => {
  for (const [sign, escape] of UNSAFE) {
    assertEquals(shown(`a${sign}b`), `a${escape}b`);
    assertEquals(harmless(`a${sign}b`, 200), `a${escape}b`);
  }
});

Deno.test("letters of other languages are escaped in a stranger's text, and stay in the program's own", () => {
  assertEquals(shown("é→😀~"), "\\u00e9\\u2192\\ud83d\\ude00~");
  assertEquals(harmless("é→😀~", 200), "é→😀~");
});

Deno.test("a stranger's text of 200 characters is whole, one of 201 is cut", () => {
  assertEquals(shown("a".repeat(200)), "a".repeat(200));
  assertEquals(shown("a".repeat(201)), `${"a".repeat(200)}...`);
  // Six characters each.
  assertEquals(shown("\x80".repeat(33)).length, 198);
  assertEquals(shown("\x80".repeat(34)), `${"\\u0080".repeat(33)}...`);
  assertEquals(harmless("é".repeat(11), 10), `${"é".repeat(10)}...`);
});

Deno.test("of the program's own texts keys, logins and queries are not shown", () => {
  const cases: readonly (readonly [text: string, seen: string])[] = [
    ["a/b", "a/b"],
    ["a -----BEGIN PRIVATE KEY-----\nMII", "... in PEM"],
    ["redis://user:pa@ss@a:1/", "redis://...@a:1/"],
    ["user:pass@a:1", "...@a:1"],
    ["wss://a/b?token=x", "wss://a/b?..."],
    ["wss://u:p@a/b?c", "wss://...@a/b?..."],
    ["/b\n?token=x@", "..."],
    ["//user:x?y@a", "//..."],
  ];
  for (const [text, seen] of cases) assertEquals(discreet(text), seen);
});
