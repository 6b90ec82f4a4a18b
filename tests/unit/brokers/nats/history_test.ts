import { assertEquals, assertRejects } from "@std/assert";
import type { Position } from "@x/lws";
import { readHistory, readTop, type Source } from "../../../../src/brokers/nats/history.ts";
import { NoAnswer } from "../../../../src/brokers/nats/server/requests.ts";
import { FakeStream } from "./fake_stream.ts";

/** What a history has: whether it is complete, and of each its offset and the one before. */
async function behind(
  source: Source,
  offset: number | Position | undefined,
  limit = 100,
): Promise<[boolean, ...string[]]> {
  const since = typeof offset === "number" ? { epoch: "now", offset } : offset;
  const top = await readTop(source);
  const answer = await readHistory(source, since, limit, { top, end: top ?? 1_000 });
  return [
    answer.complete,
    ...answer.publications.map(({ offset, previous }) => `${previous}>${offset}`),
  ];
}

/** Of a topic whose messages have these sequences: all others are of another one. */
function streamOf(...sequences: readonly number[]): FakeStream {
  const stream = new FakeStream();
  for (let i = 1; i <= Math.max(...sequences); i++) {
    stream.put(sequences.includes(i) ? "own" : "other");
  }
  return stream;
}

Deno.test("what follows a message that is kept is all of it", async () => {
  const source = streamOf(2, 5, 9).source("own", { size: 3 });
  assertEquals(await behind(source, 2), [true, "2>5", "5>9"]);
  assertEquals(await behind(source, 2, 1), [true, "2>5"]);
  assertEquals(await behind(source, 9), [true]);
  // A position between two messages, as where a topic stood that was silent.
  assertEquals(await behind(source, 6), [true, "6>9"]);
});

Deno.test("of one more than is kept the first is none, and shows what is missing behind it", async () => {
  const stream = streamOf(2, 5, 7, 9);
  stream.kept.delete(2);
  const source = stream.source("own", { size: 2 });
  assertEquals(await behind(source, 5), [true, "5>7", "7>9"]);
  assertEquals(await behind(source, 2), [false, "5>7", "7>9"]);
  assertEquals(await behind(source, { epoch: "other", offset: 5 }), [false, "5>7", "7>9"]);
  assertEquals(await behind(source, undefined), [false, "5>7", "7>9"]);
  assertEquals(await behind(source, undefined, 1), [false, "7>9"]);
});

Deno.test("a message that may follow another one is not told to follow the position", async () => {
  const stream = streamOf(2, 5, 9);
  stream.kept.delete(1);
  stream.kept.delete(2);
  const source = stream.source("own");
  assertEquals(await behind(source, 1), [false, "4>5", "5>9"]);
  assertEquals(await behind(source, 2), [true, "2>5", "5>9"]);
  assertEquals(await behind(stream.source("own", { known: 1 }), 1), [true, "1>5", "5>9"]);
  assertEquals(await behind(stream.source("own", { known: 2 }), 1), [false, "4>5", "5>9"]);
});

Deno.test("from the first publication on all is complete while the stream has its first message", async () => {
  const stream = streamOf(1, 5);
  const virgin = { epoch: "", offset: 0 };
  assertEquals(await behind(stream.source("own"), virgin), [true, "0>1", "1>5"]);
  assertEquals(await behind(stream.source("own"), undefined), [true, "0>1", "1>5"]);
  stream.kept.delete(1);
  assertEquals(await behind(stream.source("own"), virgin), [false, "4>5"]);
  assertEquals(await behind(stream.source("own"), undefined), [false, "4>5"]);
});

Deno.test("a position from the future, or of a topic that nothing is kept of, has lost its end", async () => {
  const stream = streamOf(2, 5);
  assertEquals(await behind(stream.source("own"), 6), [false]);
  assertEquals(await behind(stream.source("none"), 1_001), [false]);
  stream.kept.delete(1);
  stream.kept.delete(2);
  assertEquals(await behind(stream.source("none"), 1), [false]);
  assertEquals(await behind(stream.source("none", { known: 1 }), 1), [true]);
});

Deno.test("a reading whose end has gone meanwhile is cut short, and no short history", async () => {
  const stream = streamOf(2, 5, 9);
  stream.beforeRead = (which) => {
    if ("next_by_subj" in which) stream.kept.delete(9);
  };
  await assertRejects(() => behind(stream.source("own"), 2), NoAnswer, "ended at 5, and not at 9");
});

Deno.test("what goes while it is read is missed in front of what is told, and not between", async () => {
  for (const since of [1, undefined, { epoch: "other", offset: 1 }]) {
    const stream = new FakeStream();
    stream.put("own", "", 80);
    let count = 0;
    stream.beforeRead = () => {
      // Others come, and take the place of the oldest.
      count++;
      if (count < 10 || count > 40) return;
      stream.kept.delete(count - 9);
      stream.put("own");
    };
    const [complete, ...told] = await behind(stream.source("own", { size: 79 }), since);
    assertEquals(complete, false);
    assertEquals(told.length > 40, true, told.join());
    const offsets = told.map((each) => Number(each.split(">")[1]));
    assertEquals(told, offsets.map((offset) => `${offset - 1}>${offset}`));
    assertEquals(offsets, offsets.map((_, i) => offsets[0]! + i));
  }
});
