import { assertEquals } from "@std/assert";
import { isComplete } from "../../../../src/brokers/nats/completeness.ts";

/** Behind 5, of a topic that keeps 10 and one more. */
const SEEN = { since: 5, count: 0, most: 11, first: 1_000, isYoung: false };

Deno.test("as many as are kept at most may be the last of more", () => {
  const young = { ...SEEN, isYoung: true, first: 1 };
  assertEquals(isComplete({ ...young, count: 10 }), true);
  assertEquals(isComplete({ ...young, count: 11 }), false);
  assertEquals(isComplete({ ...young, count: 1_000_000, most: Infinity }), true);
});

Deno.test("what has gone by its age is missed, unless it is in front", () => {
  assertEquals(isComplete({ ...SEEN, first: 6 }), true);
  assertEquals(isComplete({ ...SEEN, first: 7 }), false);
  assertEquals(isComplete({ ...SEEN, first: 7, isYoung: true }), true);
  assertEquals(isComplete({ ...SEEN, since: 0, first: 1 }), true);
  assertEquals(isComplete({ ...SEEN, since: 0, first: 2 }), false);
});
