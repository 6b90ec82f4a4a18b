/** The limits of topics: each at the limit, and one past it. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Broker,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  DEFAULT_TOPIC_LIMITS,
  LwsError,
  memoryBroker,
  type TopicLimits,
  type Wsi,
} from "../../../mod.ts";
import { named } from "../../support/named.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve, type Served, settle } from "../../support/serve.ts";

async function open(topics: Partial<TopicLimits>, count = 1, broker?: Broker) {
  const all: Wsi[] = [];
  const closes: unknown[] = [];
  const served = serve([named("x", {
    established: (wsi) => void all.push(wsi),
    closed: (_wsi, _user, { code, cause }) => void closes.push([code, cause]),
  })], { topics, ...(broker !== undefined && { broker }) });
  const sockets = [];
  for (let i = 0; i < count; i++) sockets.push(await served.open());
  return {
    served: served as Served,
    all,
    sockets,
    closes,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

async function refused(call: () => Promise<unknown>, limit: string): Promise<void> {
  const error = await assertRejects(call, LwsError);
  assertEquals(error.code, "topic-limit");
  assertStringIncludes(error.message, limit);
}

Deno.test("maxPerConnection: as many topics, and one more once one is left", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxPerConnection: 3 }, 2);
  const [wsi, other] = rig.all as [Wsi, Wsi];
  for (const topic of ["1", "2", "3", "1"]) await wsi.subscribe(topic);
  await refused(() => wsi.subscribe("4"), "topics.maxPerConnection (3)");
  await other.subscribe("4");
  wsi.unsubscribe("2");
  await wsi.subscribe("4");
  assertEquals(wsi.topics, ["1", "3", "4"]);
});

Deno.test("peers that name topics without end fill no more of a broker's history than there is room for, and it is counted", async () => {
  using log = captureLog();
  await using rig = await open({}, 1, memoryBroker({ historySize: 9, historyTopics: 20 }));
  const { context } = rig.served;
  for (let room = 0; room < 20; room++) await context.publish(`/chat/${room}`, "hello");
  assertEquals(context.stats().limitsHit, {});
  await rig.all[0]!.publish("/chat/20", "hello");
  await rig.all[0]!.publish("/chat/21", "hello");
  assertEquals(context.stats().limitsHit, { "broker.historyTopics": 2 });
  assertEquals((await context.history("/chat/1")).publications.length, 0);
  assertEquals((await context.history("/chat/2")).publications.length, 1);
  assertEquals(log.lines.length, 1);
});

Deno.test("maxTopics: as many in all, known ones still, and one more once one has no subscriber", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxTopics: 2 }, 2);
  const [wsi, other] = rig.all as [Wsi, Wsi];
  await wsi.subscribe("1");
  await wsi.subscribe("2");
  await other.subscribe("1");
  await refused(() => other.subscribe("3"), "topics.maxTopics (2)");
  wsi.close();
  await other.subscribe("3");
  assertEquals(other.topics, ["1", "3"]);
});

Deno.test("maxPublication: as many bytes, those of a text in UTF-8", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxPublication: 6 });
  const { context } = rig.served;
  await rig.all[0]!.subscribe("t");
  await context.publish("t", "äöü");
  await refused(() => context.publish("t", "äöüx"), "topics.maxPublication (6)");
  await refused(() => rig.all[0]!.publish("t", new Uint8Array(7)), "has 7 bytes");
  await context.publish("t", new Uint8Array(6));
  assertEquals(await rig.sockets[0]!.receiveText(), "äöü");
  assertEquals((await rig.sockets[0]!.receive()).payload.length, 6);
});

Deno.test("the default of maxPublication is 64 KiB, which goes through whole", async () => {
  using _log = captureLog([]);
  await using rig = await open({});
  await rig.all[0]!.subscribe("t");
  await rig.served.context.publish("t", new Uint8Array(65_536));
  assertEquals((await rig.sockets[0]!.receive()).payload.length, 65_536);
  await refused(() => rig.served.context.publish("t", new Uint8Array(65_537)), "maxPublication");
});

Deno.test("maxUnsent: at the limit a subscriber is sent more, past it it is closed with 1013, and the others miss nothing", async () => {
  using log = captureLog();
  await using rig = await open({ maxUnsent: 100_000 }, 3);
  const [slow, fast, writer] = rig.all as [Wsi, Wsi, Wsi];
  for (const wsi of [slow, fast]) await wsi.subscribe("t");
  rig.sockets[0]!.peer.transport.stopReading();
  slow.write(new Uint8Array(1_000));
  await settle();
  // What is on its way already is unsent as well.
  slow.write(new Uint8Array(100_000 - slow.unsentBytes - 10));
  assertEquals(slow.unsentBytes, 100_000, "the header of the last has ten bytes at most");
  await writer.publish("t", "at the limit");
  assertEquals(slow.topics, ["t"]);
  assert(slow.unsentBytes > 100_000);
  await writer.publish("t", "past it");
  await writer.publish("t", "after it");
  assertEquals([slow.topics, rig.served.context.subscriberCount("t")], [[], 1]);
  assertEquals(slow.write("closing"), -1);
  const got = [];
  for (let i = 0; i < 3; i++) got.push(await rig.sockets[1]!.receiveText());
  assertEquals(got, ["at the limit", "past it", "after it"]);
  assertEquals(log.lines.length, 1);
  assertStringIncludes(log.lines[0]!, "topics.maxUnsent (100000)");
  assertEquals(rig.closes, []);
  await rig.served.pass(10_000);
  assertEquals(rig.closes, [[1013, "unsent"]]);
});

Deno.test("one that reads on gets all that was unsent, and then the 1013", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxUnsent: 10_000 });
  const [wsi] = rig.all as [Wsi];
  await wsi.subscribe("t");
  wsi.write(new Uint8Array(10_000));
  await rig.served.context.publish("t", "too late");
  assertEquals((await rig.sockets[0]!.receive()).payload.length, 10_000);
  const close = { code: 1013, reason: "the subscriber reads too slowly" };
  assertEquals(await rig.sockets[0]!.receiveClose(), close);
});

Deno.test("a client that reads slowly is closed by itself, too", async () => {
  using _log = captureLog([]);
  const closes: unknown[] = [];
  await using served = serve([named("server", {
    closed: (_wsi, _user, { code, reason }) => void closes.push([code, reason]),
  })]);
  const client = record("client");
  const context = served.client([client.protocol], { topics: { maxUnsent: 10_000 } });
  const wsi = context.clientConnect({ address: "memory", port: 80 });
  await client.until("clientEstablished");
  await wsi.subscribe("t");
  wsi.write(new Uint8Array(10_000));
  await context.publish("t", "too late");
  await settle();
  assertEquals(closes, [[1013, "the subscriber reads too slowly"]]);
});

Deno.test("maxMemberInfo: as many bytes of JSON in UTF-8, and one more is refused and changes nothing", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxMemberInfo: 8 });
  const [wsi] = rig.all as [Wsi];
  const { presence } = rig.served.context;
  await presence.join(wsi, "t", { info: "äöü" });
  await refused(() => presence.join(wsi, "t", { info: "äöüx" }), "topics.maxMemberInfo (8)");
  await refused(() => presence.join(wsi, "u", { info: [1, 2, 3, 4] }), "has 9 bytes");
  assertEquals((await presence.list("t"))[0]!.info, "äöü");
  assertEquals(await presence.count("u"), 0);
  assertEquals(rig.served.context.stats().limitsHit["topics.maxMemberInfo"], 2);
});

Deno.test("the default of maxMemberInfo is 1 KiB", async () => {
  using _log = captureLog([]);
  await using rig = await open({});
  const { presence } = rig.served.context;
  await presence.join(rig.all[0]!, "t", { info: "x".repeat(1_022) });
  await refused(() => presence.join(rig.all[0]!, "t", { info: "x".repeat(1_023) }), "(1024)");
});

for (const broker of [undefined, memoryBroker()]) {
  const how = broker === undefined ? "without a broker" : "with one";
  Deno.test(`maxPerConnection: a connection is in as many topics, and in one more once it has left one, ${how}`, async () => {
    using _log = captureLog([]);
    await using rig = await open({ maxPerConnection: 2 }, 2, broker);
    const [wsi, other] = rig.all as [Wsi, Wsi];
    const { presence } = rig.served.context;
    for (const topic of ["1", "2", "1"]) await presence.join(wsi, topic);
    await refused(() => presence.join(wsi, "3"), "topics.maxPerConnection (2)");
    await presence.join(other, "3");
    await presence.leave(wsi, "1");
    await presence.join(wsi, "3");
    const counts = ["1", "2", "3"].map((topic) => presence.count(topic));
    assertEquals(await Promise.all(counts), [0, 1, 2]);
    await wsi.subscribe("4");
    await wsi.subscribe("5");
  });
}

Deno.test("maxMembers: as many keys are listed at once, and without a broker all are counted and told", async () => {
  using _log = captureLog([]);
  await using rig = await open({ maxMembers: 2 }, 3);
  const { presence } = rig.served.context;
  for (const wsi of rig.all.slice(0, 2)) await presence.join(wsi, "t");
  assertEquals((await presence.list("t")).length, 2);
  await presence.join(rig.all[2]!, "t");
  assertEquals([(await presence.list("t")).length, await presence.count("t")], [2, 3]);
  assertEquals((await presence.list("t", { limit: 2 })).length, 2);
  await assertRejects(() => presence.list("t", { limit: 3 }), LwsError, "from 1 to 2");
});

Deno.test("limits of topics are refused by name, and have their defaults", () => {
  const wrong: Record<string, unknown>[] = [
    { maxUnsent: -1 },
    { maxPerConnection: 0 },
    { maxTopics: 0.5 },
    { maxPublication: "1" },
    { maxPublications: 1 },
    { maxMembers: 0 },
    { maxMemberInfo: 3 },
  ];
  for (const topics of wrong) {
    const create = () =>
      createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [record("x").protocol], topics });
    const error = assertThrows(create, LwsError);
    assertEquals(error.code, "invalid-option");
    assertStringIncludes(error.message, `topics.${Object.keys(topics)[0]} is `);
  }
  assertEquals(DEFAULT_TOPIC_LIMITS.maxUnsent, 1_048_576);
});
