import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  equalsIgnoreCase,
  HttpSyntaxError,
  isFieldValue,
  isToken,
  isTokenByte,
  isVisibleAscii,
  latin1,
  listHasToken,
  parseLength,
  parseWeight,
  splitList,
  trimBlanks,
} from "../../../../src/core/http/syntax.ts";

Deno.test("RFC 9110 section 5.6.2: a token has tchars only and at least one", () => {
  for (const text of ["a", "Z9", "sec-websocket-key", "!#$%&'*+-.^_`|~"]) assert(isToken(text));
  for (const text of ["", " ", "a b", "a:", "a/b", '"a"', "a\r", "a\0", "é", "\u0131", "(", "@"]) {
    assertFalse(isToken(text), JSON.stringify(text));
  }
  assertEquals(isTokenByte.reduce((sum, each) => sum + each, 0), 26 * 2 + 10 + 15);
});

Deno.test("RFC 9110 section 5.5: a field value has neither CR nor LF nor NUL nor other controls", () => {
  for (const text of ["", "a", "a b\tc", "\x80\xff", "~"]) assert(isFieldValue(text));
  for (const text of ["a\r\nb", "\r", "\n", "\0", "\x0b", "\x0c", "\x1f", "\x7f", "\u0100", "€"]) {
    assertFalse(isFieldValue(text), JSON.stringify(text));
  }
});

Deno.test("visible ASCII ends before the blank and after the tilde", () => {
  assert(isVisibleAscii("!~"));
  for (const text of [" ", "\t", "\x7f", "\x80", "a b"]) assertFalse(isVisibleAscii(text));
});

Deno.test("only SP and HTAB are trimmed", () => {
  assertEquals(trimBlanks(" \t a b\t "), "a b");
  assertEquals(trimBlanks(" \t "), "");
  assertEquals(trimBlanks("\x0ba\x0c"), "\x0ba\x0c");
  assertEquals(trimBlanks("\xa0a"), "\xa0a");
});

Deno.test("a comma list is split at its commas and loses empty elements", () => {
  assertEquals(splitList("a, b ,\tc"), ["a", "b", "c"]);
  assertEquals(splitList(",a,, ,b,"), ["a", "b"]);
  assertEquals(splitList(""), []);
  assertEquals(splitList(" "), []);
});

Deno.test("a comma within a quoted string does not split a list", () => {
  assertEquals(splitList('a; x="1, 2", b'), ['a; x="1, 2"', "b"]);
  assertEquals(splitList('"a\\", b", c'), ['"a\\", b"', "c"]);
  assertEquals(splitList('a, "b, c'), ["a", '"b, c']);
  assertEquals(splitList('a, "b\\'), ["a", '"b\\']);
});

Deno.test("splitting a list of hundred thousand commas and quotes takes linear time", () => {
  assertEquals(splitList(",".repeat(100_000)), []);
  assertEquals(splitList('"'.repeat(100_001)).length, 1);
  assertEquals(splitList("a ".repeat(100_000)).length, 1);
});

Deno.test("a length has digits only", () => {
  assertEquals(parseLength("0"), 0);
  assertEquals(parseLength("007"), 7);
  for (const text of ["", "+1", "-1", "0x10", "1_0", "1 0", " 1", "1 ", "1e3", "1.0", "١"]) {
    assertEquals(parseLength(text), -1, JSON.stringify(text));
  }
});

Deno.test("a length reaches 2^53 - 1 and not further", () => {
  assertEquals(parseLength("9007199254740991"), Number.MAX_SAFE_INTEGER);
  assertEquals(parseLength("9007199254740992"), -1);
  assertEquals(parseLength("9".repeat(400)), -1);
});

Deno.test("case is ignored for ASCII letters only", () => {
  assert(equalsIgnoreCase("WebSocket", "wEBsOCKET"));
  assertFalse(equalsIgnoreCase("a", "ab"));
  assertFalse(equalsIgnoreCase("@", "`"));
  assertFalse(equalsIgnoreCase("[", "{"));
  assertFalse(equalsIgnoreCase("\xc0", "\xe0"));
  assertFalse(equalsIgnoreCase("websoc\u212Aet", "websocket"));
});

Deno.test("a token is found in a list in any case and as a whole element only", () => {
  assert(listHasToken("keep-alive, Upgrade", "upgrade"));
  assertFalse(listHasToken("upgraded", "upgrade"));
  assertFalse(listHasToken('"upgrade, upgrade"', "upgrade"));
  assertFalse(listHasToken("", "upgrade"));
});

Deno.test("Latin-1 keeps every byte, however many", () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index);
  const text = latin1(bytes, 1, bytes.length);
  assertEquals(text.length, 299_999);
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[i + 1]) throw new Error(`differs at ${i}`);
  }
});

Deno.test("a syntax error has the status to answer with", () => {
  const error = new HttpSyntaxError(431, "too long");
  assertEquals([error.name, error.status, error.message], ["HttpSyntaxError", 431, "too long"]);
});

Deno.test("RFC 9110 section 12.4.2: a weight is from 0 to 1, with three decimals at most", () => {
  for (
    const [text, weight] of [["0", 0], ["0.", 0], ["0.125", 0.125], ["1", 1], ["1.000", 1]] as const
  ) {
    assertEquals(parseWeight(text), weight);
  }
  for (const text of ["", "2", "1.001", "0.1234", "-0", "+1", ".5", "0,5", "1 ", "1e0"]) {
    assertEquals(parseWeight(text), undefined, text);
  }
});

Deno.test("parameters are parted as lists are, by their own separator", () => {
  assertEquals(splitList("a,, b, c, d", ",", 3), ["a", "b", "c"]);
  assertEquals(splitList("a, b", ",", 3), ["a", "b"]);
  assertEquals(splitList('a; b="c;d,\\";" ;; e=f', ";"), ["a", 'b="c;d,\\";"', "e=f"]);
  assertEquals(splitList('a;b="c', ";"), ["a", 'b="c']);
});
