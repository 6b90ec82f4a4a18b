/** What is promised of topics over Redis, between two nodes in processes of their own, through what goes wrong. */

import { assert, assertEquals } from "@std/assert";
import { type Account, NO_FAULTS } from "../../support/topics/audit.ts";
import { REDIS, startRedis } from "../redis/redis_server.ts";
import { Fleet, lasting } from "./fleet.ts";
import { Path } from "./path.ts";
import type { BrokerChoice } from "./wire.ts";

/** Writes to its disk, so that a crash takes nothing along. */
const DURABLE = { appendonly: true, args: ["--appendfsync", "everysec"] };
const KEEPS = { historySize: 2_000 };

/** The same broker for each of two nodes. */
function twice(url: string, options: object): BrokerChoice[] {
  const one: BrokerChoice = { kind: "redis", options: { url, ...options } };
  return [one, one];
}

/** Nothing may be wrong, whatever else became of a run. */
function assertHonest({ faults, complaints }: Account): void {
  assertEquals({ faults, complaints }, { faults: NO_FAULTS, complaints: [] });
}

/** Nothing was missed by any follower, openly or not. */
function assertWhole(account: Account): void {
  assertHonest(account);
  const { gaps, unrecovered, lostOpenly, delivered, published } = account;
  assertEquals({ gaps, unrecovered, lostOpenly }, { gaps: {}, unrecovered: 0, lostOpenly: 0 });
  assertEquals(delivered, published * 10);
}

REDIS.test("a Redis that is killed for 2 s, and half of the clients away: all get all, once", async () => {
  await using server = await startRedis(DURABLE);
  const brokers = twice(server.url, { ...KEEPS, restartKeepsEpoch: true });
  await using fleet = await Fleet.start({ brokers });
  await fleet.publish();
  await fleet.delivered(60);
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await server.kill();
  await lasting(2_000);
  await server.restart();
  await fleet.connect(away, 1);
  await fleet.delivered(60);
  const account = await fleet.settle();
  assertWhole(account);
  assert(account.refused > 0, "publications were refused");
  assertEquals(account.recovered, away.length);
});

REDIS.test("a Redis that is restored from an elder snapshot: what is lost is told", async () => {
  await using server = await startRedis();
  await using fleet = await Fleet.start({ brokers: twice(server.url, KEEPS) });
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

REDIS.test("a way to Redis that is dead and stays open is found out, and nothing is missed", async () => {
  await using server = await startRedis();
  await using path = new Path(server.port);
  const [direct] = twice(server.url, KEEPS) as [BrokerChoice];
  const [behindPath] = twice(`redis://127.0.0.1:${path.port}`, KEEPS) as [BrokerChoice];
  await using fleet = await Fleet.start({ brokers: [direct, behindPath] });
  await fleet.publish();
  await fleet.delivered(50);
  path.freeze();
  await fleet.delivered(200);
  assertWhole(await fleet.settle());
});

REDIS.test("connections to Redis that are killed, of one kind or the other, lose nothing", async () => {
  await using server = await startRedis();
  await using fleet = await Fleet.start({ brokers: twice(server.url, KEEPS) });
  await fleet.publish();
  for (const type of ["pubsub", "normal", "pubsub", "pubsub", "normal", "normal"]) {
    await fleet.delivered(30);
    const killed = await server.cli("client", "kill", "type", type);
    assert(Number(killed) >= 2, `${killed} connections of type ${type} were killed`);
  }
  await fleet.delivered(50);
  assertWhole(await fleet.settle());
});

REDIS.test("what Redis keeps no longer is told: to those that were away, and to those whose node was cut off", async () => {
  await using server = await startRedis();
  await using path = new Path(server.port);
  const options = { historySize: 20 };
  const cutOff = { kind: "redis", options: { url: `redis://127.0.0.1:${path.port}`, ...options } };
  const brokers = [...twice(server.url, options).slice(1), cutOff as BrokerChoice];
  await using fleet = await Fleet.start({ brokers });
  await fleet.publish();
  await fleet.delivered(50);
  const ofNode = (node: number) => fleet.followers.filter((each) => fleet.nodeOf(each) === node);
  const [stay, away] = [ofNode(0).slice(20), ofNode(0).slice(0, 20)];
  for (const follower of away) follower.leave();
  path.block();
  await fleet.delivered(100, stay);
  path.open();
  await fleet.connect(away);
  await fleet.delivered(50);
  const account = await fleet.settle();
  assertHonest(account);
  assertEquals([account.recovered, account.unrecovered], [0, 20]);
  assertEquals(account.gaps, { trimmed: 100 });
  assert(account.lostOpenly > 120 * 50, `${account.lostOpenly} were told to be lost`);
});

REDIS.test("a node that is stopped for 4 s goes on where it was", async () => {
  await using server = await startRedis();
  await using fleet = await Fleet.start({ brokers: twice(server.url, KEEPS) });
  await fleet.publish();
  await fleet.delivered(50);
  fleet.nodes[0]!.signal("SIGSTOP");
  await lasting(4_000);
  fleet.nodes[0]!.signal("SIGCONT");
  await fleet.delivered(50);
  assertWhole(await fleet.settle());
});

REDIS.test("500 clients that come back at once, each to the other node, get what they have missed", async () => {
  await using server = await startRedis();
  await using fleet = await Fleet.start({ brokers: twice(server.url, KEEPS), followers: 520 });
  await fleet.publish();
  await fleet.delivered(20);
  const [stay, away] = [fleet.followers.slice(0, 20), fleet.followers.slice(20)];
  for (const follower of away) follower.leave();
  await fleet.delivered(100, stay);
  await fleet.connect(away, 1);
  await fleet.delivered(20);
  const account = await fleet.settle();
  assertHonest(account);
  assertEquals([account.recovered, account.unrecovered, account.gaps], [500, 0, {}]);
  assertEquals(account.delivered, account.published * 26);
});
