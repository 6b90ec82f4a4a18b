/** What is promised of topics over Redis, between two nodes in processes of their own, through what goes wrong. */

import { assert, assertEquals } from "@std/assert";
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
