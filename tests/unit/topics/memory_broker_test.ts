/** The broker in memory: what it keeps, for how long, and what it knows of topics that it has forgotten. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublish,
  LwsError,
  memoryBroker,
  type MemoryBrokerOptions,
} from "../../../mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { captureLog } from "../../support/recorder.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";

const known = (historySize: number) => ({ historySize, presence: true, leaseMs: 20 });

for (const historySize of [0, 10]) {
  const broker = memoryBroker({ historySize });
  for (const { name, run } of brokerContract(() => broker.openNode!(), known(historySize))) {
    Deno.test(`memoryBroker, historySize ${historySize}: ${name}`, run);
  }
}

const inner = memoryBroker({ historySize: 10 });
for (const { name, run } of brokerContract(() => faultyBroker(inner), known(10))) {
  Deno.test(`faultyBroker: ${name}`, run);
}

const SILENT: BrokerEvents = { publication() {}, interrupted() {}, state() {} };
const KEPT: BrokerPublish = { isBinary: false, history: true };

async function started(
  options: MemoryBrokerOptions,
): Promise<{ broker: Broker; clock: FakeClock }> {
  const broker = memoryBroker(options);
  const clock = new FakeClock();
  await broker.start(SILENT, clock);
  return { broker, clock };
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(97);
}

async function sizes(broker: Broker, topic: string): Promise<number[]> {
  const { publications } = await broker.history(topic, undefined, 1_000);
  return publications.map(({ data }) => data.length);
}

Deno.test("historySize, historyBytes: as many are kept, and of one more the oldest go", async () => {
  const { broker } = await started({ historySize: 3, historyBytes: 10 });
  for (const length of [1, 2, 3]) await broker.publish("t", bytes(length), KEPT);
  assertEquals(await sizes(broker, "t"), [1, 2, 3]);
  await broker.publish("t", bytes(5), KEPT);
  assertEquals(await sizes(broker, "t"), [2, 3, 5]);
  await broker.publish("t", bytes(6), KEPT);
  assertEquals(await sizes(broker, "t"), [6]);
  await broker.publish("t", bytes(11), KEPT);
  assertEquals(await sizes(broker, "t"), []);
});

Deno.test("historyTtlMs: kept up to it, and not one millisecond longer", async () => {
  const { broker, clock } = await started({ historySize: 3, historyTtlMs: 100 });
  const first = await broker.publish("t", bytes(1), KEPT);
  clock.advance(60);
  await broker.publish("t", bytes(2), KEPT);
  clock.advance(39);
  assertEquals(await sizes(broker, "t"), [1, 2]);
  const before = { ...first, offset: first.offset - 1 };
  assertEquals((await broker.history("t", before, 9)).complete, true);
  clock.advance(1);
  assertEquals(await sizes(broker, "t"), [2]);
  assertEquals((await broker.history("t", before, 9)).complete, false);
  assertEquals((await broker.history("t", first, 9)).complete, true);
});

Deno.test("idempotencyMs: an id is known so long, and 0 is not at all", async () => {
  const { broker, clock } = await started({ idempotencyMs: 100 });
  const options = { isBinary: false, history: false, id: "a" };
  const publish = () => broker.publish("t", bytes(1), options);
  const first = await publish();
  clock.advance(99);
  assertEquals(await publish(), first);
  clock.advance(1);
  assert((await publish()).offset > first.offset);
  const { broker: none } = await started({ idempotencyMs: 0 });
  const again = () => none.publish("t", bytes(1), options);
  const before = await again();
  assert((await again()).offset > before.offset);
});

Deno.test("a topic that is forgotten begins behind all that was, so that no position of it looks whole", async () => {
  const { broker, clock } = await started({ historySize: 3, historyTtlMs: 100 });
  const first = await broker.publish("t", bytes(1), KEPT);
  const last = await broker.publish("t", bytes(2), KEPT);
  clock.advance(100);
  // Others' publications sweep it away.
  for (let i = 0; i < 3; i++) await broker.publish("u", bytes(1), KEPT);
  const [top] = await broker.tops(["t"]);
  assert(top!.offset >= last.offset);
  assertEquals((await broker.history("t", first, 9)).complete, false);
  assertEquals((await broker.history("t", last, 9)).complete, true);
  const next = await broker.publish("t", bytes(3), KEPT);
  const { complete, publications } = await broker.history("t", last, 9);
  assertEquals([complete, publications.map(({ offset }) => offset)], [true, [next.offset]]);
});

/** The topics of which something is kept. */
async function kept(broker: Broker, topics: string): Promise<string> {
  const all = await Promise.all([...topics].map((topic) => sizes(broker, topic)));
  return [...topics].filter((_, i) => all[i]!.length > 0).join("");
}

Deno.test("historyTopics: as many, and of one more the oldest publications go, told once until there is room", async () => {
  using log = captureLog();
  const { lines } = log;
  const { broker, clock } = await started({ historySize: 9, historyTtlMs: 100, historyTopics: 3 });
  for (const topic of "aabac") await broker.publish(topic, bytes(1), KEPT);
  assertEquals(await kept(broker, "abc"), "abc");
  assertEquals(lines, []);
  // Until a topic has none: two of `a`, and that of `b`.
  const { offset } = await broker.publish("d", bytes(1), KEPT);
  assertEquals([await kept(broker, "abcd"), await sizes(broker, "a")], ["acd", [1]]);
  const gone = await broker.history(
    "b",
    { epoch: (await broker.tops(["b"]))[0]!.epoch, offset: 1 },
    9,
  );
  assertEquals(gone.complete, false);
  assert(gone.top < offset);
  await broker.publish("e", bytes(1), KEPT);
  assertEquals(await kept(broker, "abcde"), "cde");
  const line = "warn: memoryBroker: historyTopics (3) is reached: the oldest publications go";
  assertEquals(lines, [line]);
  clock.advance(200);
  for (const topic of "abcd") await broker.publish(topic, bytes(1), KEPT);
  assertEquals([await kept(broker, "abcde"), lines], ["bcd", [line, line]]);
});

Deno.test("historyTotalBytes: so many of all topics, and of one more the oldest publications go", async () => {
  // 1,024 for a publication, 512 for a topic, and two for its name.
  const historyTotalBytes = 3 * (1024 + 512 + 2 + 100);
  const { broker } = await started({ historySize: 9, historyTotalBytes });
  for (const topic of "abc") await broker.publish(topic, bytes(100), KEPT);
  assertEquals(await kept(broker, "abc"), "abc");
  await broker.publish("d", bytes(100), KEPT);
  assertEquals(await kept(broker, "abcd"), "bcd");
  await broker.publish("e", bytes(101), KEPT);
  assertEquals(await kept(broker, "abcde"), "de");
  await broker.publish("e", bytes(historyTotalBytes - 1537), KEPT);
  assertEquals(await kept(broker, "abcde"), "");
});

Deno.test("historyTtlMs: what has had its time is let go without any publication, and a timer is only there for that", async () => {
  const { broker, clock } = await started({ historySize: 9, historyTtlMs: 100 });
  assertEquals(clock.pending, 0);
  const first = await broker.publish("a", bytes(1), KEPT);
  clock.advance(50);
  const last = await broker.publish("b", bytes(1), KEPT);
  assertEquals([clock.pending, await broker.tops(["a", "b"])], [1, [first, last]]);
  // Of what is forgotten the top is that of all that is.
  clock.advance(50);
  assertEquals([clock.pending, await broker.tops(["a"])], [1, [first]]);
  clock.advance(50);
  assertEquals([clock.pending, await broker.tops(["a"])], [0, [last]]);
});

Deno.test("the timer goes over to a context that is still there, and ends with the last one", async () => {
  const { broker, clock } = await started({ historySize: 9, historyTtlMs: 100 });
  const other = broker.openNode!();
  const otherClock = new FakeClock();
  await other.start(SILENT, otherClock);
  await broker.publish("a", bytes(1), KEPT);
  assertEquals([clock.pending, otherClock.pending], [0, 1]);
  await other[Symbol.asyncDispose]();
  assertEquals([clock.pending, otherClock.pending], [1, 0]);
  await broker[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("a bound that is hit is counted once, by a context that counts", async () => {
  const broker = memoryBroker({ historySize: 9, historyTopics: 1, historyTotalBytes: 3_500 });
  using _log = captureLog([]);
  const hits: string[] = [];
  const limit = (name: string) => void hits.push(name);
  for (const events of [SILENT, { ...SILENT, limit }, { ...SILENT, limit }]) {
    await broker.openNode!().start(events, new FakeClock());
  }
  await broker.publish("a", bytes(1), KEPT);
  assertEquals(hits, []);
  await broker.publish("b", bytes(1), KEPT);
  await broker.publish("b", bytes(1_000), KEPT);
  assertEquals(hits, ["historyTopics", "historyTotalBytes"]);
});

Deno.test("members of an end that is closed leave with it, and those of the others stay", async () => {
  const { broker, clock } = await started({ historySize: 9 });
  const other = broker.openNode!();
  await other.start(SILENT, clock);
  for (const [end, id] of [[broker, "a"], [other, "b"]] as const) {
    await end.presence!.tend(1_000, true, true);
    await end.presence!.join("t", { id, key: id, info: "null" }, true);
  }
  await broker[Symbol.asyncDispose]();
  const { members } = await other.presence!.members("t", 9);
  assertEquals(members.map(({ id }) => id), ["b"]);
  const { publications } = await other.history("t", undefined, 9);
  assertEquals(publications.map(({ presence }) => presence), ["join", "join", "leave"]);
});

Deno.test("options are refused by name", () => {
  const wrong: [name: string, options: unknown][] = [
    ["options", 7],
    ["historySize", { historySize: -1 }],
    ["historySize", { historySize: 1.5 }],
    ["historyTtlMs", { historyTtlMs: 0 }],
    ["historyBytes", { historyBytes: "1" }],
    ["idempotencyMs", { idempotencyMs: -1 }],
    ["idempotencyMs", { idempotencyMs: 2 ** 53 }],
    ["historyTotalBytes", { historyTotalBytes: -1 }],
    ["historyTopics", { historyTopics: "1" }],
  ];
  for (const [name, options] of wrong) {
    const error = assertThrows(() => memoryBroker(options as MemoryBrokerOptions), LwsError);
    assertEquals(error.code, "invalid-argument");
    assert(error.message.startsWith(`memoryBroker: ${name} is `), error.message);
  }
  const near = { histroySize: 1 } as MemoryBrokerOptions;
  const names = "historySize, historyTtlMs, historyBytes, idempotencyMs, historyTotalBytes, " +
    "historyTopics; did you mean historySize?";
  const said = `memoryBroker: there is no histroySize; allowed: ${names}`;
  assertEquals(assertThrows(() => memoryBroker(near), LwsError).message, said);
  for (const historySize of [Number.MAX_SAFE_INTEGER, Infinity]) {
    assertEquals(memoryBroker({ historySize }).keepsHistory, true);
  }
  assertEquals(memoryBroker().keepsHistory, false);
});
