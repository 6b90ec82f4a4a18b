/** Ids of publications: known for their time, and no more than there is room for. */

import { assert, assertEquals } from "@std/assert";
import { KnownIds, MOST_IDS } from "../../../src/topics/known_ids.ts";

const AT = { epoch: "e", offset: 1 };

Deno.test("an id is known for its time, whatever generation it is of, and for its topic alone", () => {
  const ids = new KnownIds(100);
  ids.add("t", "a", AT, 0);
  ids.add("t", "b", AT, 99);
  assertEquals([ids.find("t", "a", 99), ids.find("u", "a", 99)], [AT, undefined]);
  assertEquals([ids.find("t", "a", 100), ids.find("t", "b", 100)], [undefined, AT]);
  assertEquals([ids.find("t", "b", 198), ids.find("t", "b", 199)], [AT, undefined]);
  ids.find("t", "a", 500);
  assertEquals(ids.size, 0);
});

Deno.test("0 is not at all, and Infinity for good", () => {
  const none = new KnownIds(0);
  none.add("t", "a", AT, 0);
  assertEquals([none.find("t", "a", 0), none.size], [undefined, 0]);
  const all = new KnownIds(Infinity);
  all.add("t", "a", AT, 0);
  assertEquals(all.find("t", "a", 1e12), AT);
});

Deno.test("there are two generations of them at most, and the latest stay", () => {
  const ids = new KnownIds(Infinity);
  for (let i = 0; i <= 2 * MOST_IDS; i++) ids.add("t", `${i}`, AT, 0);
  assert(ids.size <= 2 * MOST_IDS, `${ids.size}`);
  assertEquals(ids.find("t", "0", 0), undefined);
  assertEquals(ids.find("t", `${MOST_IDS}`, 0), AT);
  assertEquals(ids.find("t", `${2 * MOST_IDS}`, 0), AT);
});
