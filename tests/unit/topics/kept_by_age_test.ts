/** What is kept of all topics: its order, and what it counts. */

import { assertEquals } from "@std/assert";
import {
  type Keeping,
  KeptByAge,
  PUBLICATION_OVERHEAD,
  publicationsOf,
  TOPIC_OVERHEAD,
} from "../../../src/topics/kept_by_age.ts";

function topicOf(topic: string): Keeping {
  return { topic, first: undefined, last: undefined, count: 0, bytes: 0 };
}

function add(all: KeptByAge, of: Keeping, offset: number, length = 0): void {
  all.add(of, { epoch: "e", offset, data: new Uint8Array(length), isBinary: true }, 0);
}

const offsets = (of: Keeping) => publicationsOf(of).map(({ offset }) => offset);

Deno.test("the oldest of all is found, whichever topic's go", () => {
  const all = new KeptByAge();
  const [a, b] = [topicOf("a"), topicOf("b")];
  for (const [of, offset] of [[a, 1], [b, 2], [b, 3], [a, 4], [b, 5]] as const) {
    add(all, of, offset);
  }
  // From the middle.
  assertEquals(all.removeFirst(b).publication.offset, 2);
  assertEquals([all.oldest!.publication.offset, offsets(a), offsets(b)], [1, [1, 4], [3, 5]]);
  all.removeFirst(a);
  assertEquals([all.oldest!.publication.offset, all.oldest!.of], [3, b]);
  all.removeFirst(a);
  all.removeFirst(b);
  // The newest, and the last of all.
  assertEquals(all.oldest!.publication.offset, 5);
  all.removeFirst(b);
  assertEquals([all.oldest, offsets(a), offsets(b)], [undefined, [], []]);
  add(all, b, 6);
  assertEquals([all.oldest!.publication.offset, offsets(b)], [6, [6]]);
});

Deno.test("bytes and topics are counted, and nothing is left of what is let go", () => {
  const all = new KeptByAge();
  const [a, b] = [topicOf("aaa"), topicOf("b")];
  add(all, a, 1, 10);
  add(all, a, 2, 20);
  add(all, b, 3, 5);
  assertEquals([all.bytes, all.topics], [
    35 + 2 * (3 + 1) + 3 * PUBLICATION_OVERHEAD + 2 * TOPIC_OVERHEAD,
    2,
  ]);
  assertEquals([a.bytes, a.count, b.bytes, b.count], [30, 2, 5, 1]);
  all.removeFirst(a);
  assertEquals([all.topics, a.bytes, a.count], [2, 20, 1]);
  all.removeFirst(a);
  assertEquals([all.bytes, all.topics], [5 + 2 + PUBLICATION_OVERHEAD + TOPIC_OVERHEAD, 1]);
  all.removeFirst(b);
  assertEquals([all.bytes, all.topics, b.bytes, b.count], [0, 0, 0, 0]);
});
