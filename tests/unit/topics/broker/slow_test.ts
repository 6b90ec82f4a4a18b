/** Subscribers that read slowly: with history they are served from it, and nobody else waits. */

import { assert, assertEquals } from "@std/assert";
import { memoryBroker } from "../../../../mod.ts";
import { Played } from "../played_subscriber.ts";
import { settle } from "../../../support/serve.ts";
import { KEEPS, Rig } from "./rig.ts";

/** Texts of numbers, the last one included. */
function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

/** What a subscriber got, without what it was told. */
function texts({ got }: Played): string[] {
  return got.filter((each) => !each.startsWith("("));
}

/** It reads all that is unsent, and the hub hears of it. */
function drain(rig: Rig, subscriber: Played): void {
  subscriber.unsent = 0;
  rig.hub.drained(subscriber);
}

Deno.test("one that stops reading leaves the live feed, is told, and misses nothing once it reads on", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 } });
  const [slow, fast] = [await rig.join("t"), await rig.join("t")];
  assertEquals(rig.hub.hasLagging, false);
  slow.isStuck = true;
  const last = await rig.publish("t", ...numbers(1, 9), "10", "11");
  assertEquals(texts(slow), [...numbers(1, 9), "10"]);
  assertEquals(slow.lags, [{
    topic: "t",
    position: { epoch: last.epoch, offset: 10 },
    behind: 1,
  }]);
  await rig.publish("t", ...numbers(12, 60));
  assertEquals([slow.lags.length, slow.unsent, rig.hub.hasLagging], [1, 11, true]);
  while (texts(slow).length < 60) {
    drain(rig, slow);
    assert(slow.unsent <= 12, "never much more than it may have unsent");
    await settle();
  }
  slow.isStuck = false;
  drain(rig, slow);
  await rig.publish("t", "61");
  for (const each of [slow, fast]) assertEquals(texts(each), numbers(1, 61));
  assertEquals([slow.gaps, slow.lagged, rig.hub.hasLagging], [[], 0, false]);
  assertEquals(rig.limits, ["maxUnsent"]);
});

Deno.test("at the limit it is sent more, and past it no more", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 100 } });
  const subscriber = await rig.join("t");
  subscriber.unsent = 100;
  await rig.publish("t", "1");
  assertEquals(subscriber.got, ["1"]);
  subscriber.unsent = 101;
  await rig.publish("t", "2");
  assertEquals(subscriber.got, ["1", "(lagging)"]);
});

Deno.test("one that history has passed is told of an overflow, and goes on with what is kept", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 }, history: { historySize: 5 } });
  const slow = await rig.join("t");
  slow.unsent = 11;
  const last = await rig.publish("t", ...numbers(1, 50));
  drain(rig, slow);
  await settle();
  assertEquals(slow.got, ["(lagging)", "(gap: overflow)", ...numbers(46, 50)]);
  assertEquals(slow.gaps[0]!.position, { epoch: last.epoch, offset: 45 });
  await rig.publish("t", "51");
  assertEquals(slow.got.at(-1), "51");
});

Deno.test("one that the program closes when it is told is sent nothing more", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 } });
  const [slow, fast] = [await rig.join("t"), await rig.join("t")];
  slow.onTold = () => rig.hub.end(slow);
  slow.unsent = 11;
  await rig.publish("t", "1", "2");
  assertEquals([slow.got, fast.got], [["(lagging)"], ["1", "2"]]);
  assertEquals([rig.hub.hasLagging, rig.hub.subscriberCount("t")], [false, 1]);
});

Deno.test("without history it is closed, and so where a broker keeps none", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 }, history: {} });
  const [slow, fast] = [await rig.join("t"), await rig.join("t")];
  slow.unsent = 11;
  await rig.publish("t", "1", "2");
  assertEquals([slow.got, slow.lagged, fast.got], [[], 1, ["1", "2"]]);
  assertEquals(rig.hub.subscriberCount("t"), 1);
});

for (const history of [KEEPS, {}]) {
  const how = "historySize" in history ? "with history" : "without";
  Deno.test(`999 others wait for none that does not read, ${how}`, async () => {
    await using rig = new Rig({ limits: { maxUnsent: 10 }, history });
    const all = Array.from({ length: 1_000 }, () => new Played());
    await Promise.all(all.map((each) => rig.hub.subscribe(each, "t")));
    all[500]!.unsent = 11;
    for (const text of numbers(1, 20)) {
      await rig.publish("t", text);
      for (const [i, { got }] of all.entries()) if (i !== 500) assertEquals(got.at(-1), text);
    }
    assertEquals(rig.broker.calls.some((each) => each.startsWith("history")), false);
  });
}

Deno.test("one that lags in several topics goes on in all, as it drains", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 } });
  const slow = new Played();
  for (const topic of ["t", "u", "v"]) await rig.join(topic, slow);
  slow.unsent = 11;
  for (const topic of ["t", "u"]) await rig.publish(topic, ...numbers(1, 40).map((n) => topic + n));
  slow.isStuck = true;
  for (let i = 0; i < 60; i++) {
    drain(rig, slow);
    await settle();
  }
  for (const topic of ["t", "u"]) {
    assertEquals(
      texts(slow).filter((each) => each.startsWith(topic)),
      numbers(1, 40).map((n) => topic + n),
    );
  }
  assertEquals(rig.hub.hasLagging, false);
});

Deno.test("one that lags through a broker's new epoch is told when it gets there", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 } });
  const [slow, fast] = [await rig.join("t"), await rig.join("t")];
  slow.unsent = 11;
  await rig.publish("t", "old");
  await rig.broker.restart(memoryBroker(KEEPS));
  await settle();
  await rig.publish("t", "new 1", "new 2");
  assertEquals(slow.got, ["(lagging)"]);
  drain(rig, slow);
  await settle();
  assertEquals(slow.got, ["(lagging)", "(gap: epoch)", "new 1", "new 2"]);
  assertEquals(fast.got, ["old", "(gap: epoch)", "new 1", "new 2"]);
});

Deno.test("a resume that the connection can't take at once goes on as it reads", async () => {
  await using rig = new Rig({ limits: { maxUnsent: 10 } });
  const first = await rig.publish("t", "0");
  await rig.publish("t", ...numbers(1, 60));
  const slow = new Played();
  slow.isStuck = true;
  const { recovered, count } = await rig.hub.subscribe(slow, "t", first);
  assert(recovered && count < 20, String(count));
  assertEquals(slow.lags, [], "it has said itself that it is behind");
  while (slow.got.length < 60) {
    drain(rig, slow);
    await settle();
  }
  assertEquals(slow.got, numbers(1, 60));
});

Deno.test("a resume of more than a thousand is answered after a thousand, and misses nothing", async () => {
  await using rig = new Rig({ history: { historySize: 5_000 } });
  const first = await rig.publish("t", "0");
  await rig.publish("t", ...numbers(1, 2_500));
  const subscriber = new Played();
  const { recovered, count } = await rig.hub.subscribe(subscriber, "t", first);
  assertEquals([recovered, count], [true, 1_000]);
  await settle();
  await rig.publish("t", "2501");
  await settle();
  assertEquals(subscriber.got, numbers(1, 2_501));
});
