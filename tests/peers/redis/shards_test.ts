/** Several servers, of which each has a part of the topics: what fails of one costs the others nothing. */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import { message, type Played } from "../../unit/topics/played_subscriber.ts";
import { freePort } from "../../support/free_port.ts";
import { captureLog } from "../../support/recorder.ts";
import { Node, until } from "./node.ts";
import { REDIS, startRedis } from "./redis_server.ts";

const TOPICS = Array.from({ length: 40 }, (_, i) => `topic ${i}`);

REDIS.test("redis, three servers: one that is away keeps its own topics waiting, and nothing is missed", async () => {
  using _log = captureLog();
  await using one = await startRedis({ appendonly: true });
  await using two = await startRedis();
  await using three = await startRedis();
  const make = () =>
    redisBroker({
      url: [one.url, two.url, three.url],
      historySize: 100,
      restartKeepsEpoch: true,
    });
  await using near = new Node(make());
  await using far = new Node(make());
  const all = new Map<string, Played>();
  for (const topic of TOPICS) all.set(topic, await near.join(topic));
  for (const topic of TOPICS) await far.publish(topic, "1");
  const counts = await Promise.all([one, two, three].map(({ cli }) => cli("dbsize")));
  assertEquals(counts.every((count) => Number(count) > 10), true, counts.join());

  await one.kill();
  const away: string[] = [];
  const there: string[] = [];
  for (const topic of TOPICS) {
    try {
      await far.hub.publish(topic, message("2"));
      there.push(topic);
    } catch (error) {
      assertEquals((error as LwsError).code, "broker-unavailable");
      away.push(topic);
    }
  }
  assertEquals(away.length > 3 && there.length > 10, true, `${away.length}, ${there.length}`);
  for (const topic of there) await near.has(all.get(topic)!, "2");
  // New topics of the others open at once, beside those that can't.
  const fresh = Array.from({ length: 40 }, (_, i) => `fresh ${i}`);
  const joined = fresh.map((topic) => near.join(topic));
  await Promise.any(joined);
  assertEquals([near.states, far.states], [[], []], "the broker as a whole is there");

  await one.restart();
  await Promise.all(joined);
  for (const topic of away) await far.publish(topic, "2");
  for (const topic of TOPICS) {
    await far.publish(topic, "3");
    await near.has(all.get(topic)!, "3");
    assertEquals(all.get(topic)!.got, ["1", "2", "3"], topic);
  }
});

REDIS.test("redis, two servers: when all are away the program hears of it, and when one is there again", async () => {
  using _log = captureLog();
  await using one = await startRedis();
  await using two = await startRedis();
  await using near = new Node(redisBroker({ url: [one.url, two.url], historySize: 100 }));
  await using far = new Node(redisBroker({ url: [two.url, one.url], historySize: 100 }));
  const all = new Map<string, Played>();
  for (const topic of TOPICS) all.set(topic, await near.join(topic));
  for (const topic of TOPICS) await far.publish(topic, "1");
  for (const topic of TOPICS) await near.has(all.get(topic)!, "1");
  await one.kill();
  await two.kill();
  await until(() => near.states.length === 1, "it is told");
  await two.restart();
  await until(() => near.states.length === 2 && far.states.length === 2, "it is told again");
  const back: string[] = [];
  for (const topic of TOPICS) {
    try {
      await far.hub.publish(topic, message("2"));
      back.push(topic);
    } catch { /* Of the other one. */ }
  }
  assertEquals(back.length > 0 && back.length < TOPICS.length, true);
  for (const topic of back) await near.has(all.get(topic)!, "2");
  await one.restart();
  for (const topic of TOPICS) {
    await far.publish(topic, "3");
    await near.has(all.get(topic)!, "3");
    const { got } = all.get(topic)!;
    const expected = back.includes(topic)
      ? ["1", "(gap: epoch)", "2", "3"]
      : ["1", "(gap: epoch)", "3"];
    assertEquals(got, expected, topic);
  }
  assertEquals(near.states, [false, true]);
});

REDIS.test("redis, two servers: one that is not there at first is there later", async () => {
  using _log = captureLog();
  const port = freePort();
  await using one = await startRedis();
  const url = [one.url, `redis://127.0.0.1:${port}`];
  await using near = new Node(redisBroker({ url, historySize: 100 }));
  const joined = TOPICS.map((topic) => near.join(topic));
  await Promise.any(joined);
  await assertRejects(async () => {
    for (const topic of TOPICS) await near.hub.publish(topic, message("lost"));
  }, LwsError);
  await using _two = await startRedis({ port });
  const all = await Promise.all(joined);
  for (const [i, topic] of TOPICS.entries()) {
    await near.publish(topic, "1");
    await near.has(all[i]!, "1");
  }
  assertEquals(near.states, []);
});
