/** Dates of HTTP fields, RFC 9110 section 5.6.7. */

import { assertEquals } from "@std/assert";
import { parseHttpDate } from "../../../../../src/core/http/caching/http_date.ts";

const secondsOf = (text: string) => Date.parse(text) / 1000;
const NOW = secondsOf("2026-11-26T00:00:00Z");

for (
  const [text, iso] of [
    // The three of the specification.
    ["Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"],
    ["Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"],
    ["Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"],
    ["Sun Nov 16 08:49:37 1994", "1994-11-16T08:49:37Z"],
    ["Wednesday, 29-Feb-12 23:59:59 GMT", "2012-02-29T23:59:59Z"],
    ["Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"],
    ["Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"],
    ["Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"],
    ["Fri, 01 Mar 2024 00:00:00 GMT", "2024-03-01T00:00:00Z"],
    ["Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"],
    ["Fri, 01 Jan 1600 00:00:00 GMT", "1600-01-01T00:00:00Z"],
    ["Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"],
    // The name of the day decides nothing.
    ["Mon, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"],
  ]
) {
  Deno.test(`${text} is ${iso}`, () => assertEquals(parseHttpDate(text!, NOW), secondsOf(iso!)));
}

for (
  const text of [
    "",
    "0",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 gmt",
    "sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06  Nov 1994 08:49:37 GMT",
    "Sun,06 Nov 1994 08:49:37 GMT",
    "06 Nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Tue, 29 Feb 1900 00:00:00 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov  6 08:49:37 1994 GMT",
    "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    '"Sun, 06 Nov 1994 08:49:37 GMT"',
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no date`, () => {
    assertEquals(parseHttpDate(text, NOW), undefined);
  });
}

Deno.test("every day of four hundred years is read as the calendar has it", () => {
  for (let day = secondsOf("1899-12-31T00:00:00Z"); day < secondsOf("2301-01-01T00:00:00Z");) {
    assertEquals(parseHttpDate(new Date(day * 1000).toUTCString(), NOW), day);
    day += 86_400;
  }
});

Deno.test("a year of two digits is one of the last fifty or the next fifty years", () => {
  const yearOf = (digits: string, now = NOW) =>
    new Date(parseHttpDate(`Monday, 01-Jan-${digits} 00:00:00 GMT`, now)! * 1000).getUTCFullYear();
  assertEquals(yearOf("26"), 2026);
  assertEquals(yearOf("27"), 2027);
  assertEquals(yearOf("76"), 2076);
  assertEquals(yearOf("77"), 1977);
  assertEquals(yearOf("00"), 2000);
  assertEquals(yearOf("99"), 1999);
  const later = secondsOf("2099-06-01T00:00:00Z");
  assertEquals([yearOf("00", later), yearOf("49", later), yearOf("50", later)], [2100, 2149, 2050]);
  // 2100 has no such day, and 2000 had.
  const leap = "Monday, 29-Feb-00 00:00:00 GMT";
  assertEquals(parseHttpDate(leap, NOW), secondsOf("2000-02-29T00:00:00Z"));
  assertEquals(parseHttpDate(leap, later), secondsOf("2000-02-29T00:00:00Z"));
});
