import { assertEquals } from "@std/assert";
import { LONGEST, readStretch } from "../../../../src/brokers/nats/reading.ts";
import { FakeStream } from "./fake_stream.ts";

/** One with 300 messages of a topic between those of others. */
function crowded(): { stream: FakeStream; sequences: number[] } {
  const stream = new FakeStream();
  const sequences: number[] = [];
  for (let i = 0; i < 300; i++) {
    stream.put("other", "", i % 7);
    sequences.push(stream.put("own", "x".repeat(10)));
  }
  return { stream, sequences };
}

Deno.test("a stretch is read as it is, however long it is and wherever it begins", async () => {
  const { stream, sequences } = crowded();
  const to = sequences.at(-1)!;
  for (const begin of [0, 1, 7, 8, 9, 150, 299]) {
    const from = sequences[begin]!;
    const read = await readStretch(stream.source("own"), { from, to }, 1_000, Infinity);
    assertEquals(read.messages.map(({ sequence }) => sequence), sequences.slice(begin));
    assertEquals(read.isBroken, false);
  }
  const none = await readStretch(stream.source("none"), { from: 1, to }, 10, Infinity);
  assertEquals(none, { messages: [], isBroken: false });
});

Deno.test("what came behind the stretch is not of it", async () => {
  const { stream, sequences } = crowded();
  const to = sequences[199]!;
  const { messages } = await readStretch(stream.source("own"), { from: 1, to }, 1_000, Infinity);
  assertEquals(messages.map(({ sequence }) => sequence), sequences.slice(0, 200));
});

Deno.test("no more is read than is asked for", async () => {
  const { stream, sequences } = crowded();
  const part = { from: 1, to: sequences.at(-1)! };
  for (const most of [1, 7, 8, 9, 100, 299]) {
    const { messages, isBroken } = await readStretch(stream.source("own"), part, most, Infinity);
    assertEquals(messages.map(({ sequence }) => sequence), sequences.slice(0, most));
    assertEquals(isBroken, true);
  }
  const whole = await readStretch(stream.source("own"), part, 301, Infinity);
  assertEquals([whole.messages.length, whole.isBroken], [300, false]);
  const { messages, isBroken } = await readStretch(stream.source("own"), part, 1_000, 500);
  assertEquals([messages.length, isBroken], [50, true]);
  assertEquals(messages.map(({ sequence }) => sequence), sequences.slice(0, messages.length));
});

Deno.test("a few messages are read one by one, and more are sent", async () => {
  const { stream, sequences } = crowded();
  const to = sequences.at(-1)!;
  await readStretch(stream.source("own"), { from: 1, to }, 1_000, Infinity);
  assertEquals([stream.reads, stream.sent], [8, 292]);
  await readStretch(stream.source("own"), { from: sequences[292]!, to }, 1_000, Infinity);
  assertEquals([stream.reads, stream.sent], [16, 292]);
  await readStretch(stream.source("own"), { from: 1, to: sequences[199]! }, 1_000, Infinity);
  assertEquals([stream.reads, stream.sent], [24, 292 + 192]);
});

Deno.test("what one consumer does not bring another one does", async () => {
  for (const count of [LONGEST + 8, LONGEST + 9, 2 * LONGEST + 9]) {
    const stream = new FakeStream();
    const to = stream.put("own", "", count);
    const { messages, isBroken } = await readStretch(
      stream.source("own"),
      { from: 1, to },
      Infinity,
      Infinity,
    );
    assertEquals([messages.length, messages.at(-1)!.sequence, isBroken], [count, to, false]);
  }
});
