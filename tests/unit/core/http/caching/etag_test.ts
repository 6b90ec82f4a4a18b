/** Entity tags, RFC 9110 section 8.8.3. */

import { assert, assertEquals } from "@std/assert";
import {
  isEntityTag,
  isWeakTag,
  listMatches,
  matchesStrongly,
  matchesWeakly,
} from "../../../../../src/core/http/caching/etag.ts";

for (const tag of ['""', '"a"', 'W/"a"', '"a,b"', '"a\\"', 'W/""', '"!#~"', '"\x80\xff"']) {
  Deno.test(`${tag} is an entity tag`, () => assert(isEntityTag(tag)));
}

for (
  const text of [
    "",
    "a",
    '"',
    '"a',
    'a"',
    'w/"a"',
    'W/a"',
    "W/",
    "*",
    '"a""b"',
    '"a" ',
    ' "a"',
    '"a b"',
    '"a\tb"',
    '"\x7f"',
    '"\r\n"',
    '"Ā"',
    '"a","b"',
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no entity tag`, () => assert(!isEntityTag(text)));
}

Deno.test("a tag is weak by its prefix alone", () => {
  assert(isWeakTag('W/"a"'));
  assert(!isWeakTag('"W/a"'));
});

Deno.test("tags are compared as in the table of section 8.8.3.2", () => {
  const table: [string, string, boolean, boolean][] = [
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"2"', false, false],
  ];
  for (const [a, b, strongly, weakly] of table) {
    assertEquals([matchesStrongly(a, b), matchesWeakly(a, b)], [strongly, weakly], `${a} ${b}`);
    assertEquals([matchesStrongly(b, a), matchesWeakly(b, a)], [strongly, weakly], `${b} ${a}`);
  }
});

const LISTS: [list: string, weakly: boolean, strongly: boolean][] = [
  ['"x"', true, true],
  ['W/"x"', true, false],
  ['"a", "x"', true, true],
  ['"a","x","b"', true, true],
  ['"a" , W/"x"', true, false],
  [', ,"x",', true, true],
  ['\t"x"\t', true, true],
  ['"a,b", "x"', true, true],
  // A comma inside a tag does not part.
  ['"a,"x",b"', false, false],
  // A backslash escapes nothing.
  ['"a\\", "x"', true, true],
  ["", false, false],
  ["x", false, false],
  ["*", false, false],
  ['*, "a"', false, false],
  ['"a"', false, false],
  ['"X"', false, false],
  // What is malformed matches nothing, and what follows it still may.
  ['"x', false, false],
  ['x"', false, false],
  ['rubbish, "x"', true, true],
  ['"x" y', false, false],
  ['"x"y, "x"', true, true],
  ['w/"x"', false, false],
  ['W/x, "x"', true, true],
  ['"a b", "x"', true, true],
];

for (const [list, weakly, strongly] of LISTS) {
  Deno.test(`the list ${list} ${weakly ? "has" : "has not"} the tag "x"`, () => {
    assertEquals(listMatches(list, '"x"', matchesWeakly), weakly);
    assertEquals(listMatches(list, '"x"', matchesStrongly), strongly);
  });
}

Deno.test("a long list is read once, however malformed it is", () => {
  // Any of them would take minutes if each character began a search to the end.
  for (const piece of ['"', "W/", '"a" ', 'W/"', "a,", '"\t,', "\t"]) {
    assert(!listMatches(piece.repeat(2_000_000), '"x"', matchesWeakly));
  }
});
