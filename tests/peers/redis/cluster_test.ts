/** A Redis Cluster: it does what a broker has to, and what moves in it is told. */

import { assertEquals } from "@std/assert";
import { redisBroker, type RedisBrokerOptions } from "../../../src/brokers/redis/mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { message, type Played } from "../../unit/topics/played_subscriber.ts";
import { captureLog } from "../../support/recorder.ts";
import { Node, until } from "./node.ts";
import { startRedisCluster } from "./redis_cluster.ts";
import { REDIS } from "./redis_server.ts";

const TOPICS = Array.from({ length: 40 }, (_, i) => `topic ${i}`);

REDIS.test("redis, a cluster: it does what a broker has to, and a slot that moves is told", async () => {
  using _log = captureLog();
  await using cluster = await startRedisCluster();
  const [url] = cluster.urls;
  for (const historySize of [0, 10]) {
    const make = () => redisBroker({ url: url!, cluster: true, historySize });
    for (const { name, run } of brokerContract(make, { historySize, presence: true })) {
      await run().catch((error) => {
        throw new Error(`${historySize} kept: ${name}`, { cause: error });
      });
    }
  }

  const options: RedisBrokerOptions = { url: cluster.urls, cluster: true, historySize: 100 };
  await using near = new Node(redisBroker(options));
  await using far = new Node(redisBroker(options));
  await using trusting = new Node(
    redisBroker({ ...options, prefix: "trusts", restartKeepsEpoch: true }),
  );
  const all = new Map<string, Played>();
  for (const topic of TOPICS) {
    all.set(topic, await near.join(topic));
    await far.publish(topic, "1");
    await near.has(all.get(topic)!, "1");
  }
  const moved = TOPICS[7]!;
  const from = await cluster.primaryOf(moved);
  const to = cluster.nodes.find((node) => node !== from)!;
  await cluster.moveSlotOf(moved, to);
  assertEquals(await cluster.primaryOf(moved), to);
  for (const topic of TOPICS) {
    await far.publish(topic, "2");
    await near.has(all.get(topic)!, "2");
    const expected = topic === moved ? ["1", "(gap: epoch)", "2"] : ["1", "2"];
    assertEquals(all.get(topic)!.got, expected, topic);
  }
  // There and back.
  await cluster.moveSlotOf(moved, from);
  await far.publish(moved, "3");
  await near.has(all.get(moved)!, "3");
  assertEquals(all.get(moved)!.got.slice(3), ["(gap: epoch)", "3"]);
  assertEquals([near.states, far.states], [[], []]);
  // Of a cluster that is trusted nothing is missed by that, and nothing told.
  const calm = await trusting.join(moved);
  await trusting.publish(moved, "1");
  await trusting.has(calm, "1");
  const home = await cluster.primaryOf(moved, "trusts");
  const other = cluster.nodes.find((node) => node !== home)!;
  await cluster.moveSlotOf(moved, other, "trusts");
  await trusting.publish(moved, "2");
  await trusting.has(calm, "2");
  assertEquals(calm.got, ["1", "2"]);

  // While a slot is on its way, what is in it is here, or there already; what is new waits for the end of that.
  const waiting = await near.join("kept");
  await far.publish("kept", "0");
  await near.has(waiting, "0");
  const way = await cluster.beginMove("kept", await another("kept"));
  await far.hub.publish("kept", message("1"));
  await way.takeKeys();
  await far.hub.publish("kept", message("2"));
  const named = far.hub.publish("kept", message("3"), { id: "a" });
  await way.end();
  await named;
  await near.has(waiting, "3");
  assertEquals(waiting.got.filter((text) => !text.startsWith("(")), ["0", "1", "2", "3"]);

  async function another(topic: string) {
    const owner = await cluster.primaryOf(topic);
    return cluster.nodes.find((node) => node !== owner)!;
  }
});

REDIS.test("redis, a cluster: a replica that takes over is told, and all of the others goes on", async () => {
  using _log = captureLog();
  await using cluster = await startRedisCluster({ replicas: true });
  const options: RedisBrokerOptions = { url: cluster.urls, cluster: true, historySize: 100 };
  await using near = new Node(redisBroker(options));
  await using far = new Node(redisBroker(options));
  const all = new Map<string, Played>();
  for (const topic of TOPICS) {
    all.set(topic, await near.join(topic));
    await far.publish(topic, "1");
    await near.has(all.get(topic)!, "1");
  }
  const primary = await cluster.primaryOf(TOPICS[0]!);
  const hit: string[] = [];
  for (const topic of TOPICS) if (await cluster.primaryOf(topic) === primary) hit.push(topic);
  const goesOn = TOPICS.find((topic) => !hit.includes(topic))!;
  await primary.kill();
  await far.publish(goesOn, "2");
  await near.has(all.get(goesOn)!, "2");
  for (const topic of TOPICS) {
    await far.publish(topic, "3");
    await near.has(all.get(topic)!, "3");
    const { got } = all.get(topic)!;
    const before = topic === goesOn
      ? ["1", "2"]
      : hit.includes(topic)
      ? ["1", "(gap: epoch)"]
      : ["1"];
    assertEquals(got, [...before, "3"], topic);
  }
  assertEquals([near.states, far.states], [[], []], "the broker as a whole was there");

  // A primary that hands over while it is there.
  const calm = await cluster.primaryOf(goesOn);
  const replica = await cluster.replicaOf(calm);
  await replica.cli("cluster", "failover");
  await until(async () => await cluster.primaryOf(goesOn) === replica, "it has taken over");
  await far.publish(goesOn, "4");
  await near.has(all.get(goesOn)!, "4");
  assertEquals(all.get(goesOn)!.got.slice(3), ["(gap: epoch)", "4"]);
});
