/** What becomes of publications through the faults of a Redis, and of the connections to it. */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { redisBroker, type RedisBrokerOptions } from "../../../src/brokers/redis/mod.ts";
import { message, Played } from "../../unit/topics/played_subscriber.ts";
import { captureLog } from "../../support/recorder.ts";
import { EndingClock, Node, until } from "./node.ts";
import { startProxy } from "./proxy.ts";
import { REDIS, type RedisProcess, type RedisSetup, startRedis } from "./redis_server.ts";

interface Stage {
  readonly server: RedisProcess;
  /** Two nodes, of which the second publishes. */
  readonly near: Node;
  readonly far: Node;
}

/** A test with a server of its own, and two nodes. */
function test(
  name: string,
  setup: RedisSetup,
  options: Omit<RedisBrokerOptions, "url">,
  run: (stage: Stage) => Promise<void>,
): void {
  REDIS.test(`redis: ${name}`, async () => {
    using _log = captureLog();
    await using server = await startRedis(setup);
    const made = () => redisBroker({ url: server.url, ...options });
    await using near = new Node(made());
    await using far = new Node(made());
    await run({ server, near, far });
  });
}

const KEEPS = { historySize: 100 };

function incompressible(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return String.fromCharCode(...bytes.map((byte) => 33 + byte % 90));
}
const TRUSTS = { ...KEEPS, restartKeepsEpoch: true };

test(
  "a server that starts anew with its data is told as a gap, once, before what follows",
  {
    appendonly: true,
  },
  KEEPS,
  async ({ server, near, far }) => {
    const [subscriber, silent] = [await near.join("t"), await near.join("silent")];
    const first = await far.publish("t", "1");
    await near.has(subscriber, "1");
    await server.restart();
    await far.publish("t", "2", "3");
    await near.has(subscriber, "3");
    assertEquals(subscriber.got, ["1", "(gap: epoch)", "2", "3"]);
    await far.publish("silent", "a");
    await near.has(silent, "a");
    assertEquals(silent.got, ["(gap: epoch)", "a"], "what was never heard of may be lost, too");
    assertEquals(near.states, [false, true]);
    const late = new Played();
    const { recovered } = await near.hub.subscribe(late, "t", first);
    assertEquals([recovered, late.got], [false, ["2", "3"]]);
  },
);

test(
  "a server that is trusted starts anew, and nothing is missed",
  {
    appendonly: true,
  },
  TRUSTS,
  async ({ server, near, far }) => {
    const subscriber = await near.join("t");
    const first = await far.publish("t", "1", "2");
    await near.has(subscriber, "2");
    await server.restart();
    await far.publish("t", "3");
    await near.has(subscriber, "3");
    assertEquals(subscriber.got, ["1", "2", "3"]);
    const late = new Played();
    const { recovered, count } = await near.hub.subscribe(late, "t", first);
    assertEquals([recovered, count, late.got], [true, 1, ["3"]]);
  },
);

test("a server that is trusted and has lost its data is found out", {}, TRUSTS, async ({
  server,
  near,
  far,
}) => {
  const subscriber = await near.join("t");
  await far.publish("t", "1", "2");
  await near.has(subscriber, "2");
  await server.restart();
  await far.publish("t", "3");
  await near.has(subscriber, "3");
  assertEquals(subscriber.got[2]?.startsWith("(gap"), true, subscriber.got.join());
  assertEquals([...subscriber.got.slice(0, 2), ...subscriber.got.slice(3)], ["1", "2", "3"]);
});

test("a server that was set back to an elder state is told as a gap", {}, KEEPS, async ({
  server,
  near,
  far,
}) => {
  const subscriber = await near.join("t");
  await far.publish("t", "1");
  await server.cli("save");
  await far.publish("t", "2", "3");
  await near.has(subscriber, "3");
  await server.restart();
  await far.publish("t", "4");
  await near.has(subscriber, "4");
  assertEquals(subscriber.got, ["1", "2", "3", "(gap: epoch)", "4"]);
});

test("a live feed that is cut misses nothing", {}, KEEPS, async ({ server, near, far }) => {
  const topics = Array.from({ length: 2_500 }, (_, i) => `t${i}`);
  const all = await Promise.all(topics.map((topic) => near.join(topic)));
  await far.publish("t7", "1");
  await near.has(all[7]!, "1");
  const lost = until(() => near.states.length > 0, "it has heard");
  await server.cli("client", "kill", "type", "pubsub");
  await far.publish("t7", "2");
  await lost;
  await far.publish("t7", "3");
  await far.publish("t2499", "a");
  await Promise.all([near.has(all[7]!, "3"), near.has(all[2499]!, "a")]);
  assertEquals([all[7]!.got, all[2499]!.got], [["1", "2", "3"], ["a"]]);
  assertEquals(near.states, [false, true]);
});

test(
  "what is on its way when the commands' connection is cut happens once, and nothing else",
  {},
  KEEPS,
  async ({
    server,
    near,
    far,
  }) => {
    const subscriber = await near.join("t");
    // Without a subscription its connection for that would be cut, too.
    await far.join("u");
    const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
    const sent = Promise.all(texts.map((text) => far.publish("t", text)));
    await server.cli("client", "kill", "type", "normal");
    await sent;
    await far.publish("t", "end");
    await near.has(subscriber, "end");
    assertEquals(subscriber.got.toSorted(), [...texts, "end"].toSorted());
    assertEquals([near.states, far.states], [[], []], "the live feed goes on");
  },
);

test("a server that loads its data says so, and is used when it has", {}, TRUSTS, async ({
  server,
  near,
  far,
}) => {
  const subscriber = await near.join("t");
  await far.publish("t", "1");
  for (let i = 0; i < 20; i++) await far.publish(`other ${i}`, incompressible(3_000));
  await near.has(subscriber, "1");
  await server.cli("save");
  // Hundredths of a second for each key.
  const slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
  const restarted = server.restart(slow);
  const said: string[] = [];
  await until(async () => {
    const { message: text } = await far.hub.publish("t", message("lost")).then(
      () => ({ message: "taken" }),
      (error: LwsError) => error,
    );
    said.push(text);
    return text.includes("is loading its data");
  }, "it loads");
  assertEquals(said.includes("taken"), false);
  await restarted;
  await far.publish("t", "2");
  await near.has(subscriber, "2");
  assertEquals(subscriber.got, ["1", "2"]);
});

test("scripts that the server has forgotten are told it again", {}, KEEPS, async ({
  server,
  near,
  far,
}) => {
  const subscriber = await near.join("t");
  const first = await far.publish("t", "1");
  await server.cli("script", "flush");
  await far.publish("t", "2");
  await near.has(subscriber, "2");
  await server.cli("script", "flush");
  const { publications } = await near.hub.history("t", { since: first, limit: 10 });
  await server.cli("script", "flush");
  const late = await near.join("u");
  await far.publish("u", "a");
  await near.has(late, "a");
  assertEquals([publications.length, subscriber.got], [1, ["1", "2"]]);
});

for (const [name, keys] of [["count", "m"], ["stream", "s"], ["count and stream", "ms"]]) {
  test(
    `a ${name} that was evicted: those that hear all miss nothing, and a resume is told`,
    {},
    KEEPS,
    async ({
      server,
      near,
      far,
    }) => {
      const subscriber = await near.join("t");
      const first = await far.publish("t", "1");
      await far.publish("t", "2");
      await near.has(subscriber, "2");
      for (const key of keys!) assertEquals(await server.cli("del", `{lws:t}:${key}`), "1");
      await far.publish("t", "3");
      await near.has(subscriber, "3");
      assertEquals(subscriber.got, ["1", "2", "3"]);
      const late = new Played();
      // What a node has at hand is whole; another one has to ask.
      const { recovered } = await far.hub.subscribe(late, "t", first);
      await far.publish("t", "4");
      await far.has(late, "4");
      assertEquals([recovered, late.got.at(-1)], [false, "4"]);
    },
  );
}

REDIS.test("redis: an acknowledgement that is lost, and the publication repeated with its id", async () => {
  using _log = captureLog();
  await using server = await startRedis();
  await using proxy = startProxy(server.port);
  await using near = new Node(redisBroker({ url: server.url, ...KEEPS }));
  await using far = new Node(redisBroker({ url: proxy.url, ...KEEPS }));
  const subscriber = await near.join("t");
  await far.publish("t", "1");
  proxy.holdAnswers();
  const rejected = assertRejects(() => far.hub.publish("t", message("2"), { id: "a" }), LwsError);
  await near.has(subscriber, "2");
  proxy.letNew();
  proxy.cut();
  assertEquals((await rejected).code, "broker-unavailable");
  await until(async () => {
    try {
      await far.hub.publish("t", message("2"), { id: "a" });
      return true;
    } catch {
      return false;
    }
  }, "it is repeated");
  await far.publish("t", "3");
  await near.has(subscriber, "3");
  assertEquals(subscriber.got, ["1", "2", "3"]);
});

REDIS.test("redis: a live feed that is dead without a word is found, and nothing is missed", async () => {
  using _log = captureLog();
  await using server = await startRedis();
  await using proxy = startProxy(server.port);
  await using near = new Node(redisBroker({ url: proxy.url, ...KEEPS }), { positionCheckMs: 500 });
  await using far = new Node(redisBroker({ url: server.url, ...KEEPS }));
  const subscriber = await near.join("t");
  await far.publish("t", "1");
  await near.has(subscriber, "1");
  proxy.holdAnswersOf("subscribe");
  await far.publish("t", "2");
  await near.has(subscriber, "2");
  await until(() => near.states.length === 2, "it has made its feed anew");
  await far.publish("t", "3");
  await near.has(subscriber, "3");
  assertEquals([subscriber.got, near.states], [["1", "2", "3"], [false, true]]);
});

REDIS.test("redis: a server that is gone without a word is found by asking it, and each attempt ends", async () => {
  using _log = captureLog();
  await using server = await startRedis();
  await using proxy = startProxy(server.port);
  await using broker = redisBroker({ url: proxy.url, ...KEEPS });
  const clock = new EndingClock(50);
  const states: boolean[] = [];
  const state = (isUp: boolean) => states.push(isUp);
  await broker.start({ publication() {}, interrupted() {}, state }, clock);
  await until(() => proxy.count === 2, "both connections are there");
  proxy.holdAnswers();
  await until(() => states.length === 1, "it is found");
  const { held } = proxy;
  await until(() => proxy.held > held + 1, "it is tried again, and again");
  proxy.letNew();
  await until(() => states.length === 2, "it is there");
  assertEquals(states, [false, true]);
  clock.end();
});
