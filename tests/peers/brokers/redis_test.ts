/** What is promised of topics over Redis, between two nodes in processes of their own, through what goes wrong. */

import { assert, assertEquals } from "@std/assert";
import { startRedisCluster } from "../redis/redis_cluster.ts";
import { REDIS, startRedis } from "../redis/redis_server.ts";
import { assertHonest, assertWhole, KEEPS, testFaults } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import type { BrokerChoice } from "./wire.ts";

function redis(port: number, options: Readonly<Record<string, unknown>>): BrokerChoice {
  return { kind: "redis", options: { url: `redis://127.0.0.1:${port}`, ...options } };
}

testFaults({
  hasLiveWay: true,
  title: "Redis",
  program: REDIS,
  start: () => startRedis({ appendonly: true, args: ["--appendfsync", "everysec"] }),
  broker: (port, history) => redis(port, { ...history, restartKeepsEpoch: true }),
});

REDIS.test("Redis is restored from an elder snapshot: what is lost is told", async () => {
  await using server = await startRedis();
  const one = redis(server.port, KEEPS);
  await using fleet = await Fleet.start({ brokers: [one, one] });
  await fleet.publish();
  await fleet.delivered(30);
  await server.cli("save");
  await fleet.delivered(30);
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await server.restart();
  await fleet.connect(away, 1);
  await fleet.delivered(60);
  const account = await fleet.settle();
  assertHonest(account);
  assertEquals([account.recovered, account.unrecovered], [0, away.length]);
  assertEquals(account.gaps, { epoch: fleet.followers.length - away.length });
});

REDIS.test("connections to Redis are killed, of one kind or the other: nothing is missed", async () => {
  await using server = await startRedis();
  const one = redis(server.port, KEEPS);
  await using fleet = await Fleet.start({ brokers: [one, one] });
  await fleet.publish();
  for (const type of ["pubsub", "normal", "pubsub", "pubsub", "normal", "normal"]) {
    await fleet.delivered(30);
    const killed = await server.cli("client", "kill", "type", type);
    assert(Number(killed) >= 2, `${killed} connections of type ${type} were killed`);
  }
  await fleet.delivered(50);
  assertWhole(await fleet.settle());
});

REDIS.test("slots of a Redis Cluster move, and a primary is lost: what may be missed is told, and nothing else", async () => {
  await using cluster = await startRedisCluster({ replicas: true });
  const options = { url: cluster.urls, cluster: true, ...KEEPS };
  const one: BrokerChoice = { kind: "redis", options };
  await using fleet = await Fleet.start({ brokers: [one, one] });
  await fleet.publish();
  await fleet.delivered(50);
  const touched = new Set<string>();
  for (const topic of fleet.topics.slice(0, 4)) {
    const from = await cluster.primaryOf(topic);
    const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!;
    await cluster.moveSlotOf(topic, to);
    touched.add(topic);
    await fleet.delivered(10);
  }
  const lost = await cluster.primaryOf(fleet.topics[0]!);
  for (const topic of fleet.topics) {
    if (await cluster.primaryOf(topic) === lost) touched.add(topic);
  }
  const others = fleet.followers.filter(({ topic }) => !touched.has(topic));
  await lost.kill();
  await fleet.delivered(50, others);
  await fleet.delivered(50, fleet.followers.filter(({ topic }) => touched.has(topic)));
  const account = await fleet.settle();
  assertHonest(account);
  assert(account.gaps["epoch"]! >= touched.size * 10, JSON.stringify(account.gaps));
  const told = fleet.followers.filter(({ trace }) => trace.some(({ kind }) => kind === "gap"));
  assertEquals(new Set(told.map(({ topic }) => topic)), touched);
});
