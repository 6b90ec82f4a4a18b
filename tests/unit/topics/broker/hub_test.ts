/** Topics with a broker: subscribing, publishing and what is kept, on subscribers that are played by hand. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LwsError, memoryBroker, type Publication } from "../../../../mod.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { BUSY } from "../../../../src/topics/subscriber.ts";
import { message, Played } from "../played_subscriber.ts";
import { settle } from "../../../support/serve.ts";
import { Rig } from "./rig.ts";

async function codeOf(promise: Promise<unknown> | unknown): Promise<string> {
  return (await assertRejects(async () => await promise, LwsError)).code;
}

Deno.test("what is published goes to the subscribers of all nodes that share a broker", async () => {
  const inner = memoryBroker();
  await using one = new Rig({ broker: faultyBroker(inner) });
  await using two = new Rig({ broker: faultyBroker(inner) });
  const [a, b] = [await one.join("t"), await two.join("t")];
  const other = await two.join("u");
  await one.publish("t", "1");
  await two.publish("t", "2");
  for (const each of [a, b]) assertEquals(each.got, ["1", "2"]);
  assertEquals(other.got, []);
  assertEquals([one.hub.subscriberCount("t"), two.hub.subscriberCount("t")], [1, 1]);
});

Deno.test("a publisher is left out on its own node, live and from history, and not on another", async () => {
  const inner = memoryBroker({ historySize: 10 });
  await using one = new Rig({ broker: faultyBroker(inner) });
  await using two = new Rig({ broker: faultyBroker(inner) });
  const [a, b, c] = [await one.join("t"), await one.join("t"), await two.join("t")];
  await one.hub.publish("t", message("live"), { except: a });
  one.broker.deafen();
  await one.hub.publish("t", message("repaired"), { except: a });
  one.broker.revive();
  await one.publish("t", "to all");
  await settle();
  assertEquals(a.got, ["to all"]);
  for (const each of [b, c]) assertEquals(each.got, ["live", "repaired", "to all"]);
});

Deno.test("a position resumes with what followed it, on any node, and the messages come before the answer", async () => {
  const inner = memoryBroker({ historySize: 10 });
  await using one = new Rig({ broker: faultyBroker(inner) });
  await using two = new Rig({ broker: faultyBroker(inner) });
  const first = await one.publish("t", "1");
  await one.publish("t", "2", "3");
  const subscriber = new Played();
  const subscription = await two.hub.subscribe(subscriber, "t", first);
  assertEquals(subscriber.got, ["2", "3"]);
  assertEquals(subscription, { ...first, recovered: true, count: 2 });
  await one.publish("t", "4");
  assertEquals(subscriber.got, ["2", "3", "4"]);
  // Again, with the node's own tail.
  const next = new Played();
  const { recovered, count } = await two.hub.subscribe(next, "t", first);
  assertEquals([recovered, count, next.got], [true, 3, ["2", "3", "4"]]);
});

Deno.test("resuming from the top, from offset 0, from the future and from another epoch", async () => {
  await using rig = new Rig();
  const stays = await rig.join("t");
  const begin = rig.hub.subscribe(stays, "t") as { epoch: string; offset: number };
  const top = await rig.publish("t", "1", "2");
  const resume = async (since: { epoch: string; offset: number }) => {
    const subscriber = new Played();
    const { recovered, count, offset } = await rig.hub.subscribe(subscriber, "t", since);
    await rig.publish("t", "live");
    assertEquals(subscriber.got.at(-1), "live");
    assertEquals(subscriber.got.length, count + 1);
    return { recovered, count, offset };
  };
  assertEquals(await resume(top), { recovered: true, count: 0, offset: top.offset });
  const all = await resume({ epoch: begin.epoch, offset: 0 });
  assertEquals(all, { recovered: true, count: 3, offset: 0 });
  const future = await resume({ epoch: top.epoch, offset: 1000 });
  assertEquals([future.recovered, future.count], [false, 0]);
  const foreign = await resume({ epoch: "another", offset: 2 });
  assertEquals(foreign, { recovered: false, count: 5, offset: 0 });
  // Of a client that came before there was anything.
  assertEquals((await resume({ epoch: "", offset: 0 })).recovered, true);
});

Deno.test("trimmed to just behind a position it is recovered; by one more it is not, and goes on from the first kept", async () => {
  await using rig = new Rig({ history: { historySize: 3 } });
  const first = await rig.publish("t", "1", "2", "3", "4");
  const since = { epoch: first.epoch, offset: first.offset - 3 };
  const whole = new Played();
  assertEquals((await rig.hub.subscribe(whole, "t", since)).recovered, true);
  assertEquals(whole.got, ["2", "3", "4"]);
  await rig.publish("t", "5");
  const cut = new Played();
  const subscription = await rig.hub.subscribe(cut, "t", since);
  assertEquals(subscription.recovered, false);
  assertEquals(subscription.offset, since.offset + 1);
  assertEquals([subscription.count, cut.got], [3, ["3", "4", "5"]]);
});

Deno.test("without history a position tells whether something was missed", async () => {
  await using rig = new Rig({ history: {} });
  const stays = await rig.join("t");
  const first = await rig.publish("t", "1");
  const at = new Played();
  assertEquals((await rig.hub.subscribe(at, "t", first)).recovered, true);
  await rig.publish("t", "2");
  const late = new Played();
  const subscription = await rig.hub.subscribe(late, "t", first);
  assertEquals([subscription.recovered, subscription.count, late.got], [false, 0, []]);
  await rig.publish("t", "3");
  for (const each of [at, late]) assertEquals(each.got.at(-1), "3");
  assertEquals(stays.got, ["1", "2", "3"]);
});

Deno.test("history gives what is kept, the oldest first, with data that is the program's", async () => {
  await using rig = new Rig({ history: { historySize: 3 } });
  const first = await rig.publish("t", "1");
  const last = await rig.publish("t", "2", "3", "4");
  const texts = (publications: readonly Publication[]) =>
    publications.map(({ data }) => new TextDecoder().decode(data));
  const all = await rig.hub.history("t", { limit: 1000 });
  assertEquals([texts(all.publications), all.complete, all.top], [["2", "3", "4"], false, 4]);
  assertEquals(all.epoch, last.epoch);
  assertEquals(texts((await rig.hub.history("t", { limit: 2 })).publications), ["3", "4"]);
  const since = await rig.hub.history("t", { since: first, limit: 2 });
  assertEquals([texts(since.publications), since.complete], [["2", "3"], true]);
  all.publications[0]!.data.fill(0);
  assertEquals(texts((await rig.hub.history("t", { limit: 3 })).publications), ["2", "3", "4"]);
});

Deno.test("what is not to be kept reaches those that subscribe, and has no place", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  const before = await rig.publish("t", "1");
  assertEquals(await rig.hub.publish("t", message("2"), { history: false }), before);
  const { offset } = await rig.publish("t", "3");
  assertEquals([subscriber.got, offset], [["1", "2", "3"], before.offset + 1]);
  const resumed = new Played();
  assertEquals((await rig.hub.subscribe(resumed, "t", before)).recovered, true);
  assertEquals(resumed.got, ["3"]);
});

Deno.test("encoders are asked once a publication and node, with its position, for history as well", async () => {
  await using rig = new Rig({ hasEncoders: true });
  const asked: number[] = [];
  const encoder = {
    encode({ offset, topic }: Publication) {
      asked.push(offset);
      return offset === 2 ? undefined : `${topic} ${offset}`;
    },
  };
  const all = [new Played(encoder), new Played(encoder), new Played()];
  for (const each of all) await rig.join("t", each);
  const first = await rig.publish("t", "a");
  await rig.publish("t", "b", "c");
  assertEquals(all.map(({ got }) => got), [["t 1", "t 3"], ["t 1", "t 3"], ["a", "b", "c"]]);
  assertEquals(asked, [1, 2, 3]);
  const late = new Played(encoder);
  await rig.hub.subscribe(late, "t", first);
  assertEquals(late.got, ["t 3"]);
});

Deno.test("a publication inside of another comes behind it for all", async () => {
  await using rig = new Rig();
  const all = [await rig.join("t"), await rig.join("t")];
  all[0]!.answer = (text) => {
    if (text === "1") rig.publish("t", "2");
    return "taken";
  };
  await rig.publish("t", "1", "3");
  for (const each of all) assertEquals(each.got, ["1", "2", "3"]);
});

Deno.test("in the middle of a fragmented message it waits, and gets all in order behind it", async () => {
  await using rig = new Rig();
  const [subscriber, other] = [await rig.join("t"), await rig.join("t")];
  subscriber.answer = () => BUSY;
  await rig.publish("t", "1", "2");
  await rig.hub.publish("t", message("beside"), { history: false });
  assertEquals([subscriber.got, other.got], [[], ["1", "2", "beside"]]);
  subscriber.answer = undefined;
  rig.hub.release(subscriber);
  await settle();
  assertEquals(subscriber.got, ["1", "2"]);
  await rig.publish("t", "3");
  assertEquals(subscriber.got, ["1", "2", "3"]);
  assertEquals(subscriber.lags, []);
});

Deno.test("limits: topics of one, topics in all without those that linger, publications under way", async () => {
  await using rig = new Rig({ limits: { maxPerConnection: 2, maxTopics: 2, maxPending: 2 } });
  const subscriber = new Played();
  await rig.join("1", subscriber);
  await rig.join("2", subscriber);
  assertThrows(() => rig.hub.subscribe(subscriber, "3"), LwsError, "maxPerConnection (2)");
  assertThrows(() => rig.hub.subscribe(new Played(), "3"), LwsError, "maxTopics (2)");
  rig.hub.unsubscribe(subscriber, "1");
  await rig.join("3", subscriber);
  assertEquals([rig.hub.has("1"), rig.hub.topicsOf(subscriber)], [false, ["2", "3"]]);
  const held = rig.broker.hold("publish");
  const sent = [rig.publish("2", "a"), rig.publish("2", "b")];
  assertEquals(await codeOf(rig.publish("2", "c")), "broker-unavailable");
  held.release();
  await Promise.all(sent);
  await rig.publish("2", "d");
  assertEquals(subscriber.got, ["a", "b", "d"]);
  assertEquals(rig.limits, ["maxPerConnection", "maxTopics", "maxPending"]);
});

Deno.test("a topic without subscribers lingers for those that come back, and is given up then", async () => {
  await using rig = new Rig();
  const subscriber = await rig.join("t");
  rig.hub.unsubscribe(subscriber, "t");
  await rig.pass(4_900);
  const calls = rig.broker.calls.length;
  await rig.join("t", subscriber);
  assertEquals(rig.broker.calls.length, calls, "it was still subscribed");
  rig.hub.end(subscriber);
  await rig.pass(5_100);
  assertEquals(rig.broker.calls.at(-1), "unsubscribe t");
  assertEquals(rig.hub.has("t"), false);
});

Deno.test("the end of a hub rejects publications under way, and closes the broker", async () => {
  const rig = new Rig();
  await rig.join("t");
  rig.broker.hold("publish");
  const [one, two] = [rig.publish("t", "1"), rig.publish("t", "2")];
  const codes = Promise.all([codeOf(one), codeOf(two)]);
  await rig[Symbol.asyncDispose]();
  assertEquals(await codes, ["destroyed", "destroyed"]);
  assertEquals(await codeOf((async () => await rig.publish("t", "3"))()), "destroyed");
  assertEquals(await codeOf(rig.hub.history("t", { limit: 1 })), "destroyed");
  assert(rig.broker.calls.includes("dispose"));
});

Deno.test("a signal calls a publication off", async () => {
  await using rig = new Rig();
  await rig.join("t");
  const held = rig.broker.hold("publish");
  const stop = new AbortController();
  const sent = rig.hub.publish("t", message("1"), { signal: stop.signal });
  const code = codeOf(sent);
  stop.abort();
  assertEquals(await code, "aborted");
  const { signal } = stop;
  assertThrows(() => rig.hub.publish("t", message("2"), { signal }), LwsError, "aborted");
  held.release();
  await settle();
  const kept = rig.hub.publish("t", message("3"), { signal: new AbortController().signal });
  assertEquals((await kept).offset, 2);
});

Deno.test("where the program serves, nothing goes out before it does", async () => {
  const work: (() => void)[] = [];
  await using rig = new Rig({ serve: (each) => void work.push(each) });
  const served = async () => {
    await settle();
    for (const each of work.splice(0)) each();
    await settle();
  };
  const subscriber = new Played();
  const subscribed = rig.hub.subscribe(subscriber, "t");
  await served();
  await served();
  await subscribed;
  await rig.publish("t", "1");
  assertEquals(subscriber.got, []);
  await served();
  assertEquals(subscriber.got, ["1"]);
});

Deno.test("a topic that the broker refuses keeps none waiting that came in the same turn", async () => {
  await using rig = new Rig();
  const subscribe = rig.broker.subscribe.bind(rig.broker);
  rig.broker.subscribe = (topics) =>
    topics.includes("secret")
      ? Promise.reject(new LwsError("permission-denied", "it is secret"))
      : subscribe(topics);
  const subscriber = new Played();
  const topics = [..."abc", "secret", ..."defgh"];
  const joined = topics.map((topic) => rig.hub.subscribe(subscriber, topic));
  const refused = assertRejects(async () => await joined[3], LwsError);
  await rig.pass(5_000);
  await Promise.all(joined.toSpliced(3, 1));
  await refused;
  assertEquals(rig.hub.topicsOf(subscriber), topics.toSpliced(3, 1));
});
