/** What a request says is what was put into it, whatever stands beside it. */

import { assert, assertEquals } from "@std/assert";
import { findCookie } from "../../src/core/http/cookies.ts";
import { RequestHeadParser } from "../../src/core/http/head.ts";
import { HttpSyntaxError, isToken } from "../../src/core/http/syntax.ts";
import { ANY_METHOD, COMMON_METHODS, isTakeable } from "../../src/core/http/methods.ts";
import { decodeArguments } from "../../src/core/http/target.ts";
import { check, fc } from "./support.ts";

const LIMITS = { maxHeaderBytes: 16_384, maxHeaderFields: 100 };
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

// Cookies.

/** RFC 6265 section 4.1.1. */
const octets = fc.string({ unit: fc.constantFrom(..."azAZ09!#$%&'()*+-./:<=>?@[]^_`{|}~") });
const cookieName = fc.string({ unit: fc.constantFrom(..."ab_-.!0"), minLength: 1, maxLength: 3 });
const cookieValue = fc.oneof(octets, octets.map((value) => `"${value}"`));
/** No cookie, and without an effect on those beside it. */
const noCookie = fc.oneof(
  fc.constantFrom("", " ", "\t", "=", "=x", " = x", "a", "b c"),
  fc.string({ unit: fc.constantFrom(..."ab \t\"',"), maxLength: 8 }),
);
const piece = fc.oneof(
  fc.record({ name: cookieName, value: cookieValue, blanks: fc.constantFrom("", " ", "\t", "  ") }),
  noCookie,
);

Deno.test("the first cookie of a name is found in any lines, and nothing that is none", () => {
  const given = fc.array(fc.array(piece, { maxLength: 8 }), { maxLength: 4 });
  check({ seed: 61, numRuns: 1000 }, given, (lines) => {
    const texts = lines.map((pieces) =>
      pieces.map((each) =>
        typeof each === "string"
          ? each
          : `${each.blanks}${each.name}${each.blanks}=${each.value}${each.blanks}`
      ).join(";")
    );
    const first = new Map<string, string>();
    for (const each of lines.flat()) {
      if (typeof each !== "string" && !first.has(each.name)) first.set(each.name, each.value);
    }
    for (const [name, value] of first) assertEquals(findCookie(texts, name), value);
    for (const name of ["x", "c", '"', "="]) assertEquals(findCookie(texts, name), undefined);
  });
});

Deno.test("any text is searched for any name without a failure, and gives a part of itself", () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab=; \t",\xff'), maxLength: 40 });
  check({ seed: 62, numRuns: 2000 }, fc.array(text, { maxLength: 3 }), text, (lines, name) => {
    const value = findCookie(lines, name);
    assert(value === undefined || lines.some((line) => line.includes(value)));
    assert(value === undefined || !value.includes(";"));
  });
});

// Arguments.

Deno.test("encoded arguments come back, whatever characters they have", () => {
  const text = fc.string({ unit: "binary", maxLength: 8 });
  const given = fc.array(fc.tuple(text, fc.option(text)), { minLength: 1, maxLength: 8 });
  check({ seed: 63, numRuns: 400 }, given, (pairs) => {
    const query = pairs.map(([name, value]) =>
      encodeURIComponent(name) + (value === null ? "" : `=${encodeURIComponent(value)}`)
    ).join("&");
    assertEquals(
      decodeArguments(query).map(({ text, nameLength }) => [
        text.slice(0, nameLength),
        text.length === nameLength ? null : text.slice(nameLength + 1),
      ]),
      pairs,
    );
  });
});

Deno.test("any query is decoded as URLSearchParams decodes it, but for + and for empty pieces", () => {
  const query = fc.string({ unit: fc.constantFrom(..."ab=&%12cC3fF.~"), maxLength: 30 });
  check({ seed: 64, numRuns: 3000 }, query, (text) => {
    const ours = decodeArguments(text).filter(({ text }) => text !== "").map((each) => [
      each.text.slice(0, each.nameLength),
      each.text.slice(each.nameLength + 1),
    ]);
    assertEquals(ours, [...new URLSearchParams(`?${text}`)]);
  });
});

// Methods.

Deno.test("a method is taken if it is a token and may be one; else 400, 501 or 505, and nothing else", () => {
  const anything = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 40,
  });
  const tokens = fc.string({
    unit: fc.constantFrom(..."GETgetCONPRI!#$%&'*+-.^_`|~09"),
    minLength: 1,
    maxLength: 36,
  });
  const method = fc.oneof(
    anything,
    tokens,
    fc.constantFrom("CONNECT", "PRI", "GET", "HEAD", "TRACE", "Get", "PATCH"),
  );
  check({ seed: 65, numRuns: 4000 }, method, fc.boolean(), (name, takesAny) => {
    // What follows empty lines is another request.
    fc.pre(!name.startsWith("\r\n"));
    const methods = takesAny ? ANY_METHOD : COMMON_METHODS;
    const parser = new RequestHeadParser(LIMITS, methods);
    const isTaken = isTakeable(name) && (methods.names?.has(name) ?? true);
    let status = 0;
    try {
      parser.parse(latin1(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`));
      assertEquals(parser.head.method, name);
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      ({ status } = error);
    }
    assertEquals(status === 0, isTaken, `${JSON.stringify(name)}: ${status}`);
    if (!isTaken) {
      assert(isToken(name) ? [501, 505].includes(status) : [400, 501].includes(status));
    }
  });
});
