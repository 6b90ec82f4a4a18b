/** Connections of a context that are in topics, and a broker that fails: neither ghosts nor gaps remain. */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError, memoryBroker } from "../../../../mod.ts";
import { settle } from "../../../support/serve.ts";
import { Played } from "../played_subscriber.ts";
import { hearer, join, keys, member, stored, Town } from "./rig.ts";

async function codeOf(call: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => call, LwsError)).code;
}

Deno.test("a join whose answer is lost rejects, and leaves no ghost", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  one.broker.loseAnswer("join");
  assertEquals(await codeOf(join(one, new Played(), "a")), "broker-unavailable");
  await town.pass(1_000);
  assertEquals(watcher.got, ["(joins a)", "(leaves a)"]);
  assertEquals(await stored(town), []);
});

Deno.test("another info whose answer is lost rejects, and it is as it was", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const played = await member(one, "a", 1);
  one.broker.loseAnswer("join");
  assertEquals(await codeOf(join(one, played, "a", 2)), "broker-unavailable");
  await town.pass(1_000);
  assertEquals(watcher.changes.map(({ joins, updates }) => [...joins, ...updates][0]!.info), [
    1,
    2,
    1,
  ]);
});

Deno.test("a leave that fails rejects, and is told again until it has happened", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const [stays, ends] = [await member(one, "a"), await member(one, "b")];
  one.broker.fail("leave", new Error("odd"), 4);
  assertEquals(await codeOf(one.hub.presence.leave(stays, "t")), "broker-unavailable");
  one.hub.end(ends);
  assertEquals(await keys(two), ["a 1", "b 1"]);
  await town.pass(3_000);
  assertEquals(watcher.got, ["(joins a)", "(joins b)", "(leaves a)", "(leaves b)"]);
  await join(one, stays, "a");
  assertEquals(await keys(two), ["a 1"]);
});

Deno.test("a connection that ends while it joins is no member, and its join rejects", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  for (const held of ["tend", "join"] as const) {
    const calls = one.broker.hold(held);
    const played = new Played();
    const joining = codeOf(join(one, played, "a"));
    await settle();
    assertEquals(calls.count, 1);
    one.hub.end(played);
    calls.release();
    assertEquals(await joining, "connection-closed");
    await settle();
    assertEquals(await stored(town), [], held);
  }
  assertEquals(watcher.got, ["(joins a)", "(leaves a)"]);
});

Deno.test("calls for one connection reach the broker in their order, the last one counts", async () => {
  await using town = new Town();
  const one = town.rig();
  const played = await member(one, "a");
  const calls = one.broker.hold("leave");
  const left = one.hub.presence.leave(played, "t");
  await settle();
  const joined = join(one, played, "b");
  await settle();
  assertEquals(one.broker.calls.filter((call) => call.startsWith("join")), ["join t a"]);
  calls.release();
  await Promise.all([left, joined]);
  assertEquals(await stored(town), ["b"]);
});

Deno.test("a lease comes before the first join, lasts 15 s, and is renewed each 5 s while there are members", async () => {
  await using town = new Town();
  const one = town.rig();
  const tends = () => one.broker.calls.filter((call) => call === "tend").length;
  const played = await member(one, "a");
  const other = await member(one, "b");
  assertEquals(one.broker.calls.filter((call) => /tend|join/.test(call)), [
    "tend",
    "join t a",
    "join t b",
  ]);
  await one.hub.presence.leave(other, "t");
  await town.pass(4_500);
  assertEquals(tends(), 1);
  await town.pass(500);
  assertEquals(tends(), 2);
  await town.pass(60_000);
  assertEquals([tends(), await stored(town)], [14, ["a"]]);
  await one.hub.presence.leave(played, "t");
  await town.pass(60_000);
  assertEquals([tends(), town.clock.pending], [14, 0]);
  one.broker.fail("tend");
  assertEquals(await codeOf(join(one, played, "a")), "broker-unavailable");
  assertEquals(await stored(town), []);
});

Deno.test("a lease that has ended is noticed, and all members join anew", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const [a, b] = [await member(one, "a"), await member(one, "b")];
  await member(two, "c");
  const calls = one.broker.hold("tend");
  await town.pass(21_000);
  assertEquals(watcher.got.slice(3).toSorted(), ["(leaves a)", "(leaves b)"]);
  one.hub.end(b);
  calls.release();
  await town.pass(6_000);
  assertEquals(watcher.got.slice(5), ["(joins a)"]);
  assertEquals(await keys(one), ["a 1", "c 1"]);
  one.hub.end(a);
  await settle();
  assertEquals(await stored(town), ["c"]);
});

Deno.test("a lease that ends while one joins takes that one with it, and it joins anew", async () => {
  await using town = new Town();
  const limits = { brokerTimeoutMs: 60_000 };
  const [one, two] = [town.rig({ limits }), town.rig({ limits })];
  await member(one, "a");
  await member(two, "c");
  const joins = one.broker.holdAnswer("join");
  const joining = member(one, "b");
  await settle();
  const tends = one.broker.hold("tend");
  await town.pass(21_000);
  assertEquals(await stored(town), ["c"]);
  tends.release();
  await settle();
  joins.release();
  await joining;
  await town.pass(1_000);
  assertEquals(await stored(town), ["a", "b", "c"]);
});

Deno.test("a lease that may have ended and has not leaves no ghost of what is yet to leave", async () => {
  await using town = new Town();
  const one = town.rig();
  const [a] = [await member(one, "a"), await member(one, "b")];
  one.broker.loseAnswer("tend", 4);
  one.broker.fail("leave", new Error("odd"), 1_000);
  one.hub.end(a);
  await town.pass(26_000);
  assertEquals(await stored(town), ["a", "b"]);
  one.broker.mend();
  await town.pass(3_000);
  assertEquals(await stored(town), ["b"]);
});

Deno.test("a call that is given up, and done later, is undone", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const played = await member(one, "a");
  const joins = one.broker.hold("join");
  const late = codeOf(join(one, new Played(), "b"));
  const leaves = one.broker.hold("leave");
  const left = codeOf(one.hub.presence.leave(played, "t"));
  await settle();
  await town.pass(5_000);
  assertEquals([await late, await left], ["broker-unavailable", "broker-unavailable"]);
  leaves.release();
  await town.pass(3_000);
  assertEquals(watcher.got, ["(joins a)", "(leaves a)"]);
  joins.release();
  await town.pass(3_000);
  assertEquals(watcher.got.slice(2), ["(joins b)", "(leaves b)"]);
  assertEquals(await stored(town), []);
});

Deno.test("members come again to a broker that has lost all", async () => {
  await using town = new Town();
  const [one, two] = [town.rig(), town.rig()];
  const watcher = await hearer(two);
  const a = await member(one, "a");
  await member(two, "b");
  const anew = memoryBroker({ historySize: 100 });
  await one.broker.restart(anew);
  await two.broker.restart(anew);
  await town.pass(4_000);
  for (const rig of [one, two]) assertEquals(await keys(rig), ["a 1", "b 1"]);
  const told = watcher.got.filter((got) => !got.startsWith("(gap"));
  assertEquals(told, ["(joins a)", "(joins b)"], "none of them has left");
  one.hub.end(a);
  assertEquals(await keys(two), ["b 1"]);
});

Deno.test("what ends while the broker is away is told when it is there again, gone with the lease or not", async () => {
  for (const awayMs of [3_000, 40_000]) {
    await using town = new Town();
    const [one, two] = [town.rig(), town.rig()];
    const watcher = await hearer(two);
    const [a] = [await member(one, "a"), await member(one, "b")];
    one.broker.stop();
    one.hub.end(a);
    assertEquals(await codeOf(join(one, new Played(), "late")), "broker-unavailable");
    assertEquals(one.broker.calls.includes("join t late"), false);
    await town.pass(awayMs);
    one.broker.calls.length = 0;
    await one.broker.restart();
    await town.pass(2_000);
    assertEquals(await keys(two), ["b 1"]);
    assertEquals(watcher.got.filter((got) => got === "(leaves a)").length, 1);
    assertEquals(watcher.got.includes("(joins late)"), false);
    assertEquals(one.broker.calls.includes("leave t"), true);
  }
});

Deno.test("an outage that is longer than a lease has only those leave that don't come back", async () => {
  await using town = new Town();
  const moves: string[] = [];
  const observer = town.store.openNode!();
  await observer.start({
    publication: (_, { presence, data }) => {
      moves.push(`${presence} ${JSON.parse(new TextDecoder().decode(data)).key}`);
    },
    interrupted() {},
    state() {},
  }, town.clock);
  await observer.subscribe(["t"]);
  const [one, two, three] = [town.rig(), town.rig(), town.rig()];
  const watcher = await hearer(one);
  await member(two, "b");
  await member(three, "c");
  for (const { broker } of [one, two, three]) broker.stop();
  await town.pass(40_000);
  await one.broker.restart();
  await town.pass(2_000);
  await two.broker.restart();
  await town.pass(20_000);
  assertEquals(moves, ["join b", "join c", "leave c"]);
  assertEquals(watcher.got, ["(joins b)", "(joins c)", "(leaves c)"]);
  assertEquals(await keys(one), ["b 1"]);
});

Deno.test("the broker is closed behind the last leave, or when that has no answer in time", async () => {
  for (const answers of [true, false]) {
    await using town = new Town();
    const one = town.rig();
    const played = await member(one, "a");
    const calls = one.broker.hold("leave");
    one.hub.end(played);
    const closed = one.hub.close();
    await settle();
    assertEquals(one.broker.calls.includes("dispose"), false);
    if (answers) calls.release();
    else await town.pass(5_000);
    await closed;
    assertEquals(one.broker.calls.at(-1), "dispose");
    assertEquals(await stored(town), []);
  }
});
