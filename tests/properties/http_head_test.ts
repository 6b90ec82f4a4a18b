/** The head parsers' outcome depends on the bytes, and never on how they were split into reads. */

import { assertEquals } from "@std/assert";
import { HttpSyntaxError } from "../../src/core/http/syntax.ts";
import { RequestHeadParser, ResponseHeadParser } from "../../src/core/http/head.ts";
import { ANY_METHOD } from "../../src/core/http/methods.ts";
import { handshake } from "../support/serve.ts";
import { bytes, check, concat, fc, readSizes } from "./support.ts";

const encoder = new TextEncoder();
/** Text as Latin-1 bytes. */
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

type Parser = RequestHeadParser | ResponseHeadParser;

/** What becomes of the bytes: a head and its length, an error, or that more are needed. */
function outcomeOf(parser: Parser, prefixes: Iterable<Uint8Array>): unknown {
  let length = 0;
  for (const prefix of prefixes) {
    try {
      length = parser.parse(prefix);
    } catch (error) {
      if (error instanceof HttpSyntaxError) return { status: error.status };
      throw error;
    }
    if (length > 0) break;
  }
  if (length === 0) return "incomplete";
  const { fields, ...head } = parser.head;
  return { length, head, fields: [...fields.entries()] };
}

/** What has come after each read, in a buffer of its own. */
function* growing(whole: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let end = 0;
  for (let i = 0; end < whole.length; i++) {
    end = Math.min(whole.length, end + sizes[i % sizes.length]!);
    yield whole.slice(0, end);
  }
}

// What is sent.

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_!~"), minLength: 1, maxLength: 10 });
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aZ0 \t,;="\\/()'), maxLength: 20 }),
  fc.string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  }),
);
const name = fc.oneof(
  token,
  fc.constantFrom("Host", "Connection", "Upgrade", "Content-Length", "hOST", "Set-Cookie"),
);
const line = fc.oneof(
  { arbitrary: fc.tuple(name, value).map(([left, right]) => `${left}:${right}`), weight: 9 },
  { arbitrary: fc.tuple(name, value).map(([left, right]) => `${left} :${right}`), weight: 1 },
  { arbitrary: value, weight: 1 },
);
const method = fc.constantFrom(
  "GET",
  "GET",
  "GET",
  "POST",
  "OPTIONS",
  "get",
  "PRI",
  "BREW",
  "PROPFIND",
);
const target = fc.oneof(
  fc.constantFrom("/", "/a/../b?c=%20#", "*", "http://h/x?y", "//", "/%", "/%2e%2E/x", "h:80", ""),
  fc.string({ unit: fc.constantFrom(..."/.%2eE?#ab*:@[]ü\u007f "), maxLength: 12 })
    .map((rest) => `/${rest}`),
);
const version = fc.constantFrom(..."0123").map((minor) => `HTTP/1.${minor}`);
const anyVersion = fc.oneof(
  { arbitrary: version, weight: 8 },
  { arbitrary: fc.constantFrom("HTTP/2.0", "HTTP/11", "http/1.1", "ICY 1.1", ""), weight: 1 },
);
const lineEnd = fc.oneof(
  { arbitrary: fc.constant("\r\n"), weight: 30 },
  { arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", "\0\r\n", "\r\n "), weight: 1 },
);

const requestLine = fc.tuple(method, target, anyVersion).map((parts) => parts.join(" "));
const statusLine = fc.tuple(
  anyVersion,
  fc.constantFrom("101", "200", "404", "099", "99", "1000", "", "2x0"),
  fc.oneof(fc.constantFrom("", "OK", "Switching Protocols"), value),
).map((parts) => parts.join(" "));

/** Lines, a body behind them, at times with a byte changed, at times cut. */
function heads(startLine: fc.Arbitrary<string>, host: string): fc.Arbitrary<Uint8Array> {
  return fc.tuple(
    fc.array(fc.constant("\r\n"), { maxLength: 3 }),
    fc.tuple(startLine, lineEnd),
    fc.array(fc.tuple(fc.oneof(line, fc.constant(host)), lineEnd), { maxLength: 6 }),
    lineEnd,
    bytes(12),
    fc.option(fc.tuple(fc.nat(1000), fc.nat(255)), { freq: 2 }),
    fc.option(fc.nat(1000), { freq: 3 }),
  ).map(([before, start, lines, end, body, mutation, cut]) => {
    const text = before.join("") + start.join("") + lines.map((each) => each.join("")).join("");
    const whole = concat(latin1(text + end), body);
    if (mutation !== null) {
      whole[Math.floor(mutation[0] * (whole.length - 1) / 1000)]! ^= mutation[1];
    }
    return cut === null ? whole : whole.subarray(0, Math.ceil(cut * whole.length / 1000));
  });
}

const limits = fc.record({
  maxHeaderBytes: fc.constantFrom(20, 64, 100, 16_384),
  maxHeaderFields: fc.constantFrom(1, 3, 100),
});

/** The same parser has to be as good as new after a reset. */
function checkBothWays(make: () => Parser, wire: Uint8Array, sizes: readonly number[]): void {
  const parser = make();
  const once = outcomeOf(parser, [wire]);
  const inReads = outcomeOf(make(), growing(wire, sizes));
  assertEquals(inReads, once, "in reads");
  parser.reset();
  assertEquals(outcomeOf(parser, growing(wire, sizes)), inReads, "in reads, after a reset");
}

Deno.test("a request's head, or its error, is the same in any reads", () => {
  const given = fc.tuple(heads(requestLine, "Host: h"), limits, readSizes);
  check({ seed: 41, numRuns: 2500 }, given, ([wire, bounds, sizes]) => {
    checkBothWays(() => new RequestHeadParser(bounds), wire, sizes);
  });
});

Deno.test("a response's head, or its error, is the same in any reads", () => {
  const given = fc.tuple(heads(statusLine, "Upgrade: websocket"), limits, readSizes);
  check({ seed: 42, numRuns: 1500 }, given, ([wire, bounds, sizes]) => {
    checkBothWays(() => new ResponseHeadParser(bounds), wire, sizes);
  });
});

Deno.test("random bytes in place of a head have the same outcome in any reads", () => {
  const anyBytes = fc.oneof(
    bytes(60),
    fc.string({ unit: fc.constantFrom(..."GET /\r\n:HTP1.ah"), maxLength: 60 }).map(latin1),
  );
  check({ seed: 43, numRuns: 1500 }, anyBytes, limits, readSizes, (wire, bounds, sizes) => {
    checkBothWays(() => new RequestHeadParser(bounds), wire, sizes);
    checkBothWays(() => new RequestHeadParser(bounds, ANY_METHOD), wire, sizes);
    checkBothWays(() => new ResponseHeadParser(bounds), wire, sizes);
  });
});

Deno.test("a handshake's head is complete at its last byte, in any reads, and never before", () => {
  const header = fc.tuple(token, fc.string({ unit: "grapheme-ascii", maxLength: 30 }))
    .map(([left, right]) => `X-${left}: ${right}`);
  const roomy = { maxHeaderBytes: 16_384, maxHeaderFields: 100 };
  const given = fc.tuple(fc.array(header, { maxLength: 8 }), bytes(8), readSizes);
  check({ seed: 44, numRuns: 300 }, given, ([headers, behind, sizes]) => {
    const head = encoder.encode(handshake({ headers }));
    const wire = concat(head, behind);
    const parser = new RequestHeadParser(roomy);
    for (const prefix of growing(wire, sizes)) {
      const length = parser.parse(prefix);
      assertEquals(length, prefix.length < head.length ? 0 : head.length);
      if (length > 0) break;
    }
    assertEquals(parser.head.fields.get("sec-websocket-version"), "13");
  });
});
