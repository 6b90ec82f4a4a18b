/** Which connections are in a topic, through the faults of a Redis and of nodes. */

import { assertEquals } from "@std/assert";
import type { Broker, BrokerPublication } from "../../../mod.ts";
import type { BrokerPresence } from "../../../src/api/topics/broker_presence.ts";
import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { EndingClock, until } from "./node.ts";
import { REDIS, startRedis } from "./redis_server.ts";

const LONG_MS = 60_000;

/** One context's end, and what has come of members. */
class End {
  readonly moves: string[] = [];
  readonly broker: Broker;
  readonly #clock = new EndingClock();

  constructor(url: string | readonly string[], restartKeepsEpoch = false) {
    this.broker = redisBroker({ url, historySize: 100, restartKeepsEpoch });
  }

  get presence(): BrokerPresence {
    return this.broker.presence!;
  }

  async start(...topics: readonly string[]): Promise<this> {
    await this.broker.start({
      publication: (topic: string, { presence, data }: BrokerPublication) => {
        const { id } = JSON.parse(new TextDecoder().decode(data));
        this.moves.push(`${presence} ${id} ${topic}`);
      },
      interrupted() {},
      state() {},
    }, this.#clock);
    if (topics.length > 0) await this.broker.subscribe(topics);
    return this;
  }

  async join(topic: string, ...ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.presence.join(topic, { id, key: id, info: "null" }, true);
  }

  async ids(topic: string): Promise<string[]> {
    const { members } = await this.presence.members(topic, 1_000);
    return members.map(({ id }) => id).toSorted();
  }

  /** Renews the lease once the server is there. */
  async tended(leaseMs = LONG_MS): Promise<boolean> {
    let isKept = false;
    await until(async () => {
      try {
        isKept = await this.presence.tend(leaseMs, true, true);
        return true;
      } catch {
        return false;
      }
    }, "it has a lease");
    return isKept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    this.#clock.end();
  }
}

REDIS.test("redis: what had joined before a server began anew joins again, and those that left meanwhile are out", async () => {
  using _log = captureLog();
  await using server = await startRedis();
  await using end = await new End(server.url).start();
  await end.tended();
  await end.join("t", "a", "b");
  await server.cli("save");
  // The server is set back behind this.
  await end.presence.leave("t", "b", true);
  await server.restart();
  assertEquals(await end.tended(), false);
  assertEquals(await end.ids("t"), []);
  await end.join("t", "a");
  assertEquals([await end.ids("t"), await end.tended()], [["a"], true]);
});

REDIS.test("redis: over a server that is trusted, members stay", async () => {
  using _log = captureLog();
  await using server = await startRedis({ appendonly: true });
  await using end = await new End(server.url, true).start();
  await end.tended();
  await end.join("t", "a");
  await server.restart();
  assertEquals([await end.tended(), await end.ids("t")], [true, ["a"]]);
});

REDIS.test("redis: a node that has lost its lease takes its members out itself before they join anew", async () => {
  await using server = await startRedis();
  await using end = await new End(server.url).start("t");
  await end.tended();
  await end.join("t", "a");
  // Another node has found it ended.
  const node = await server.cli("zrange", "{lws}:nodes", "0", "-1");
  await server.cli("zrem", "{lws}:nodes", node);
  await server.cli("zadd", "{lws}:nodes:ended", "0", node);
  assertEquals(await end.ids("t"), []);
  assertEquals(await end.tended(), false);
  await end.join("t", "a");
  assertEquals([await end.ids("t"), await end.tended()], [["a"], true]);
  await until(() => end.moves.length >= 3, "all have come");
  assertEquals(end.moves, ["join a t", "leave a t", "join a t"]);
});

REDIS.test("redis: of a node that is gone in many topics each member leaves once, and nothing of it stays", async () => {
  await using server = await startRedis();
  const topics = Array.from({ length: 200 }, (_, i) => `t${i}`);
  await using one = await new End(server.url).start(...topics);
  await using two = await new End(server.url).start(...topics);
  for (const end of [one, two]) await end.tended();
  {
    await using gone = await new End(server.url).start();
    await gone.tended();
    await Promise.all(topics.map((topic) => gone.join(topic, "a", "b")));
    await one.join("t7", "c");
    await gone.tended(1);
  }
  const hasLeft = (end: End) => end.moves.filter((move) => move.startsWith("leave")).length;
  await until(async () => {
    await Promise.all([one.tended(), two.tended()]);
    return hasLeft(one) >= 400 && hasLeft(two) >= 400;
  }, "all have left");
  assertEquals([hasLeft(one), new Set(one.moves).size], [400, 801]);
  assertEquals(await two.ids("t7"), ["c"]);
  await one.presence.leave("t7", "c", true);
  await until(async () => await server.cli("keys", "{lws}:node:*") === "", "no list is left");
  assertEquals(await server.cli("keys", "*:p"), "");
  assertEquals(
    [await server.cli("zcard", "{lws}:nodes"), await server.cli("zcard", "{lws}:ended")],
    [
      "2",
      "0",
    ],
  );
});

REDIS.test("redis, two servers: one that is away takes the lease of the other along neither way", async () => {
  using _log = captureLog();
  await using one = await startRedis();
  await using two = await startRedis();
  const topics = Array.from({ length: 20 }, (_, i) => `t${i}`);
  await using end = await new End([one.url, two.url]).start();
  await end.tended();
  for (const topic of topics) await end.join(topic, "a");
  await one.kill();
  assertEquals(await end.tended(), true, "those of the other one are as they were");
  await one.restart();
  await until(async () => !await end.tended(), "it has lost what was there");
  for (const topic of topics) {
    await end.join(topic, "a");
    assertEquals(await end.ids(topic), ["a"], topic);
  }
});
