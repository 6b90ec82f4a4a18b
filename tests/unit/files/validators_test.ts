/** What tells one version of a file from another. */

import { assertEquals } from "@std/assert";
import type { FileStat } from "../../../mod.ts";
import { validatorsOf } from "../../../src/files/validators.ts";

const NOW = Date.parse("2026-11-26T10:00:00.900Z");
const SECOND = Math.floor(NOW / 1000);
const NONE = new Map<string, string>();

const of = (stat: Partial<FileStat>, given: ReadonlyMap<string, string> = NONE) =>
  validatorsOf("/a", { length: 255, ...stat }, given, NOW);
const at = (age: number) => new Date(NOW - age);

Deno.test("a tag is made of the time to the millisecond, and of the length", () => {
  const hex = (age: number) => (NOW - age).toString(16);
  assertEquals(of({ mtime: at(5_000) }).etag, `"${hex(5_000)}-ff"`);
  assertEquals(of({ mtime: at(5_001) }).etag, `"${hex(5_001)}-ff"`);
  assertEquals(of({ mtime: at(5_000), length: 256 }).etag, `"${hex(5_000)}-100"`);
  assertEquals(of({ mtime: new Date(-1) }).etag, '"-1-ff"');
});

Deno.test("a tag is weak up to two seconds after the last change, and of the future", () => {
  const isWeak = (age: number) => of({ mtime: at(age) }).etag!.startsWith("W/");
  assertEquals([0, 1_999, 2_000, 2_001, -1].map(isWeak), [true, true, false, false, true]);
});

Deno.test("the time of the last change is in whole seconds, and not of the future", () => {
  const modified = (age: number) => of({ mtime: at(age) }).lastModified;
  assertEquals([0, 900, 901, -5_000].map(modified), [SECOND, SECOND, SECOND - 1, SECOND]);
});

Deno.test("a content coding has a tag of its own, in which its name stands as far as it may", () => {
  const coded = (coding: string) =>
    of({ mtime: at(5_000) }, new Map([["content-encoding", coding]]));
  const tag = of({ mtime: at(5_000) }).etag!.slice(0, -1);
  assertEquals(coded("gzip").etag, `${tag}-gzip"`);
  assertEquals(coded("GZIP, br").etag, `${tag}-gzip,br"`);
  assertEquals(coded(' "').etag, `${tag}"`);
});

Deno.test("a time before the year 0 is no date of HTTP", () => {
  assertEquals(of({ mtime: new Date(Date.UTC(-1, 12) - 1) }).lastModified, undefined);
  assertEquals(of({ mtime: new Date(Date.UTC(-1, 12)) }).lastModified, -62_167_219_200);
});

Deno.test("what is not known is not made up", () => {
  for (const stat of [{}, { mtime: null }]) {
    assertEquals(of(stat), { etag: undefined, lastModified: undefined });
  }
  assertEquals(of({ etag: 'W/"a"' }), { etag: 'W/"a"', lastModified: undefined });
});

Deno.test("a field of the program wins, and a malformed one is compared with nothing", () => {
  const mtime = at(5_000);
  const given = (name: string, value: string) =>
    of({ mtime, etag: '"f"' }, new Map([[name, value]]));
  assertEquals(given("etag", '"p"').etag, '"p"');
  assertEquals(given("etag", "p").etag, undefined);
  const date = "Thu, 26 Nov 2026 09:00:00 GMT";
  assertEquals(given("last-modified", date).lastModified, Date.parse(date) / 1000);
  assertEquals(given("last-modified", "now").lastModified, undefined);
});
