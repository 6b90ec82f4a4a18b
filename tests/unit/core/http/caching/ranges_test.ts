/** Byte ranges, RFC 9110 section 14. */

import { assert, assertEquals } from "@std/assert";
import { multipartRanges } from "../../../../../src/core/http/caching/multipart_ranges.ts";
import {
  contentRange,
  MOST_RANGES,
  parseRanges,
  unsatisfiedRange,
} from "../../../../../src/core/http/caching/ranges.ts";

/** The ranges as `first-last`, `416` or `whole`. */
function ask(value: string, length = 1000): string {
  const ranges = parseRanges(value, length);
  if (ranges === undefined) return "whole";
  if (ranges.length === 0) return "416";
  return ranges.map(({ first, last }) => `${first}-${last}`).join(",");
}

const HUGE = "9".repeat(400);

const CASES: [value: string, result: string, length?: number][] = [
  ["bytes=0-0", "0-0"],
  ["bytes=0-499", "0-499"],
  ["bytes=500-999", "500-999"],
  ["bytes=500-", "500-999"],
  ["bytes=-500", "500-999"],
  ["bytes=-1", "999-999"],
  ["bytes=0-", "0-999"],
  ["bytes=999-", "999-999"],
  ["BYTES=0-1", "0-1"],
  ["bytes=007-0010", "7-10"],
  // What ends behind the end ends at it.
  ["bytes=0-1000", "0-999"],
  ["bytes=999-5000", "999-999"],
  ["bytes=-1000", "0-999"],
  ["bytes=-5000", "0-999"],
  // Several, in the order of the request.
  ["bytes=0-0,-1", "0-0,999-999"],
  ["bytes=-1, 0-0", "999-999,0-0"],
  ["bytes=0-1 ,\t5-6,,", "0-1,5-6"],
  ["bytes=500-600,0-99", "500-600,0-99"],
  // Those that can't be satisfied are left out.
  ["bytes=0-1,5000-", "0-1"],
  ["bytes=5000-,0-1,-0", "0-1"],
  // Those that overlap or touch are joined.
  ["bytes=0-9,5-20", "0-20"],
  ["bytes=0-9,10-20", "0-20"],
  ["bytes=10-20,0-9", "0-20"],
  ["bytes=0-9,11-20", "0-9,11-20"],
  ["bytes=0-9,20-29,5-24", "0-29"],
  ["bytes=50-59,0-9,20-29,10-19", "50-59,0-29"],
  ["bytes=0-9,100-,0-9", "0-9,100-999"],
  ["bytes=0-,-500", "0-999"],
  // None of them can be satisfied.
  ["bytes=1000-", "416"],
  ["bytes=1000-2000", "416"],
  ["bytes=-0", "416"],
  ["bytes=-0,1000-", "416"],
  ["bytes=0-", "416", 0],
  ["bytes=0-0", "416", 0],
  ["bytes=-0", "416", 0],
  // The end of nothing is nothing, which no Content-Range can say.
  ["bytes=-5", "whole", 0],
  // Numbers that no double holds.
  [`bytes=0-${HUGE}`, "0-999"],
  [`bytes=-${HUGE}`, "0-999"],
  [`bytes=${HUGE}-`, "416"],
  [`bytes=${HUGE}-${HUGE}`, "416"],
  ["bytes=9007199254740993-9007199254740992", "whole"],
  ["bytes=9007199254740992-9007199254740993", "416"],
  [`bytes=${HUGE}9-${HUGE}`, "whole"],
  // Other units, and faults of syntax.
  ["items=0-1", "whole"],
  ["bytes", "whole"],
  ["bytes=", "whole"],
  ["bytes=,", "whole"],
  ["bytes=-", "whole"],
  ["bytes=5", "whole"],
  ["bytes=5-4", "whole"],
  ["bytes=0-1,5-4", "whole"],
  ["bytes=0-1,x", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=0x0-1", "whole"],
  ["bytes=0-1-2", "whole"],
  ["bytes=--1", "whole"],
  ["bytes=+0-1", "whole"],
  ["bytes=0.0-1", "whole"],
  ["bytes=1e1-20", "whole"],
  ["bytes=0 - 1", "whole"],
  ["bytes =0-1", "whole"],
  ["bytes: 0-1", "whole"],
  [" bytes=0-1", "whole"],
  ["bytes=0-1;5-6", "whole"],
  ['bytes="0-1"', "whole"],
  ["bytes=٠-١", "whole"],
  ["bytes=0-1, bytes=5-6", "whole"],
  ["", "whole"],
];

for (const [value, result, length] of CASES) {
  const shown = value.length > 60 ? `${value.slice(0, 50)}…` : value;
  Deno.test(`${JSON.stringify(shown)} of ${length ?? 1000} bytes is ${result}`, () => {
    assertEquals(ask(value, length), result);
  });
}

Deno.test("sixteen ranges are taken, and one more is answered with the whole", () => {
  const ranges = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, i) => `${i * 10}-${i * 10}`)}`;
  assertEquals(parseRanges(ranges(MOST_RANGES), 1000)?.length, 16);
  assertEquals(ask(ranges(MOST_RANGES + 1)), "whole");
  assertEquals(ask(`bytes=${"0-,".repeat(16)}`), "0-999");
  assertEquals(ask(`bytes=${"0-,".repeat(17)}`), "whole");
});

Deno.test("ranges beyond 4 GiB are exact", () => {
  const length = Number.MAX_SAFE_INTEGER;
  assertEquals(ask(`bytes=${length - 2}-`, length), `${length - 2}-${length - 1}`);
  assertEquals(ask("bytes=5000000000-5000000001", length), "5000000000-5000000001");
});

Deno.test("joined ranges are those bytes that were asked for, each once", () => {
  let seed = 1;
  const random = (limit: number) => (seed = seed * 48271 % 2147483647) % limit;
  for (let round = 0; round < 3000; round++) {
    const length = 1 + random(40);
    const wanted = new Set<number>();
    const specs = Array.from({ length: 1 + random(MOST_RANGES) }, () => {
      const first = random(45);
      const last = first + random(8);
      for (let at = first; at <= last && at < length; at++) wanted.add(at);
      return `${first}-${last}`;
    });
    const ranges = parseRanges(`bytes=${specs}`, length)!;
    const bytes = ranges.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    );
    assertEquals(bytes.toSorted((a, b) => a - b), [...wanted].toSorted((a, b) => a - b));
    const sorted = ranges.toSorted((a, b) => a.first - b.first);
    assert(sorted.every(({ first }, i) => i === 0 || first > sorted[i - 1]!.last + 1));
  }
});

Deno.test("Content-Range says which part, and of how many bytes", () => {
  assertEquals(contentRange({ first: 0, last: 0 }, 10), "bytes 0-0/10");
  assertEquals(unsatisfiedRange(10), "bytes */10");
});

Deno.test("several ranges are framed as section 14.6 shows, and counted to the byte", () => {
  const ranges = [{ first: 500, last: 503 }, { first: 7000, last: 7001 }];
  const { contentType, heads, end, length } = multipartRanges(ranges, 8000, "text/x", "SEPARATOR");
  assertEquals(contentType, "multipart/byteranges; boundary=SEPARATOR");
  const body = `${heads[0]}abcd${heads[1]}ef${end}`;
  assertEquals(
    body,
    "--SEPARATOR\r\ncontent-type: text/x\r\ncontent-range: bytes 500-503/8000\r\n\r\nabcd" +
      "\r\n--SEPARATOR\r\ncontent-type: text/x\r\ncontent-range: bytes 7000-7001/8000\r\n\r\nef" +
      "\r\n--SEPARATOR--\r\n",
  );
  assertEquals(length, body.length);
});
