/** Preconditions, RFC 9110 section 13. */

import { assert, assertEquals } from "@std/assert";
import {
  allowsRange,
  isConditional,
  judgeConditions,
  type Validators,
} from "../../../../../src/core/http/caching/conditions.ts";

const MODIFIED = Date.parse("2026-11-26T10:00:00Z") / 1000;
const NOW = MODIFIED + 3600;
const at = (seconds: number) => new Date((MODIFIED + seconds) * 1000).toUTCString();

const STRONG: Validators = { etag: '"x"', lastModified: MODIFIED };
const WEAK: Validators = { etag: 'W/"x"', lastModified: MODIFIED };
const NONE: Validators = { etag: undefined, lastModified: undefined };

function judge(fields: Record<string, string>, validators = STRONG): number {
  return judgeConditions((name) => fields[name], validators, NOW);
}

const CASES: [name: string, value: string, strong: number, weak: number, none: number][] = [
  // Section 13.1.1: the strong comparison.
  ["if-match", "*", 200, 200, 200],
  ["if-match", '"x"', 200, 412, 412],
  ["if-match", '"a", "x"', 200, 412, 412],
  ["if-match", 'W/"x"', 412, 412, 412],
  ["if-match", '"a"', 412, 412, 412],
  ["if-match", "rubbish", 412, 412, 412],
  ["if-match", "", 412, 412, 412],
  // Section 13.1.2: the weak comparison.
  ["if-none-match", "*", 304, 304, 304],
  ["if-none-match", '"x"', 304, 304, 200],
  ["if-none-match", 'W/"x"', 304, 304, 200],
  ["if-none-match", '"a", W/"x"', 304, 304, 200],
  ["if-none-match", '"a"', 200, 200, 200],
  ["if-none-match", "x", 200, 200, 200],
  // Section 13.1.3: not after the date.
  ["if-modified-since", at(0), 304, 304, 200],
  ["if-modified-since", at(1), 304, 304, 200],
  ["if-modified-since", at(-1), 200, 200, 200],
  ["if-modified-since", at(1_000_000), 304, 304, 200],
  ["if-modified-since", "Thursday, 26-Nov-26 10:00:00 GMT", 304, 304, 200],
  ["if-modified-since", "Thu Nov 26 10:00:00 2026", 304, 304, 200],
  ["if-modified-since", "yesterday", 200, 200, 200],
  ["if-modified-since", "", 200, 200, 200],
  // Section 13.1.4.
  ["if-unmodified-since", at(0), 200, 200, 200],
  ["if-unmodified-since", at(1), 200, 200, 200],
  ["if-unmodified-since", at(-1), 412, 412, 200],
  ["if-unmodified-since", "yesterday", 200, 200, 200],
];

for (const [name, value, strong, weak, none] of CASES) {
  Deno.test(`${name}: ${value} is judged by what the file has`, () => {
    const judged = [STRONG, WEAK, NONE].map((each) => judge({ [name]: value }, each));
    assertEquals(judged, [strong, weak, none]);
  });
}

Deno.test("without a precondition the answer is a whole one", () => {
  assertEquals(judge({}), 200);
  assertEquals(judge({ "if-range": '"x"', range: "bytes=0-1" }), 200);
});

Deno.test("the order is that of section 13.2.2", () => {
  const stale = at(-10);
  // If-Match stands before If-Unmodified-Since, which it silences.
  assertEquals(judge({ "if-match": '"x"', "if-unmodified-since": stale }), 200);
  assertEquals(judge({ "if-match": '"a"', "if-unmodified-since": at(0) }), 412);
  // A failed one ends it.
  assertEquals(judge({ "if-match": '"a"', "if-none-match": '"x"' }), 412);
  assertEquals(judge({ "if-unmodified-since": stale, "if-none-match": '"x"' }), 412);
  // One that holds leads on.
  assertEquals(judge({ "if-match": '"x"', "if-none-match": '"x"' }), 304);
  assertEquals(judge({ "if-match": "*", "if-modified-since": at(0) }), 304);
  assertEquals(judge({ "if-unmodified-since": at(0), "if-modified-since": at(0) }), 304);
  // If-None-Match silences If-Modified-Since.
  assertEquals(judge({ "if-none-match": '"a"', "if-modified-since": at(0) }), 200);
  assertEquals(judge({ "if-none-match": '"x"', "if-modified-since": stale }), 304);
});

Deno.test("If-Range lets a part be sent only of the very version that the client has", () => {
  const allowed = (ifRange: string | undefined, validators = STRONG, now = NOW) =>
    allowsRange(ifRange, validators, now);
  assert(allowed(undefined));
  assert(allowed(undefined, NONE));
  assert(allowed('"x"'));
  for (const tag of ['"a"', 'W/"x"', '"x", "x"', "x", "*", ""]) assert(!allowed(tag), tag);
  // A weak tag never matches, not even itself.
  for (const tag of ['"x"', 'W/"x"']) assert(!allowed(tag, WEAK), tag);
  assert(allowed(at(0)));
  assert(allowed(at(0), WEAK));
  assert(allowed("Thu Nov 26 10:00:00 2026"));
  // An exact match, and not "not after it".
  for (const seconds of [-1, 1, 1000]) assert(!allowed(at(seconds)), String(seconds));
  for (const value of ['"x"', at(0)]) assert(!allowed(value, NONE), value);
});

Deno.test("a date is no strong validator in the second that it names", () => {
  assert(!allowsRange(at(0), STRONG, MODIFIED));
  assert(allowsRange(at(0), STRONG, MODIFIED + 1));
});

Deno.test("what makes a request conditional is any of four fields, and not If-Range", () => {
  const is = (...names: string[]) => isConditional((name) => names.includes(name) ? "" : undefined);
  for (const name of ["match", "none-match", "modified-since", "unmodified-since"]) {
    assert(is(`if-${name}`), name);
  }
  assert(!is());
  assert(!is("if-range", "range"));
});
