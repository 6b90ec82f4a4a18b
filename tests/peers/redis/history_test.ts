/** What Redis keeps, at each bound and past it, and where its own names stand. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Broker, type BrokerPublication, LwsError } from "../../../mod.ts";
import { redisBroker, type RedisBrokerOptions } from "../../../src/brokers/redis/mod.ts";
import { EndingClock, until } from "./node.ts";
import { REDIS, type RedisProcess, startRedis } from "./redis_server.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const KEPT = { isBinary: false, history: true };
const NOTHING = { publication() {}, interrupted() {}, state() {} };

/** A server with one broker that has started. */
async function withBroker(
  options: Omit<RedisBrokerOptions, "url">,
  run: (broker: Broker, server: RedisProcess) => Promise<void>,
): Promise<void> {
  await using server = await startRedis();
  await using broker = redisBroker({ url: server.url, ...options });
  await broker.start(NOTHING, new EndingClock());
  await run(broker, server);
}

async function publish(broker: Broker, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await broker.publish("t", encoder.encode(text), KEPT);
}

async function kept(broker: Broker): Promise<string[]> {
  const { publications } = await broker.history("t", undefined, 1_000);
  return publications.map(({ data }: BrokerPublication) => decoder.decode(data));
}

REDIS.test("redis: as many bytes as may be are kept, and one more lets the oldest go", async () => {
  await withBroker({ historySize: 1_000, historyBytes: 10 }, async (broker) => {
    await publish(broker, "1234", "567890");
    assertEquals(await kept(broker), ["1234", "567890"]);
    await publish(broker, "x");
    assertEquals(await kept(broker), ["567890", "x"]);
    await publish(broker, "12345678901");
    assertEquals(await kept(broker), [], "one that is too large is in no history");
    await publish(broker, "");
    assertEquals(await kept(broker), [""]);
  });
});

REDIS.test("redis: the stream does not grow with what is not kept any more", async () => {
  await withBroker({ historySize: 1_000, historyBytes: 10_000 }, async (broker, server) => {
    const text = "x".repeat(1_000);
    await Promise.all(Array.from({ length: 100 }, () => publish(broker, text)));
    assertEquals((await kept(broker)).length, 10);
    const length = Number(await server.cli("xlen", "{lws:t}:s"));
    assertEquals(length <= 13, true, String(length));
  });
  await withBroker({ historySize: 5 }, async (broker, server) => {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => publish(broker, String(i))));
    assertEquals((await kept(broker)).length, 5);
    const length = Number(await server.cli("xlen", "{lws:t}:s"));
    assertEquals(length <= 205, true, String(length));
  });
});

REDIS.test("redis: what is too old is in no history, though its stream lives on", async () => {
  await withBroker({ historySize: 10, historyTtlMs: 300 }, async (broker, server) => {
    await publish(broker, "1");
    assertEquals(await kept(broker), ["1"]);
    await server.cli("persist", "{lws:t}:s");
    await until(async () => (await kept(broker)).length === 0, "it is too old");
    assertEquals(await server.cli("xlen", "{lws:t}:s"), "1");
    await publish(broker, "2");
    assertEquals(await kept(broker), ["2"]);
  });
});

REDIS.test("redis: all of a topic that is silent goes, the last of it not before its time", async () => {
  await withBroker({ historySize: 10, historyTtlMs: 80_000 }, async (broker, server) => {
    const left = async (key: string) => Number(await server.cli("pttl", key));
    await publish(broker, "1");
    const first = await left("{lws:t}:s");
    assertEquals(first > 80_000 && first <= 90_000, true, String(first));
    // As if a while had passed since then.
    const touched = Number(await server.cli("hget", "{lws:t}:m", "t"));
    await server.cli("hset", "{lws:t}:m", "t", String(touched - 20_000));
    await server.cli("pexpire", "{lws:t}:s", "70000");
    await publish(broker, "2");
    const second = await left("{lws:t}:s");
    assertEquals(second > 80_000, true, String(second));
    assertEquals(await left("{lws:t}:m") > 3_500_000, true, "positions outlive what is kept");
    await server.cli("pexpire", "{lws:t}:m", "1000000");
    const [top] = await broker.tops(["t"]);
    assertEquals(top!.offset > 0, true);
    assertEquals(await left("{lws:t}:m") > 3_500_000, true, "as long as they are asked for");
  });
});

REDIS.test("redis: without bounds nothing goes", async () => {
  const options = {
    historySize: Infinity,
    historyTtlMs: Infinity,
    historyBytes: Infinity,
    idempotencyMs: Infinity,
  };
  await withBroker(options, async (broker, server) => {
    const texts = Array.from({ length: 1_000 }, (_, i) => String(i));
    for (const text of texts) {
      await broker.publish("t", encoder.encode(text), { ...KEPT, id: text });
    }
    assertEquals(await kept(broker), texts);
    for (const key of ["{lws:t}:s", "{lws:t}:m", "{lws:t}:i:7"]) {
      assertEquals(await server.cli("pttl", key), "-1", key);
    }
  });
});

REDIS.test("redis: an id is known for its time, and not at all for none", async () => {
  await withBroker({ historySize: 10, idempotencyMs: 60_000 }, async (broker, server) => {
    const { offset } = await broker.publish("t", encoder.encode("1"), { ...KEPT, id: "a" });
    const left = Number(await server.cli("pttl", "{lws:t}:i:a"));
    assertEquals(left > 50_000 && left <= 60_000, true, String(left));
    await server.cli("del", "{lws:t}:i:a");
    const again = await broker.publish("t", encoder.encode("1"), { ...KEPT, id: "a" });
    assertEquals(again.offset, offset + 1);
  });
  await withBroker({ historySize: 10, idempotencyMs: 0 }, async (broker, server) => {
    await broker.publish("t", encoder.encode("1"), { ...KEPT, id: "a" });
    await broker.publish("t", encoder.encode("2"), { ...KEPT, id: "a" });
    assertEquals(await kept(broker), ["1", "2"]);
    assertEquals(await server.cli("keys", "*:i:*"), "");
  });
});

REDIS.test("redis: a topic that is only listened to leaves nothing in the server", async () => {
  await withBroker({ historySize: 10 }, async (broker, server) => {
    const topics = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
    await broker.subscribe(topics);
    await broker.tops(topics);
    for (const topic of topics.slice(0, 10)) await broker.history(topic, undefined, 10);
    assertEquals(await server.cli("dbsize"), "0");
    assertEquals(await server.cli("pubsub", "numsub", "{lws:t7}:c"), "{lws:t7}:c\n1");
    await broker.publish("t7", encoder.encode("x"), { isBinary: false, history: false });
    assertEquals(await server.cli("dbsize"), "0", "what is not kept, neither");
  });
});

REDIS.test("redis: prefixes and databases have topics of their own", async () => {
  await using server = await startRedis();
  const got: string[] = [];
  const clock = new EndingClock();
  const ends = [{ prefix: "a" }, { prefix: "b" }, { prefix: "a", database: 1 }].map(
    (options) => redisBroker({ url: server.url, historySize: 10, ...options }),
  );
  for (const [i, end] of ends.entries()) {
    const publication = (_topic: string, { data }: BrokerPublication) => {
      got.push(`${i}: ${decoder.decode(data)}`);
    };
    await end.start({ ...NOTHING, publication }, clock);
    await end.subscribe(["t"]);
  }
  for (const [i, end] of ends.entries()) await publish(end, String(i));
  await until(() => got.length >= 3, "all three");
  assertEquals(got.toSorted(), ["0: 0", "1: 1", "2: 2"]);
  for (const [i, end] of ends.entries()) assertEquals(await kept(end), [String(i)]);
  for (const end of ends) await end[Symbol.asyncDispose]();
});

REDIS.test("redis: several contexts with the same options have nodes of their own", async () => {
  await withBroker({ historySize: 10 }, async (broker) => {
    await using other = broker.openNode!();
    await other.start(NOTHING, new EndingClock());
    await publish(other, "1");
    assertEquals(await kept(broker), ["1"]);
  });
});

REDIS.test("redis: without a history nothing has a place, though other contexts keep one", async () => {
  await withBroker({ historySize: 10 }, async (broker, { url }) => {
    await using bare = redisBroker({ url });
    const clock = new EndingClock();
    const { promise, resolve } = Promise.withResolvers<BrokerPublication>();
    await bare.start(
      { ...NOTHING, publication: (_topic, publication) => resolve(publication) },
      clock,
    );
    await bare.subscribe(["t"]);
    await publish(broker, "1");
    const { epoch, offset } = await promise;
    assertEquals([epoch, offset], ["", 0]);
    assertEquals(await bare.tops(["t"]), [{ epoch, offset }]);
  });
});

REDIS.test("redis: a full memory is told by its name, and what is there can still be read", async () => {
  await withBroker({ historySize: 10 }, async (broker, server) => {
    await publish(broker, "1");
    await server.cli("config", "set", "maxmemory", "1");
    const error = await assertRejects(() => publish(broker, "2"), LwsError, "maxmemory");
    assertEquals(error.code, "broker-unavailable");
    assertEquals(await kept(broker), ["1"]);
    assertEquals((await broker.tops(["t"]))[0]!.offset > 0, true);
    await server.cli("config", "set", "maxmemory", "0");
    await publish(broker, "3");
    assertEquals(await kept(broker), ["1", "3"]);
  });
});

REDIS.test("redis: what other programs have put under our names makes room, and costs no other topic", async () => {
  await withBroker({ historySize: 10 }, async (broker, { cli }) => {
    const presence = broker.presence!;
    const member = { id: "a", key: "a", info: "1" };
    const topics = ["t", "other"];
    await publish(broker, "1");
    for (const key of ["nodes", "ended"]) await cli("set", `{lws}:${key}`, "odd");
    assertEquals((await presence.members("t", 10)).count, 0);
    await presence.tend(60_000, false, true);
    for (const key of ["m", "p"]) {
      await cli("del", `{lws:t}:${key}`);
      await cli("set", `{lws:t}:${key}`, "odd");
    }
    assertEquals((await broker.tops(topics)).map(({ offset }) => offset), [0, 0]);
    assertEquals((await broker.history("t", undefined, 10)).publications, []);
    assertEquals(await presence.members("t", 10), { count: 0, members: [] });
    await presence.join("t", member, false);
    await cli("hset", "{lws:t}:p", (await cli("hkeys", "{lws:t}:p")).replace("/a", "/odd"), "null");
    assertEquals((await presence.members("t", 10)).members[0], member);
    await publish(broker, "2");
    assertEquals(await kept(broker), ["2"]);
    const far = ["xadd", "{lws:t}:s", "9999999999999999-1", "odd", "odd"];
    for (const args of [["set", "{lws:t}:s", "odd"], far]) {
      await cli("set", "{lws:t}:i:id", "odd");
      await cli(...args);
      await kept(broker);
      const { offset } = await broker.publish("t", encoder.encode("3"), { ...KEPT, id: "id" });
      assertEquals(await kept(broker), ["3"]);
      assertEquals((await broker.tops(["t"]))[0]!.offset, offset);
    }
    await cli("set", "{lws:t}:p", "odd");
    await presence.leave("t", "a", false);
  });
});
