/** What becomes of publications through the faults of a broker. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type BrokerPublication,
  LwsError,
  memoryBroker,
  portBroker,
  shareBroker,
} from "../../../../mod.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { message, Played } from "../played_subscriber.ts";
import { settle } from "../../../support/serve.ts";
import { KEEPS, Rig } from "./rig.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, LwsError)).code;
}

/** Texts of numbers, the last one included. */
function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

Deno.test("a broker that ends and comes back with its data: nothing is missed, and the program hears of it once", async () => {
  const inner = memoryBroker(KEEPS);
  await using rig = new Rig({ broker: faultyBroker(inner) });
  await using other = new Rig({ broker: faultyBroker(inner) });
  const all = [await rig.join("t"), await rig.join("u")];
  await other.publish("t", "1");
  rig.broker.stop();
  rig.broker.stop();
  await other.publish("t", "2", "3");
  await other.publish("u", "a");
  await settle();
  assertEquals(all.map(({ got }) => got), [["1"], []]);
  await rig.broker.restart();
  await settle();
  await other.publish("t", "4");
  assertEquals(all.map(({ got }) => got), [["1", "2", "3", "4"], ["a"]]);
  assertEquals(rig.states, [false, true]);
  const subscribed = rig.broker.calls.filter((each) => each.startsWith("subscribe"));
  assertEquals(subscribed.at(-1), "subscribe t,u", "all of them in one call");
});

Deno.test("a broker that comes back without its data: all hear of it, once, before what follows", async () => {
  await using rig = new Rig();
  const all = [await rig.join("t"), await rig.join("t")];
  const first = await rig.publish("t", "1");
  await rig.broker.restart(memoryBroker(KEEPS));
  await settle();
  await rig.publish("t", "2");
  for (const each of all) assertEquals(each.got, ["1", "(gap: epoch)", "2"]);
  const late = new Played();
  const { recovered } = await rig.hub.subscribe(late, "t", first);
  assertEquals([recovered, late.got, late.gaps], [false, ["2"], []]);
});

Deno.test("a broker without history that was away: a gap is told where positions say so", async () => {
  const inner = memoryBroker();
  await using rig = new Rig({ broker: faultyBroker(inner) });
  await using other = new Rig({ broker: faultyBroker(inner) });
  const [subscriber, silent] = [await rig.join("t"), await rig.join("silent")];
  await other.publish("t", "1");
  await other.join("t");
  rig.broker.stop();
  await other.publish("t", "2");
  await rig.broker.restart();
  await settle();
  await other.publish("t", "3");
  assertEquals(subscriber.got, ["1", "(gap: trimmed)", "3"]);
  assertEquals(silent.got, []);
});

Deno.test("a broker that was set back to an elder state with the same epoch is found out", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  await rig.publish("t", ...numbers(1, 8));
  const joined = await rig.join("t");
  const last = await rig.publish("t", "9", "10");
  rig.broker.onTops = (tops) => tops.map(({ epoch }) => ({ epoch, offset: 6 }));
  rig.broker.onHistory = (_topic, answer) => ({
    ...answer,
    top: 6,
    publications: answer.publications.filter(({ offset }) => offset <= 6),
  });
  await rig.broker.restart();
  await settle();
  assertEquals(subscriber.gaps.map(({ cause, position }) => [cause, position]), [
    ["epoch", { epoch: last.epoch, offset: 6 }],
  ]);
  const late = new Played();
  const { recovered, offset } = await rig.hub.subscribe(late, "t", last);
  assertEquals([recovered, offset, late.got], [false, 6, []]);
  const data = new TextEncoder().encode("new");
  rig.broker.live("t", { epoch: last.epoch, offset: 7, data, isBinary: false });
  for (const each of [subscriber, joined, late]) assertEquals(each.got.at(-1), "new");
});

Deno.test("a subscriber that is ahead of a gap, by history, has missed nothing and hears of none", async () => {
  await using rig = new Rig({ history: { historySize: 2 } });
  const live = await rig.join("t");
  const { epoch } = await rig.publish("t", "1");
  rig.broker.deafen();
  await rig.publish("t", "2", "3", "4", "5", "6");
  const ahead = new Played();
  await rig.hub.subscribe(ahead, "t", { epoch, offset: 4 });
  assertEquals(ahead.got, ["5", "6"]);
  rig.broker.revive();
  await rig.publish("t", "7");
  await settle();
  assertEquals(live.got, ["1", "(gap: trimmed)", "6", "7"]);
  assertEquals(ahead.got, ["5", "6", "7"]);
});

Deno.test("a live feed that was cut is made up for when the broker says so, of all topics or of some", async () => {
  await using rig = new Rig();
  const [t, u] = [await rig.join("t"), await rig.join("u")];
  for (const topics of [undefined, ["t"]]) {
    rig.broker.deafen();
    await rig.publish("t", "1");
    rig.broker.revive();
    rig.broker.interrupt(topics);
    await settle();
  }
  await rig.publish("t", "2");
  await rig.publish("u", "3");
  assertEquals([t.got, u.got, t.gaps], [["1", "1", "2"], ["3"], []]);
});

Deno.test("a live feed that is dead without a word is found by asking, and the broker told to make it anew", async () => {
  await using rig = new Rig();
  const [subscriber, heard] = [await rig.join("t"), await rig.join("heard")];
  await rig.publish("t", "1");
  await rig.pass(31_000);
  assertEquals([subscriber.gaps, rig.broker.reconnects], [[], 0]);
  rig.broker.deafen();
  await rig.publish("t", "2", "3");
  await rig.pass(36_000);
  assertEquals(subscriber.got, ["1", "2", "3"]);
  assertEquals(rig.broker.reconnects, 1);
  assertEquals(heard.got, []);
  rig.broker.revive();
  await rig.publish("t", "4");
  assertEquals(subscriber.got, ["1", "2", "3", "4"]);
});

Deno.test("a live feed that is only slow is not made anew", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  const late: BrokerPublication[] = [];
  rig.broker.onLive = (_topic, publication) => {
    late.push(publication);
    return [];
  };
  await rig.publish("t", "1");
  while (subscriber.got.length === 0) await rig.pass(100);
  for (const each of late) rig.broker.live("t", each);
  rig.broker.revive();
  await rig.pass(2_000);
  assertEquals([subscriber.got, rig.broker.reconnects], [["1"], 0]);
});

Deno.test("topics that are heard of are not asked about", async () => {
  await using rig = new Rig();
  await rig.join("t");
  const asked = () => rig.broker.calls.filter((each) => each.startsWith("tops")).length;
  const before = asked();
  for (let i = 0; i < 20; i++) {
    await rig.publish("t", "1");
    await rig.pass(10_000);
  }
  assertEquals(asked(), before);
});

Deno.test("a publication whose answer was lost is repeated with its id, and comes once", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  rig.broker.loseAnswer("publish");
  const send = () => rig.hub.publish("t", message("1"), { id: "a" });
  assertEquals(await codeOf(send()), "broker-unavailable");
  const position = await send();
  assertEquals(await send(), position);
  assertEquals(subscriber.got, ["1"]);
});

Deno.test("a way to publish that is cut takes no subscriber along, and the reverse", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  rig.broker.fail("publish");
  assertEquals(await codeOf(rig.publish("t", "1")), "broker-unavailable");
  await rig.publish("t", "2");
  rig.broker.fail("history", new Error("away"), 3);
  rig.broker.deafen();
  await rig.publish("t", "3");
  rig.broker.revive();
  await rig.publish("t", "4");
  await rig.pass(2_000);
  assertEquals(subscriber.got, ["2", "3", "4"]);
});

Deno.test("calls that the broker does not answer are rejected after brokerTimeoutMs, and connections go on", async () => {
  await using rig = new Rig({ limits: { brokerTimeoutMs: 1_000 } });
  const known = await rig.join("known");
  rig.broker.hold("subscribe");
  rig.broker.hold("publish");
  rig.broker.hold("history");
  const subscriber = new Played();
  const codes = Promise.all([
    codeOf(rig.hub.subscribe(subscriber, "t") as Promise<unknown>),
    codeOf(rig.publish("t", "1")),
    codeOf(rig.hub.history("t", { limit: 1 })),
  ]);
  await rig.pass(900);
  assertEquals(rig.hub.topicsOf(subscriber), ["t"]);
  await rig.pass(200);
  assertEquals(await codes, new Array(3).fill("broker-unavailable"));
  assertEquals([rig.hub.topicsOf(subscriber), rig.hub.has("t")], [[], false]);
  assertEquals(rig.hub.topicsOf(known), ["known"]);
});

Deno.test("a broker that can't be reached at first is begun anew until it is there", async () => {
  await using rig = new Rig();
  rig.broker.fail("start", new Error("refused"), 3);
  const subscriber = new Played();
  const subscribed = rig.hub.subscribe(subscriber, "t");
  await rig.pass(1_000);
  await subscribed;
  await rig.publish("t", "1");
  assertEquals([subscriber.got, rig.states], [["1"], [false, true]]);
  assertEquals(rig.log.lines, ["warn: the broker can't be reached: refused"]);
});

Deno.test("what waited for a broker in vain says what was in the way", async () => {
  await using rig = new Rig({ limits: { brokerTimeoutMs: 1_000 } });
  const refused = new LwsError("permission-denied", "may not connect");
  rig.broker.fail("start", refused, 100);
  const failed = assertRejects(() => rig.hub.publish("t", message("1")), LwsError, refused.message);
  await rig.pass(2_000);
  const { code, cause } = await failed;
  assertEquals([code, cause], ["broker-unavailable", refused]);
});

Deno.test("a subscription that fails is made again", async () => {
  await using rig = new Rig();
  rig.broker.fail("subscribe", new Error("no"), 2);
  rig.broker.fail("tops", new Error("no"));
  const subscriber = new Played();
  const subscribed = rig.hub.subscribe(subscriber, "t");
  await rig.pass(2_000);
  await subscribed;
  await rig.publish("t", "1");
  assertEquals([subscriber.got, rig.log.lines.length], [["1"], 1], "the log has the first time");
});

for (const how of ["", ", over a port"]) {
  Deno.test(`a part of the broker that is away keeps nothing of another part waiting${how}`, async () => {
    const broker = faultyBroker(memoryBroker(KEEPS));
    const refused = new Error("away");
    let isAway = true;
    const guarded = <Result>(topics: readonly string[], call: () => Promise<Result>) =>
      isAway && topics.some((topic) => topic.startsWith("away")) ? Promise.reject(refused) : call();
    const { subscribe, tops } = broker;
    Object.assign(broker, {
      partOf: (topic: string) => topic.split("/")[0],
      subscribe: (topics: readonly string[]) =>
        guarded(topics, () => subscribe.call(broker, topics)),
      tops: (topics: readonly string[]) => guarded(topics, () => tops.call(broker, topics)),
    });
    await using share = shareBroker(broker);
    const through = how === "" ? broker : portBroker(share.openPort());
    await using rig = new Rig({ broker, through, limits: { positionCheckMs: 10_000 } });
    const late = new Played();
    const waiting = rig.hub.subscribe(late, "away/1");
    const joined = rig.join("there/1");
    await rig.pass(500);
    const there = await joined;
    await rig.publish("there/1", "1");
    // What the live feed loses is found by a check of its own part.
    broker.onLive = () => [];
    await rig.publish("there/1", "2");
    broker.onLive = undefined;
    isAway = false;
    await rig.pass(2_000);
    await waiting;
    isAway = true;
    await rig.pass(20_000);
    assertEquals([there.got, late.got], [["1", "2"], []]);
  });
}

Deno.test("a topic that could not be subscribed to anew is not live, whatever the broker says meanwhile", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  rig.broker.fail("history", new Error("no"));
  rig.broker.deafen();
  await rig.publish("t", "1");
  rig.broker.revive();
  // Its repair is begun anew before its subscription is.
  await rig.publish("t", "2");
  rig.broker.fail("subscribe", new Error("no"), 3);
  await rig.broker.restart();
  rig.broker.interrupt();
  await rig.pass(2_000);
  await rig.publish("t", "3");
  assertEquals(subscriber.got, ["1", "2", "3"]);
});

Deno.test("two nodes that are the first on a topic at once, and nothing is known of it", async () => {
  const inner = memoryBroker(KEEPS);
  const rigs = [new Rig({ broker: faultyBroker(inner) }), new Rig({ broker: faultyBroker(inner) })];
  const all: Played[] = [];
  // As of a broker that makes an epoch with the first publication.
  for (const rig of rigs) {
    rig.broker.onTops = (tops) => tops.map(() => ({ epoch: "", offset: 0 }));
    all.push(new Played());
  }
  const subscribed = rigs.map((rig, i) => rig.hub.subscribe(all[i]!, "t"));
  assertEquals((await Promise.all(subscribed)).map(({ epoch }) => epoch), ["", ""]);
  await Promise.all(rigs.map((rig, i) => rig.publish("t", String(i))));
  for (const each of all) assertEquals([each.got, each.gaps], [["0", "1"], []]);
  for (const rig of rigs) await rig[Symbol.asyncDispose]();
});

Deno.test("the first publication of a topic is missed: it is made up for, though there was no epoch", async () => {
  await using rig = new Rig();
  rig.broker.onTops = (tops) => tops.map(() => ({ epoch: "", offset: 0 }));
  const subscriber = await rig.join("t");
  rig.broker.deafen();
  await rig.publish("t", "1");
  rig.broker.revive();
  await rig.publish("t", "2");
  await settle();
  assertEquals([subscriber.got, subscriber.gaps], [["1", "2"], []]);
});

Deno.test("what is published while a topic opens, or is repaired, comes in order and once", async () => {
  await using rig = new Rig();
  const held = rig.broker.holdAnswer("tops");
  const subscriber = new Played();
  const subscribed = rig.hub.subscribe(subscriber, "t");
  await settle();
  await rig.publish("t", "1");
  held.release();
  const { offset } = await subscribed;
  assertEquals([offset, subscriber.got], [0, ["1"]]);
  rig.broker.deafen();
  await rig.publish("t", "2");
  rig.broker.revive();
  const repair = rig.broker.hold("history");
  await rig.publish("t", "3", "4");
  repair.release();
  await settle();
  assertEquals(subscriber.got, ["1", "2", "3", "4"]);
});

Deno.test("more than may wait for a repair is dropped, and repaired again", async () => {
  await using rig = new Rig({ history: { historySize: 5_000 } });
  const subscriber = await rig.join("t");
  rig.broker.deafen();
  await rig.publish("t", "1");
  rig.broker.revive();
  const repair = rig.broker.holdAnswer("history");
  await rig.publish("t", ...numbers(2, 2_500));
  repair.release();
  await rig.pass(1_000);
  assertEquals([subscriber.got.length, subscriber.got], [2_500, numbers(1, 2_500)]);
});

Deno.test("what comes twice, as by a double subscription, goes out once", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  const before: BrokerPublication[] = [];
  rig.broker.onLive = (_topic, publication) => {
    before.push(publication);
    return [...before, publication];
  };
  await rig.publish("t", "1", "2", "3");
  assertEquals(subscriber.got, ["1", "2", "3"]);
});

Deno.test("one that is gone during its resume, or leaves, is written nothing and the others are", async () => {
  await using rig = new Rig();
  const first = await rig.publish("t", "1", "2");
  await rig.publish("t", "3");
  const held = rig.broker.holdAnswer("history");
  const all = [new Played(), new Played(), new Played()];
  const resumed = all.map((each) => rig.hub.subscribe(each, "t", first) as Promise<unknown>);
  const codes = Promise.all([codeOf(resumed[0]!), codeOf(resumed[1]!)]);
  await settle();
  rig.hub.end(all[0]!);
  rig.hub.unsubscribe(all[1]!, "t");
  held.release();
  await resumed[2];
  assertEquals(await codes, ["connection-closed", "connection-closed"]);
  assertEquals(all.map(({ got }) => got), [[], [], ["3"]]);
});

Deno.test("one that closes by what it is told, or sent, takes nothing of the others", async () => {
  await using rig = new Rig();
  const all = [new Played(), new Played(), new Played()];
  for (const each of all) await rig.join("t", each);
  all[0]!.onTold = () => rig.hub.end(all[0]!);
  all[1]!.answer = (text) => {
    if (text === "2") { for (const each of [all[0]!, all[1]!]) rig.hub.end(each); }
    return "taken";
  };
  await rig.publish("t", "1");
  await rig.broker.restart(memoryBroker(KEEPS));
  await settle();
  await rig.publish("t", "2", "3");
  assertEquals(all.map(({ got }) => got), [
    ["1", "(gap: epoch)"],
    ["1", "(gap: epoch)", "2"],
    ["1", "(gap: epoch)", "2", "3"],
  ]);
});

Deno.test("a thousand resumes at once take two reads, and all get all", async () => {
  await using rig = new Rig();
  const first = await rig.publish("t", "1");
  await rig.publish("t", ...numbers(2, 80));
  const all = Array.from({ length: 1_000 }, () => new Played());
  const resumed = all.map((each, i) =>
    rig.hub.subscribe(each, "t", { ...first, offset: first.offset + i % 50 })
  );
  const counts = (await Promise.all(resumed)).map(({ recovered, count }) => [recovered, count]);
  await rig.publish("t", "81");
  for (const [i, { got }] of all.entries()) {
    assertEquals(counts[i], [true, 79 - i % 50]);
    assertEquals(got, numbers(2 + i % 50, 81));
  }
  const reads = rig.broker.calls.filter((each) => each.startsWith("history"));
  assert(reads.length <= 2, String(reads.length));
});

Deno.test("five thousand topics are subscribed to anew a thousand at a time, and those that missed something repaired", async () => {
  const inner = memoryBroker(KEEPS);
  await using rig = new Rig({ broker: faultyBroker(inner) });
  await using other = new Rig({ broker: faultyBroker(inner) });
  const subscriber = new Played();
  const topics = Array.from({ length: 5_000 }, (_, i) => `t${i}`);
  const one = new Array(200).fill(0).map(() => new Played());
  await Promise.all(topics.map((topic, i) => rig.hub.subscribe(one[i % 200]!, topic)));
  await rig.join("last", subscriber);
  rig.broker.stop();
  for (let i = 0; i < 5_000; i += 100) await other.publish(`t${i}`, "missed");
  rig.broker.calls.length = 0;
  await rig.broker.restart();
  await rig.pass(200);
  const sizes = rig.broker.calls.filter((each) => each.startsWith("subscribe")).map((each) =>
    each.split(",").length
  );
  assertEquals(sizes, [...new Array(5).fill(1_000), 1]);
  assertEquals(one.reduce((sum, { got }) => sum + got.length, 0), 50);
  assertEquals(rig.broker.calls.filter((each) => each.startsWith("history")).length, 50);
});
