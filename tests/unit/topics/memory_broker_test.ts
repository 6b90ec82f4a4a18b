/** The broker in memory: what it keeps, for how long, and what it knows of topics that it has forgotten. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublish,
  type HistoryOptions,
  LwsError,
  memoryBroker,
} from "../../../mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
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

async function started(options: HistoryOptions): Promise<{ broker: Broker; clock: FakeClock }> {
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
    ["size", { size: 1 }],
  ];
  for (const [name, options] of wrong) {
    const error = assertThrows(() => memoryBroker(options as HistoryOptions), LwsError);
    assertEquals(error.code, "invalid-argument");
    assert(error.message.startsWith(`memoryBroker: ${name} is `), error.message);
  }
  const near = { histroySize: 1 } as HistoryOptions;
  assertThrows(() => memoryBroker(near), LwsError, "did you mean historySize?");
  for (const historySize of [Number.MAX_SAFE_INTEGER, Infinity]) {
    assertEquals(memoryBroker({ historySize }).keepsHistory, true);
  }
  assertEquals(memoryBroker().keepsHistory, false);
});
