/** Where a subscription begins, which is told before anything of the topic is sent. */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError, memoryBroker, type Publication } from "../../../../mod.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import type { Begin } from "../../../../src/topics/topics.ts";
import { message, Played } from "../played_subscriber.ts";
import { KEEPS, Rig } from "./rig.ts";

/** What a subscriber is told goes among its messages. */
function telling(subscriber: Played): Begin {
  return ({ offset, recovered }) => subscriber.got.push(`(begin ${offset} ${recovered})`);
}

Deno.test("the beginning is told once, in front of what follows, with and without a position", async () => {
  await using rig = new Rig({ history: { historySize: 3 } });
  const first = await rig.publish("t", "1");
  await rig.publish("t", "2", "3");
  const [fresh, again, resumed, elder] = [0, 1, 2, 3].map(() => new Played());
  await rig.hub.subscribe(fresh!, "t", undefined, telling(fresh!));
  await rig.hub.subscribe(fresh!, "t", undefined, telling(fresh!));
  // Of a live topic, at its position.
  await rig.hub.subscribe(again!, "t", { ...first, offset: first.offset + 2 }, telling(again!));
  const subscription = rig.hub.subscribe(resumed!, "t", first, telling(resumed!));
  assertEquals(await subscription, { ...first, recovered: true, count: 2 });
  await rig.publish("t", "4", "5");
  await rig.hub.subscribe(elder!, "t", first, telling(elder!));
  await rig.publish("t", "6");
  const last = first.offset + 2;
  assertEquals(fresh!.got, [`(begin ${last} true)`, "4", "5", "6"]);
  assertEquals(again!.got, [`(begin ${last} true)`, "4", "5", "6"]);
  assertEquals(resumed!.got, [`(begin ${first.offset} true)`, "2", "3", "4", "5", "6"]);
  assertEquals(elder!.got, [`(begin ${last - 1} false)`, "3", "4", "5", "6"]);
});

Deno.test("one that closes when it is told where it begins is sent nothing", async () => {
  await using rig = new Rig();
  const first = await rig.publish("t", "1");
  await rig.publish("t", "2");
  const subscriber = new Played();
  const ending = rig.hub.subscribe(subscriber, "t", first, () => rig.hub.end(subscriber));
  assertEquals((await assertRejects(async () => await ending, LwsError)).code, "connection-closed");
  assertEquals(subscriber.got, []);
  assertEquals(rig.hub.subscriberCount("t"), 0);
});

Deno.test("a gap that is found behind the beginning is told as one more", async () => {
  await using rig = new Rig();
  const first = await rig.publish("t", "1");
  await rig.publish("t", "2", "3", "4", "5");
  let reads = 0;
  // A part of what follows, and then what is left of the rest.
  rig.broker.onHistory = (_topic, answer) => {
    const isFirst = ++reads === 1;
    const publications = isFirst ? answer.publications.slice(0, 1) : answer.publications.slice(-1);
    return { ...answer, complete: isFirst, publications };
  };
  const subscriber = new Played();
  const subscription = rig.hub.subscribe(subscriber, "t", first, telling(subscriber));
  assertEquals(await subscription, { ...first, recovered: true, count: 1 });
  assertEquals(
    subscriber.got,
    [`(begin ${first.offset} true)`, "2", "(gap: trimmed)", "5"],
  );
});

Deno.test("a beginning is told after the broker has lost its data, as a gap", async () => {
  await using rig = new Rig();
  const first = await rig.publish("t", "1");
  await rig.broker.restart(memoryBroker(KEEPS));
  const subscriber = new Played();
  await rig.hub.subscribe(subscriber, "t", first, telling(subscriber));
  await rig.publish("t", "2");
  assertEquals(subscriber.got, ["(begin 0 false)", "2"]);
});

Deno.test("behind no position at all nothing is recovered of a broker that counts nothing", async () => {
  const broker = faultyBroker(memoryBroker());
  // As one does that only sends on: what it publishes has no place.
  broker.onTops = (tops) => tops.map(() => ({ epoch: "", offset: 0 }));
  await using rig = new Rig({ broker });
  const [opens, joins] = [new Played(), new Played()];
  const since = { epoch: "", offset: 0 };
  for (const each of [opens, joins]) await rig.hub.subscribe(each, "t", since, telling(each));
  const fresh = new Played();
  await rig.hub.subscribe(fresh, "t", undefined, telling(fresh));
  assertEquals([opens, joins, fresh].map(({ got }) => got), [
    ...[["(begin 0 false)"], ["(begin 0 false)"], ["(begin 0 true)"]],
  ]);
});

Deno.test("what has no place is told from what has its position", async () => {
  await using rig = new Rig({ broker: faultyBroker(memoryBroker(KEEPS)), hasEncoders: true });
  const encoder = {
    encode: ({ offset, hasPlace }: Publication) => `${offset} ${hasPlace}`,
  };
  const subscriber = await rig.join("t", new Played(encoder));
  await rig.publish("t", "1");
  await rig.hub.publish("t", message("2"), { history: false });
  await rig.publish("t", "3");
  assertEquals(subscriber.got, ["1 true", "1 false", "2 true"]);
  const { publications } = await rig.hub.history("t", { limit: 9 });
  assertEquals(publications.map(({ hasPlace }) => hasPlace), [true, true]);
});
