/** The races of a hub with its broker, each in the order in which it loses or doubles a message. */

import { assert, assertEquals } from "@std/assert";
import { type BrokerHistory, type BrokerPublication, memoryBroker } from "../../../../mod.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { Played } from "../played_subscriber.ts";
import { settle } from "../../../support/serve.ts";
import { Rig } from "./rig.ts";

/** Texts of numbers, the last one included. */
function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

Deno.test("an answer that ends before the live feed begins is not enough for one that came later", async () => {
  await using rig = new Rig();
  await rig.join("t");
  const first = await rig.publish("t", "1");
  // More than the node has at hand.
  await rig.publish("t", ...numbers(2, 41));
  const held = rig.broker.holdAnswer("history");
  const [early, late] = [new Played(), new Played()];
  const resumed = [rig.hub.subscribe(early, "t", first)];
  await settle();
  assertEquals(held.count, 1);
  await rig.publish("t", "42");
  resumed.push(rig.hub.subscribe(late, "t", first));
  await rig.publish("t", "43");
  held.release();
  const counts = (await Promise.all(resumed)).map(({ recovered, count }) => [recovered, count]);
  await rig.publish("t", "44");
  const all = numbers(2, 44);
  for (const each of [early, late]) assertEquals(each.got, all);
  assertEquals(counts, [[true, 42], [true, 42]]);
});

Deno.test("an answer of a copy that lags behind is asked for again", async () => {
  await using rig = new Rig();
  await rig.join("t");
  const first = await rig.publish("t", "1");
  await rig.publish("t", ...numbers(2, 41));
  let answers = 0;
  rig.broker.onHistory = (_topic, answer) => {
    if (++answers > 3) return answer;
    return {
      ...answer,
      top: 6,
      publications: answer.publications.filter(({ offset }) => offset < 7),
    };
  };
  const subscriber = new Played();
  const resumed = rig.hub.subscribe(subscriber, "t", first);
  await settle();
  assertEquals(answers, 2, "what brings nothing is not asked for again at once");
  await rig.pass(2_000);
  assertEquals((await resumed).count, 40);
  assertEquals([subscriber.got.length, answers], [40, 4]);
});

Deno.test("what history had before it came live does not come again", async () => {
  await using rig = new Rig();
  const stays = await rig.join("t");
  const first = await rig.publish("t", "1");
  // More than the node has at hand.
  await rig.publish("t", ...numbers(2, 40));
  const late: BrokerPublication[] = [];
  rig.broker.onLive = (_topic, publication) => {
    late.push(publication);
    return [];
  };
  await rig.publish("t", "41", "42");
  const subscriber = new Played();
  const subscription = await rig.hub.subscribe(subscriber, "t", first);
  assertEquals([subscription.recovered, subscriber.got], [true, numbers(2, 42)]);
  rig.broker.revive();
  for (const each of late) rig.broker.live("t", each);
  await rig.publish("t", "43");
  assertEquals(subscriber.got, numbers(2, 43));
  assertEquals(stays.got, numbers(1, 43));
});

Deno.test("what waited during a repair is checked as what comes live: a second gap is seen", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  await rig.publish("t", "1");
  rig.broker.deafen();
  await rig.publish("t", "2");
  rig.broker.revive();
  const held = rig.broker.holdAnswer("history");
  await rig.publish("t", "3");
  await settle();
  assertEquals([held.count, subscriber.got], [1, ["1"]]);
  rig.broker.deafen();
  await rig.publish("t", "4");
  rig.broker.revive();
  await rig.publish("t", "5");
  held.release();
  await settle();
  await rig.publish("t", "6");
  assertEquals(subscriber.got, ["1", "2", "3", "4", "5", "6"]);
  assertEquals(subscriber.gaps, []);
});

/** A read that was cut short, which says that it is complete. */
const CUTS: Readonly<Record<string, (answer: BrokerHistory) => BrokerHistory>> = {
  "to one": (answer) => ({ ...answer, publications: answer.publications.slice(0, 1) }),
  "to none": (answer) => ({ ...answer, publications: [] }),
};

for (const [how, cut] of Object.entries(CUTS)) {
  Deno.test(`history that is cut short ${how} is no short history, in a repair and in a resume`, async () => {
    await using rig = new Rig();
    const subscriber = await rig.join("t");
    const first = await rig.publish("t", "1");
    rig.broker.deafen();
    await rig.publish("t", ...numbers(2, 41));
    rig.broker.revive();
    let answers = 0;
    rig.broker.onHistory = (_topic, answer) => ++answers > 2 ? answer : cut(answer);
    await rig.publish("t", "42");
    await rig.pass(1_000);
    const all = numbers(1, 42);
    assertEquals([subscriber.got, subscriber.gaps], [all, []]);
    answers = 0;
    const late = new Played();
    const resumed = rig.hub.subscribe(late, "t", first);
    await rig.pass(1_000);
    assertEquals([(await resumed).recovered, late.got], [true, all.slice(1)]);
    assert(answers > 2);
  });
}

Deno.test("a repair goes on until it has all, though nothing more comes", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  rig.broker.deafen();
  await rig.publish("t", ...numbers(1, 10));
  rig.broker.onHistory = (_topic, answer) => ({
    ...answer,
    publications: answer.publications.slice(0, 3),
  });
  rig.broker.interrupt();
  await settle();
  assertEquals(subscriber.got, numbers(1, 10));
});

Deno.test("a topic that comes again while it is being unsubscribed from stays, and comes once", async () => {
  await using rig = new Rig({ limits: { lingerMs: 0 } });
  const subscriber = await rig.join("t");
  const held = rig.broker.hold("unsubscribe");
  rig.hub.unsubscribe(subscriber, "t");
  await rig.pass(100);
  assertEquals(held.count, 1);
  const again = rig.hub.subscribe(subscriber, "t");
  await settle();
  held.release();
  await again;
  await rig.publish("t", "1");
  assertEquals(subscriber.got, ["1"]);
  assertEquals(rig.broker.calls.filter((each) => each.includes("subscribe")), [
    "subscribe t",
    "unsubscribe t",
    "subscribe t",
  ]);
});

Deno.test("an answer that was read before the feed was interrupted again is not enough", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  await rig.publish("t", "1");
  rig.broker.deafen();
  await rig.publish("t", "2");
  for (const call of ["history", "tops"] as const) {
    const held = rig.broker.holdAnswer(call);
    rig.broker.interrupt();
    await settle();
    await rig.publish("t", call);
    rig.broker.interrupt();
    held.release();
    await settle();
    assertEquals(subscriber.got.at(-1), call);
  }
  assertEquals(subscriber.got, ["1", "2", "history", "tops"]);
});

Deno.test("what comes late of a count that has ended is left out", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  const late: BrokerPublication[] = [];
  rig.broker.onLive = (_topic, publication) => {
    late.push(publication);
    return [publication];
  };
  await rig.publish("t", "old");
  rig.broker.onLive = undefined;
  rig.broker.stop();
  rig.broker.live("t", { ...late[0]!, offset: 9, previous: 8 });
  await rig.broker.restart(memoryBroker({ historySize: 10 }));
  await settle();
  await rig.publish("t", "new");
  rig.broker.live("t", { ...late[0]!, offset: 10, previous: 9 });
  await settle();
  await rig.publish("t", "newer");
  assertEquals(subscriber.got, ["old", "(gap: epoch)", "new", "newer"]);
});

Deno.test("behind a gap by a new epoch comes all of that from its start", async () => {
  const next = memoryBroker({ historySize: 10 });
  await using rig = new Rig();
  await using other = new Rig({ broker: faultyBroker(next) });
  const subscriber = await rig.join("t");
  const first = await rig.publish("t", "old");
  rig.broker.stop();
  const held = rig.broker.hold("subscribe");
  await rig.broker.restart(next);
  await other.publish("t", "new 1", "new 2");
  held.release();
  await settle();
  const last = await other.publish("t", "new 3");
  await settle();
  assertEquals(subscriber.got, ["old", "(gap: epoch)", "new 1", "new 2", "new 3"]);
  assert(first.epoch !== last.epoch);
  assertEquals(subscriber.gaps, [{
    topic: "t",
    position: { epoch: last.epoch, offset: 0 },
    cause: "epoch",
  }]);
});

Deno.test("a gap of the live feed is not told to one that has all by history", async () => {
  await using rig = new Rig({ history: { historySize: 10 } });
  const stays = await rig.join("t");
  await rig.publish("t", "1");
  rig.broker.deafen();
  const since = await rig.publish("t", ...numbers(2, 38));
  await rig.publish("t", "39", "40");
  const ahead = new Played();
  const { recovered } = await rig.hub.subscribe(ahead, "t", since);
  assertEquals([recovered, ahead.got], [true, ["39", "40"]]);
  rig.broker.revive();
  await rig.publish("t", "41");
  await settle();
  assertEquals(stays.got, ["1", "(gap: trimmed)", ...numbers(32, 41)]);
  assertEquals(ahead.got, ["39", "40", "41"]);
});

Deno.test("a gap behind the first messages of a resume is told where it is", async () => {
  await using rig = new Rig();
  await rig.join("t");
  const since = await rig.publish("t", "1");
  await rig.publish("t", ...numbers(2, 41));
  let answers = 0;
  rig.broker.onHistory = (_topic, answer) => {
    if (answers++ === 0) return { ...answer, publications: answer.publications.slice(0, 2) };
    const publications = answer.publications.filter(({ offset }) => offset >= 10);
    return { ...answer, complete: false, publications };
  };
  const subscriber = new Played();
  assertEquals(await rig.hub.subscribe(subscriber, "t", since), {
    ...since,
    recovered: true,
    count: 2,
  });
  assertEquals(subscriber.got, ["2", "3", "(gap: trimmed)", ...numbers(10, 41)]);
  assertEquals(subscriber.gaps.map(({ position }) => position.offset), [9]);
});
