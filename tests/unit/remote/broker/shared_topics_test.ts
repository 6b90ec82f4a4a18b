/** Which ports have which topics, and what the broker hears of it. */

import { assertEquals, assertRejects } from "@std/assert";
import type { BrokerPublication } from "../../../../src/api/topics/broker.ts";
import {
  type SharedTopic,
  SharedTopics,
  type TopicPort,
} from "../../../../src/remote/broker/shared_topics.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";
import { memoryBroker } from "../../../../mod.ts";
import { captureLog } from "../../../support/recorder.ts";
import { settle } from "../../../support/serve.ts";

class Port implements TopicPort {
  readonly topics: Set<SharedTopic> = new Set();
  readonly got: string[] = [];

  tell(topic: string): void {
    this.got.push(topic);
  }

  get names(): string[] {
    return [...this.topics].map(({ name }) => name);
  }
}

const SOME: BrokerPublication = {
  epoch: "e",
  offset: 1,
  data: new Uint8Array(),
  isBinary: false,
};

async function rig() {
  const broker = faultyBroker(memoryBroker());
  await broker.start({ publication() {}, interrupted() {}, state() {} }, new FakeClock());
  broker.calls.length = 0;
  const topics = new SharedTopics(broker);
  return { broker, topics, ports: [new Port(), new Port()] as const };
}

Deno.test("the broker is subscribed to once for all ports, and left by the last", async () => {
  const { broker, topics, ports: [one, two] } = await rig();
  await topics.subscribe(one, ["a", "b"]);
  await topics.subscribe(two, ["b", "c"]);
  await topics.subscribe(two, ["b", "c"]);
  assertEquals(broker.calls, ["subscribe a,b", "subscribe c"]);
  for (const name of ["a", "b", "c", "d"]) topics.publication(name, SOME);
  assertEquals([one.got, two.got], [["a", "b"], ["b", "c"]]);
  broker.calls.length = 0;
  await topics.unsubscribe(one, ["a", "b", "c"]);
  assertEquals(broker.calls, ["unsubscribe a"]);
  topics.drop(two);
  assertEquals(broker.calls, ["unsubscribe a", "unsubscribe b,c"]);
  assertEquals([topics.size, one.names, two.names], [0, [], []]);
});

Deno.test("a port that comes while another one's subscription is under way waits for it, and fails with it", async () => {
  const { broker, topics, ports: [one, two] } = await rig();
  const held = broker.hold("subscribe");
  broker.fail("subscribe");
  const first = topics.subscribe(one, ["a"]);
  const second = topics.subscribe(two, ["a"]);
  assertEquals(broker.calls, ["subscribe a"]);
  held.release();
  await assertRejects(() => first, Error, "ordered to fail");
  await assertRejects(() => second, Error, "ordered to fail");
  assertEquals([topics.size, one.names, two.names], [0, [], []]);
  await topics.subscribe(two, ["a"]);
  topics.publication("a", SOME);
  assertEquals([one.got, two.got], [[], ["a"]]);
});

Deno.test("one that fails takes nothing along that its port had before", async () => {
  const { broker, topics, ports: [one] } = await rig();
  await topics.subscribe(one, ["a"]);
  broker.fail("subscribe");
  await assertRejects(() => topics.subscribe(one, ["a", "b"]));
  assertEquals(one.names, ["a"]);
});

Deno.test("a port that leaves and comes again is in, and the broker hears of it in that order", async () => {
  const { broker, topics, ports: [one] } = await rig();
  const held = broker.hold("subscribe");
  const calls = [
    topics.subscribe(one, ["a"]),
    topics.unsubscribe(one, ["a"]),
    topics.subscribe(one, ["a"]),
  ];
  held.release();
  await Promise.all(calls);
  assertEquals(broker.calls, ["subscribe a", "unsubscribe a", "subscribe a"]);
  topics.publication("a", SOME);
  assertEquals(one.got, ["a"]);
});

Deno.test("a broker that was away has forgotten all; what was under way is to be tried again", async () => {
  const { broker, topics, ports: [one, two] } = await rig();
  await topics.subscribe(one, ["a"]);
  const held = broker.holdAnswer("subscribe");
  const late = topics.subscribe(two, ["b"]);
  await settle();
  topics.forget();
  assertEquals([topics.size, one.names, two.names], [0, [], []]);
  held.release();
  await assertRejects(() => late, Error, "went away meanwhile");
  await topics.subscribe(one, ["a"]);
  assertEquals(broker.calls, ["subscribe a", "subscribe b", "subscribe a"]);
});

Deno.test("many topics of a port that is gone are left at once, a thousand a call", async () => {
  using log = captureLog(["err", "warn", "info"]);
  const { broker, topics, ports: [one] } = await rig();
  const names = Array.from({ length: 2_500 }, (_, i) => `t${i}`);
  await topics.subscribe(one, names);
  broker.calls.length = 0;
  broker.fail("unsubscribe");
  topics.drop(one);
  assertEquals(broker.calls.map((call) => call.split(",").length), [1_000, 1_000, 500]);
  await settle();
  assertEquals(log.lines, ["info: shareBroker: unsubscribe: ordered to fail"]);
});
