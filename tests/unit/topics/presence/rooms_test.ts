/** Topics whose members a context follows: the races between reading them and their feed, and its faults. */

import { assertEquals, assertRejects } from "@std/assert";
import { type BrokerPublication, LwsError, memoryBroker } from "../../../../mod.ts";
import { settle } from "../../../support/serve.ts";
import { hearer, join, keys, member, Town } from "./rig.ts";
import type { Rig } from "../broker/rig.ts";

function readsOf({ broker }: Rig): number {
  return broker.calls.filter((call) => call.startsWith("members")).length;
}

/** Keeps what comes live, until it is let go. */
function delay({ broker }: Rig): () => void {
  const late: [topic: string, publication: BrokerPublication][] = [];
  broker.onLive = (topic, publication) => {
    late.push([topic, publication]);
    return [];
  };
  return () => {
    broker.onLive = undefined;
    for (const [topic, publication] of late) broker.live(topic, publication);
  };
}

Deno.test("members are read once, at the first need, and followed from there", async () => {
  await using town = new Town();
  const [one, two, third] = [town.rig(), town.rig(), town.rig()];
  await one.join("t");
  await two.join("t");
  const a = await member(one, "a");
  await settle();
  assertEquals(readsOf(two), 0, "there is no need");
  assertEquals(await keys(two), ["a 1"]);
  await join(one, a, "a", 7);
  await member(one, "b");
  assertEquals([await keys(two), await two.hub.presence.count("t")], [["a 1", "b 1"], 2]);
  assertEquals((await two.hub.presence.list("t", 1_000)).map(({ info }) => info), [7, null]);
  assertEquals(readsOf(two), 1);
  assertEquals([await keys(third), await keys(third), readsOf(third)], [
    ["a 1", "b 1"],
    ["a 1", "b 1"],
    2,
  ], "without a subscriber there is no feed to follow");
  assertEquals(await third.hub.presence.count("t"), 2);
});

Deno.test("what comes while members are read counts, and is told", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const [a, b] = [await member(one, "a"), await member(one, "b")];
  const watcher = await hearer(two);
  const answers = two.broker.holdAnswer("members");
  await member(one, "c");
  await settle();
  assertEquals(answers.count, 1, "it is read because of that one");
  const listed = keys(two);
  one.hub.end(a);
  await join(one, b, "b", 2);
  const d = await member(one, "d");
  await one.hub.presence.leave(d, "t");
  await member(one, "a");
  await member(one, "e");
  await settle();
  assertEquals(watcher.got, []);
  answers.release();
  assertEquals(await listed, ["a 1", "b 1", "c 1", "e 1"]);
  assertEquals(
    watcher.changes.map(({ joins, updates, leaves }) =>
      [joins, updates, leaves].map((entries) => entries.map(({ key }) => key).toSorted())
    ),
    [[["b", "c", "e"], [], []]],
    "one that is first heard of by other info counts as one that joins",
  );
  assertEquals(readsOf(two), 1);
});

Deno.test("one that is read before its publication comes is told by that, once", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const goOn = delay(two);
  await member(one, "a");
  const b = await member(one, "b");
  await one.hub.presence.leave(b, "t");
  assertEquals(await keys(two), ["a 1"]);
  goOn();
  await settle();
  assertEquals(watcher.got, ["(joins a)", "(joins b)", "(leaves b)"]);
  assertEquals(await keys(two), ["a 1"]);
});

Deno.test("what an interrupted feed has missed is read, and told as differences", async () => {
  for (const history of [{ historySize: 100 }, { historySize: 0 }]) {
    await using town = new Town(history);
    const [one, two] = [town.rig(), town.rig()];
    const watcher = await hearer(two);
    const a = await member(one, "a");
    await member(one, "b");
    await settle();
    two.broker.deafen();
    one.hub.end(a);
    const c = await member(one, "c");
    await one.hub.presence.leave(c, "t");
    await member(one, "d");
    two.broker.revive();
    assertEquals(await keys(two), ["a 1", "b 1"], "it can't know");
    two.broker.interrupt();
    await town.pass(1_000);
    assertEquals(watcher.got, ["(joins a)", "(joins b)", "(joins d,leaves a)"]);
    assertEquals(await keys(two), ["b 1", "d 1"]);
  }
});

Deno.test("while the broker is away nothing is listed, and what has changed is told when it is there", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const a = await member(one, "a");
  assertEquals(await keys(two), ["a 1"]);
  two.broker.stop();
  one.hub.end(a);
  await member(one, "b");
  const error = await assertRejects(() => keys(two), LwsError);
  assertEquals(error.code, "broker-unavailable");
  await two.broker.restart();
  await town.pass(2_500);
  const c = await member(one, "c");
  assertEquals(await keys(two), ["b 1", "c 1"]);
  one.hub.end(c);
  await settle();
  assertEquals(watcher.got, ["(joins a)"], "others may be on their way back");
  await town.pass(500);
  assertEquals(watcher.got, ["(joins a)", "(joins b,leaves a)"]);
  const before = readsOf(two);
  assertEquals([await keys(two), readsOf(two)], [["b 1"], before], "it is followed again");
});

Deno.test("reading that fails is tried again, and what came meanwhile is told", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  two.broker.fail("members", new Error("odd"), 3);
  await member(one, "a");
  await member(one, "b");
  await town.pass(3_000);
  assertEquals(watcher.got, ["(joins a,joins b)"]);
  assertEquals(readsOf(two), 4);
});

Deno.test("what came before a reading that has missed its end is not brought back", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  two.broker.fail("members");
  const a = await member(one, "a");
  await settle();
  two.broker.deafen();
  one.hub.end(a);
  await settle();
  two.broker.revive();
  two.broker.interrupt();
  await town.pass(1_000);
  assertEquals([watcher.got, await keys(two)], [[], []]);
});

Deno.test("what waits while a topic is repaired is older than what is read behind that", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  await hearer(two);
  const a = await member(one, "a", 0);
  await settle();
  const tops = two.broker.hold("tops");
  two.broker.interrupt();
  await join(one, a, "a", 1);
  two.broker.deafen();
  await join(one, a, "a", 2);
  two.broker.revive();
  tops.release();
  await town.pass(1_000);
  const [entry] = await two.hub.presence.list("t", 9);
  assertEquals(entry, { key: "a", info: 2, connections: 1 });
});

Deno.test("of its own connections a context goes by what it did, and not by what comes late", async () => {
  await using town = new Town();
  const one = town.rig();
  const watcher = await hearer(one);
  const goOn = delay(one);
  const a = await member(one, "a");
  assertEquals(await keys(one), ["a 1"]);
  const left = one.broker.hold("leave");
  one.hub.end(a);
  assertEquals([watcher.got, await keys(one)], [["(joins a)", "(leaves a)"], []]);
  one.broker.interrupt();
  await town.pass(1_000);
  assertEquals(await keys(one), [], "though the broker lists it");
  left.release();
  goOn();
  await settle();
  assertEquals([watcher.got, await keys(one)], [["(joins a)", "(leaves a)"], []]);
});

Deno.test("an answer from before an interruption does not count", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const a = await member(one, "a");
  await settle();
  two.broker.interrupt();
  const answers = two.broker.holdAnswer("members");
  await settle();
  assertEquals(answers.count, 1);
  two.broker.deafen();
  one.hub.end(a);
  await settle();
  two.broker.revive();
  two.broker.interrupt();
  await settle();
  answers.release();
  await town.pass(1_000);
  assertEquals([watcher.got, await keys(two)], [["(joins a)", "(leaves a)"], []]);
});

Deno.test("a topic without subscribers is followed no more, and read anew for the next", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  await member(one, "a");
  await settle();
  two.hub.end(watcher);
  await member(one, "b");
  await town.pass(10_000);
  const tends = two.broker.calls.filter((call) => call === "tend").length;
  await town.pass(10_000);
  assertEquals(two.broker.calls.filter((call) => call === "tend").length, tends);
  const next = await hearer(two);
  await member(one, "c");
  await settle();
  assertEquals([watcher.got, next.got, readsOf(two)], [["(joins a)"], ["(joins c)"], 2]);
});

Deno.test("maxMembers: so many are followed; of one more it is counted, listed in part, and not told", async () => {
  await using town = new Town();
  const limits = { maxMembers: 3 };
  const [one, two] = [town.rig({ limits }), town.rig({ limits })];
  const watcher = await hearer(two);
  const all = [];
  for (const key of ["a", "a", "b"]) all.push(await member(one, key));
  await settle();
  assertEquals([await keys(two), await two.hub.presence.count("t")], [["a 2", "b 1"], 2]);
  const late = town.rig({ limits });
  await late.join("t");
  assertEquals([await keys(late), await keys(late), readsOf(late)], [
    ["a 2", "b 1"],
    ["a 2", "b 1"],
    1,
  ]);
  assertEquals(two.limits, []);
  all.push(await member(one, "c"));
  await settle();
  assertEquals(two.limits, ["maxMembers"]);
  assertEquals(await two.hub.presence.count("t"), 4, "connections");
  assertEquals(
    (await two.hub.presence.list("t", 3)).reduce((sum, { connections }) => sum + connections, 0),
    3,
  );
  const before = readsOf(two);
  all.push(await member(one, "d"));
  await settle();
  assertEquals(readsOf(two), before, "it is left alone for a while");
  assertEquals(watcher.got, ["(joins a)", "(joins b)", "(joins c)"]);
  for (const each of all.splice(0, 2)) one.hub.end(each);
  await town.pass(5_000);
  one.hub.end(all.pop()!);
  await settle();
  assertEquals(watcher.got.slice(3), ["(leaves d)"], "it is followed again");
  assertEquals([await keys(two), await two.hub.presence.count("t")], [["b 1", "c 1"], 2]);
});

Deno.test("what is no member is neither told nor listed, and harms nothing", async () => {
  await using town = new Town();
  const two = town.rig({ hasEncoders: true });
  const watcher = await hearer(two);
  const odd = ["{", "7", '{"id":"x","key":"y"}', '{"id":"x","key":"y","info":"{"}'];
  for (const text of odd) {
    two.broker.live("t", {
      epoch: "",
      offset: 0,
      data: new TextEncoder().encode(text),
      isBinary: false,
      presence: "join",
    });
  }
  await member(two, "a");
  await settle();
  assertEquals([watcher.got, await keys(two)], [["(joins a)"], ["a 1"]]);
  const inner = memoryBroker().openNode!();
  await inner.start({ publication() {}, interrupted() {}, state() {} }, town.clock);
  await inner.presence!.tend(1_000, false, true);
  await inner.presence!.join("t", { id: "x", key: "x", info: "{" }, false);
  const third = town.rig();
  await third.broker.restart(inner);
  assertEquals(await keys(third), []);
});
