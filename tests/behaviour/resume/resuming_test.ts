/** Clients whose connections are lost in the middle of everything. */

import { assertEquals } from "@std/assert";
import { memoryBroker } from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { follow, ResumeRig } from "./rig.ts";

Deno.test("a client that hops between two contexts misses nothing, and gets nothing twice", async () => {
  await using rig = new ResumeRig();
  const roamer = rig.roam();
  const [a, b] = [follow(roamer, "a"), follow(roamer, "b")];
  await rig.pass(1);
  let count = 0;
  for (let hop = 0; hop < 6; hop++) {
    await rig.publish("a", `${++count}`, hop % 2);
    await rig.publish("b", `${++count}`, hop % 2);
    // With messages on their way, or when all have come.
    if (hop % 3 > 0) await rig.pass(1);
    roamer.cut();
    roamer.at = (hop + 1) % 2;
    await rig.publish("a", `${++count}`, hop % 2);
    await rig.pass(1_000);
  }
  await rig.pass(60_000, 1_000);
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  assertEquals(a.got, numbers.filter((n) => n % 3 !== 2).map(String));
  assertEquals(b.got, numbers.filter((n) => n % 3 === 2).map(String));
  assertEquals([roamer.errors, roamer.connects], [[], 7]);
});

Deno.test("what history has no more is told before what follows, and so is a broker that began anew", async () => {
  using _log = captureLog([]);
  await using rig = new ResumeRig(memoryBroker({ historySize: 2 }));
  const roamer = rig.roam();
  const { got, subscription } = follow(roamer, "t");
  await rig.pass(1);
  await rig.publish("t", "1");
  await rig.pass(1);
  // The other one has not heard of the topic, and has no tail of it.
  roamer.at = 1;
  roamer.cut();
  for (const each of ["2", "3", "4"]) await rig.publish("t", each);
  await rig.pass(1_000);
  assertEquals(got, ["1", "(trimmed)", "3", "4"]);
  const before = subscription.position!;
  roamer.cut();
  const anew = memoryBroker({ historySize: 2 });
  for (const broker of rig.brokers) await broker.restart(anew);
  await rig.pass(2_000);
  await rig.publish("t", "5", 1);
  await rig.pass(1);
  assertEquals(got.slice(4), ["(epoch)", "5"]);
  assertEquals(subscription.position!.epoch === before.epoch, false);
});

Deno.test("without a broker clients come back, and are told that something may be missing", async () => {
  await using rig = new ResumeRig(undefined, {}, { broker: undefined } as never);
  const roamer = rig.roam();
  const { got } = follow(roamer, "t");
  await rig.pass(1);
  await rig.publish("t", "1");
  await rig.pass(1);
  roamer.cut();
  await rig.pass(100);
  await rig.publish("t", "2");
  await rig.pass(1_000);
  await rig.publish("t", "3");
  await rig.pass(1);
  assertEquals(got, ["1", "(trimmed)", "3"]);
});

Deno.test("a page goes on from the position that it was rendered with", async () => {
  await using rig = new ResumeRig();
  const position = await rig.publish("t", "in the page");
  await rig.publish("t", "1");
  const { got } = follow(rig.roam(), "t", position);
  await rig.pass(1);
  await rig.publish("t", "2");
  await rig.pass(1);
  assertEquals(got, ["1", "2"]);
});

Deno.test("while the broker is away topics are asked for again, and others go on", async () => {
  using _log = captureLog([]);
  await using rig = new ResumeRig(undefined, { authorize: (_wsi, _user, topic) => topic !== "no" });
  const roamer = rig.roam();
  const held = rig.brokers[0]!.hold("subscribe");
  const [t, no] = [follow(roamer, "t"), follow(roamer, "no")];
  await rig.pass(7_000);
  assertEquals([t.got, no.got], [[], ["(forbidden)"]]);
  held.release();
  await rig.pass(10_000);
  await rig.publish("t", "1");
  await rig.pass(1);
  assertEquals([t.got, roamer.connects], [["1"], 1]);
});

Deno.test("a server that is gone without a word is left, and nothing of that is lost", async () => {
  await using rig = new ResumeRig();
  const roamer = rig.roam({ idleMs: 10_000 });
  const { got } = follow(roamer, "t");
  await rig.pass(1);
  await rig.publish("t", "1");
  await rig.pass(60_000, 1_000);
  assertEquals([got, roamer.connects], [["1"], 1]);
  roamer.deafen();
  await rig.publish("t", "2");
  await rig.pass(40_000, 1_000);
  await rig.publish("t", "3");
  await rig.pass(1);
  assertEquals([got, roamer.connects], [["1", "2", "3"], 2]);
});
