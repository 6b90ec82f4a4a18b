import { assert, assertEquals } from "@std/assert";
import { allCookies, findCookie } from "../../../../src/core/http/cookies.ts";

Deno.test("RFC 6265 section 4.2: a cookie is found by its name, and is what was sent", () => {
  const line = 'a=1; b="q u"; c=x=y; d=; e=%41+; A=2; f=a,b';
  const names = ["a", "b", "c", "d", "e", "A", "f", "g"];
  assertEquals(names.map((name) => findCookie([line], name)), [
    "1",
    '"q u"',
    "x=y",
    "",
    "%41+",
    "2",
    "a,b",
    undefined,
  ]);
});

Deno.test("of several cookies of a name the first one counts, also over several lines", () => {
  assertEquals(findCookie(["a=1; a=2", "a=3; b=4"], "a"), "1");
  assertEquals(findCookie(["a=1; a=2", "a=3; b=4"], "b"), "4");
  assertEquals(findCookie([], "a"), undefined);
});

Deno.test("what is no cookie is passed over", () => {
  for (const line of ["", ";", "a", ";;=x;a", "; a ;b", "=a", "x a=0", "\u00a0a=0;\u2000a=0"]) {
    assertEquals(findCookie([`${line};a=1`], "a"), "1", line);
    assertEquals(findCookie([line], "a"), undefined, line);
  }
});

Deno.test("blanks around names and values are no part of them", () => {
  for (const line of [" a=1", "x=y;a=1", "x=y;  \ta\t=  1 ", "a=1\t;"]) {
    assertEquals(findCookie([line], "a"), "1", line);
  }
});

Deno.test("names of every object's members are names like others", () => {
  assertEquals(findCookie(["a=1"], "__proto__"), undefined);
  assertEquals(findCookie(["__proto__=1; constructor=2"], "constructor"), "2");
});

Deno.test("a line of semicolons is read once", () => {
  const line = ";".repeat(16 * 1024);
  let reads = 0;
  // Each piece is cut out of the line by one call, and each end is looked for by one.
  const counting = new Proxy(new String(line), {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      reads++;
      return value.bind(target);
    },
  }) as unknown as string;
  assertEquals(findCookie([counting], "a"), undefined);
  assert(reads <= 2 * (line.length + 1), `${reads} calls for ${line.length} semicolons`);
});

Deno.test("all cookies are those that are found by their names, and those without one are none", () => {
  const lines = ['a=1; b="q u"; c=x=y; =0; e ;;', "\t d = 4 ;a=2; __proto__=5; b"];
  const all = allCookies(lines);
  assertEquals([...all], [["a", "1"], ["b", '"q u"'], ["c", "x=y"], ["d", "4"], [
    "__proto__",
    "5",
  ]]);
  for (const [name, value] of all) assertEquals(findCookie(lines, name), value);
  assertEquals(allCookies([]).size, 0);
});
