import { assert, assertEquals, assertFalse } from "@std/assert";
import { RequestHeadParser } from "../../../../src/core/http/head.ts";
import {
  ANY_METHOD,
  checkMethod,
  COMMON_METHODS,
  isTakeable,
  LONGEST_METHOD,
  type Methods,
  onlyMethods,
} from "../../../../src/core/http/methods.ts";
import { isTokenByte } from "../../../../src/core/http/syntax.ts";
import { assertRefused, bytesOf, LIMITS } from "../../../support/http_messages.ts";

/** The method of a request with these bytes in front of its target. */
function methodOf(methods: Methods, method: string, target = "/"): string {
  const parser = new RequestHeadParser(LIMITS, methods);
  parser.parse(bytesOf(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`));
  return parser.head.method;
}

Deno.test("RFC 9110 section 9.1: any token is a method where any is taken, and its case counts", () => {
  const methods = ["GET", "get", "PROPFIND", "M-SEARCH", "X", "!#$%&'*+-.^_`|~09", "TRACE"];
  for (const method of methods) assertEquals(methodOf(ANY_METHOD, method), method);
});

Deno.test("a method of 32 characters is taken, one of 33 is 501 as soon as it is that long", () => {
  const longest = "M".repeat(LONGEST_METHOD);
  assertEquals(methodOf(ANY_METHOD, longest), longest);
  assertEquals(new RequestHeadParser(LIMITS, ANY_METHOD).parse(bytesOf(longest)), 0);
  const longer = bytesOf(longest + "M");
  assertRefused(() => new RequestHeadParser(LIMITS, ANY_METHOD).parse(longer), 501);
});

Deno.test("what is no token is 400, whatever is taken", () => {
  for (let byte = 0; byte < 256; byte++) {
    if (isTokenByte[byte] === 1 || byte === 0x20) continue;
    const character = String.fromCharCode(byte);
    for (const methods of [ANY_METHOD, COMMON_METHODS, onlyMethods(["GET", "PROPFIND"])]) {
      assertRefused(() => methodOf(methods, `GE${character}T`), 400);
      if (byte !== 0x0d) assertRefused(() => methodOf(methods, `${character}GET`), 400);
    }
  }
  assertRefused(() => methodOf(ANY_METHOD, ""), 400);
  assertRefused(() => methodOf(ANY_METHOD, "GET\u0100"), 400);
});

Deno.test("of a list its methods are taken, and no other one", () => {
  const listed = onlyMethods(["GET", "PROPFIND", "get"]);
  for (const method of ["GET", "PROPFIND", "get"]) assertEquals(methodOf(listed, method), method);
  for (const method of ["POST", "HEAD", "Get", "PROPFINDER", "PROP"]) {
    assertRefused(() => methodOf(listed, method), 501);
  }
});

Deno.test("CONNECT is 501 and HTTP/2's preface 505, whatever is taken", () => {
  for (const methods of [ANY_METHOD, COMMON_METHODS, onlyMethods(["GET", "CONNECT", "PRI"])]) {
    for (const target of ["example.com:443", "/", "*", "http://a/"]) {
      assertRefused(() => methodOf(methods, "CONNECT", target), 501);
    }
    assertRefused(() => methodOf(methods, "PRI", "*"), 505);
  }
  assertRefused(() => checkMethod("CONNECT", ANY_METHOD), 501, "tunnel");
});

Deno.test("RFC 9112 section 3.2: each method has the forms of a target that are its own", () => {
  assertEquals(methodOf(ANY_METHOD, "OPTIONS", "*"), "OPTIONS");
  for (const method of ["PROPFIND", "options", "GET", "TRACE"]) {
    assertRefused(() => methodOf(ANY_METHOD, method, "*"), 400);
    for (const target of ["a:80", "a", "a/b", "ftp://a/", "http:", "?x", ""]) {
      assertRefused(() => methodOf(ANY_METHOD, method, target), 400);
    }
    assertEquals(methodOf(ANY_METHOD, method, "http://a/x"), method);
  }
});

Deno.test("a program may ask for tokens of at most 32 characters, but for CONNECT and PRI", () => {
  for (const method of ["PURGE", "m", "M".repeat(32)]) assert(isTakeable(method), method);
  for (const method of ["", "A B", "A\r", "\xe9", "M".repeat(33), "CONNECT", "PRI", "A:"]) {
    assertFalse(isTakeable(method), method);
  }
});
