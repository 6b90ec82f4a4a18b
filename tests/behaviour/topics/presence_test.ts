/** Presence of contexts without a broker and with one, alone and several together. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Broker,
  type Context,
  type ContextCreationInfo,
  LwsError,
  memoryBroker,
  type PresenceChange,
  type PresenceEntry,
  type Protocol,
  type Publication,
  type ServicePolicy,
  type Wsi,
} from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

function shown({ key, info, connections }: PresenceEntry): string {
  return `${key} ${JSON.stringify(info)} ${connections}`;
}

/** What a change says, in one line. */
function line({ topic, joins, updates, leaves }: PresenceChange): string {
  const part = (name: string, entries: readonly PresenceEntry[]) =>
    entries.map((entry) => ` ${name} ${shown(entry)}`).join("");
  return topic + part("+", joins) + part("=", updates) + part("-", leaves);
}

async function listed(context: Context, topic: string): Promise<string[]> {
  return (await context.presence.list(topic)).map(shown).toSorted();
}

/** A protocol of whose connections the first `hearing` subscribe to "t", and what those are told. */
function hearing(isSubscribing = true) {
  const all: Wsi[] = [];
  const told: string[][] = [];
  const enter = (wsi: Wsi) => {
    all.push(wsi);
    told.push([]);
    if (isSubscribing) wsi.subscribe("t");
  };
  const protocol = named("x", {
    established: enter,
    clientEstablished: enter,
    presence: (wsi, _user, change) => void told[all.indexOf(wsi)]!.push(line(change)),
  });
  return { all, told, protocol };
}

const KEEPS = { historySize: 100 };

const BROKERS: readonly [how: string, make: () => Broker | undefined][] = [
  ["without a broker", () => undefined],
  ["with a broker", () => memoryBroker()],
  ["with a history", () => memoryBroker(KEEPS)],
];

function infoOf(broker: Broker | undefined): Partial<ContextCreationInfo> {
  return broker === undefined ? {} : { broker };
}

for (const [how, make] of BROKERS) {
  Deno.test(`connections of a key come with the first and go with the last of them, ${how}`, async () => {
    const { all, told, protocol } = hearing();
    await using served = serve([protocol], infoOf(make()));
    const { context, context: { presence } } = served;
    const sockets = [await served.open(), await served.open(), await served.open()];
    await settle();
    const [a, b, watcher] = all as [Wsi, Wsi, Wsi];
    await presence.join(a, "t", { key: "ada", info: { nick: "Ada" } });
    await settle();
    await presence.join(b, "t", { key: "ada", info: { nick: "Ada" } });
    await settle();
    assertEquals(told[2], ['t + ada {"nick":"Ada"} 1']);
    assertEquals(await listed(context, "t"), ['ada {"nick":"Ada"} 2']);
    assertEquals(await presence.count("t"), 1);
    await presence.join(watcher, "t");
    assertEquals(await presence.count("t"), 2);
    await presence.leave(a, "t");
    await settle();
    assertEquals(told[2]!.slice(2), [], "one of the key is there");
    sockets[1]!.peer.close();
    await settle();
    assertEquals(told[2]!.at(-1), 't - ada {"nick":"Ada"} 0');
    assertEquals(told[2]!.length, 3);
    assertEquals(told[0], told[2], "all subscribers are told the same");
    const [own] = await presence.list("t");
    assertEquals([own!.info, own!.connections], [null, 1]);
    await presence.leave(watcher, "t");
    await presence.leave(watcher, "t");
    await presence.leave(a, "u");
    assertEquals([await presence.count("t"), await listed(context, "t")], [0, []]);
  });

  Deno.test(`joining again changes what was given, and tells it, ${how}`, async () => {
    const { all, told, protocol } = hearing();
    await using served = serve([protocol], infoOf(make()));
    const { context, context: { presence } } = served;
    await served.open();
    await settle();
    const [wsi] = all as [Wsi];
    const steps = [
      { key: "ada", info: 1 },
      { key: "ada", info: 1 },
      { info: [2] },
      {},
      { key: "bob" },
      { info: null },
    ];
    for (const options of steps) {
      await presence.join(wsi, "t", options);
      await settle();
    }
    assertEquals(told[0], [
      "t + ada 1 1",
      "t = ada [2] 1",
      "t + bob [2] 1 - ada [2] 0",
      "t = bob null 1",
    ]);
    assertEquals(await listed(context, "t"), ["bob null 1"]);
  });

  Deno.test(`a connection is in many topics, without subscribing, until it closes, ${how}`, async () => {
    using _log = captureLog([]);
    const { all, told, protocol } = hearing(false);
    await using served = serve([protocol], infoOf(make()));
    const { presence } = served.context;
    const sockets = [await served.open(), await served.open()];
    const [wsi, watcher] = all as [Wsi, Wsi];
    await watcher.subscribe("u");
    for (const topic of ["t", "u", "v"]) await presence.join(wsi, topic, { key: "k" });
    await settle();
    assertEquals(told, [[], ["u + k null 1"]], "what is no subscriber is told nothing");
    assertEquals(wsi.topics, []);
    sockets[0]!.send({ opcode: 8, payload: "" });
    await settle();
    for (const topic of ["t", "u", "v"]) assertEquals(await presence.count(topic), 0, topic);
    assertEquals(told[1], ["u + k null 1", "u - k null 0"]);
    const error = await assertRejects(() => presence.join(wsi, "t"), LwsError);
    assertEquals(error.code, "invalid-state");
  });

  Deno.test(`encode makes messages of those that join and leave, others are sent nothing of them, ${how}`, async () => {
    const all: Wsi[] = [];
    const enter = (wsi: Wsi) => {
      all.push(wsi);
      wsi.subscribe("t");
    };
    const coded: Protocol = {
      ...named("coded", { established: enter }),
      encode: ({ presence, member, data }: Publication) =>
        JSON.stringify([presence, member?.key, member?.info, new TextDecoder().decode(data)]),
    };
    const plain = named("plain", { established: enter });
    await using served = serve([coded, plain], infoOf(make()));
    const sockets = [
      await served.open({ protocol: "coded" }),
      await served.open({ protocol: "plain" }),
    ];
    await settle();
    const { context, context: { presence } } = served;
    await presence.join(all[0]!, "t", { key: "ada", info: { a: 1 } });
    await context.publish("t", "1");
    await presence.leave(all[0]!, "t");
    await context.publish("t", "2");
    const got: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const [kind, key, info, text] = JSON.parse(await sockets[0]!.receiveText());
      got.push([kind, key, info]);
      if (kind === null) got.push(text);
      else assertEquals(JSON.parse(text).info, '{"a":1}');
    }
    assertEquals(got, [
      ["join", "ada", { a: 1 }],
      [null, null, null],
      "1",
      ["leave", "ada", { a: 1 }],
      [null, null, null],
      "2",
    ]);
    assertEquals([await sockets[1]!.receiveText(), await sockets[1]!.receiveText()], ["1", "2"]);
  });
}

Deno.test("contexts with the same broker have their members in common, those of clients as well", async () => {
  using _log = captureLog([]);
  const broker = memoryBroker(KEEPS);
  const [here, there, far] = [hearing(), hearing(), hearing()];
  await using one = serve([here.protocol], { broker });
  await using two = serve([there.protocol], { broker });
  const client = one.client([far.protocol], { broker });
  const [first] = [await one.open(), await two.open()];
  client.clientConnect({ address: "memory", port: 80 });
  await settle();
  await one.context.presence.join(here.all[0]!, "t", { key: "ada" });
  await two.context.presence.join(there.all[0]!, "t", { key: "ada" });
  await client.presence.join(far.all[0]!, "t", { key: "bob", info: "far" });
  await settle();
  for (const context of [one.context, two.context, client]) {
    assertEquals(await listed(context, "t"), ["ada null 2", 'bob "far" 1']);
    assertEquals(await context.presence.count("t"), 2);
  }
  const expected = ["t + ada null 1", 't + bob "far" 1'];
  assertEquals([here.told[0], there.told[0], far.told[0]], [expected, expected, expected]);
  first.peer.close();
  await settle();
  assertEquals(await listed(client, "t"), ["ada null 1", 'bob "far" 1']);
  await client.destroy();
  await settle();
  assertEquals(await listed(two.context, "t"), ["ada null 1"]);
  assertEquals(there.told[0]!.slice(2), ['t - bob "far" 0'], "at once, not with the lease");
  await assertRejects(() => client.presence.list("t"), LwsError, "list: the context is destroyed");
  await assertRejects(
    () => client.presence.count("t"),
    LwsError,
    "count: the context is destroyed",
  );
});

Deno.test("members of a context that stops without a word go within 20 s, once, and come again with it", async () => {
  using _log = captureLog([]);
  const store = memoryBroker(KEEPS);
  const clock = new FakeClock();
  const lost = faultyBroker(store);
  const [here, there, also] = [hearing(), hearing(), hearing()];
  await using one = serve([here.protocol], { broker: lost, clock });
  await using two = serve([there.protocol], { broker: store, clock });
  await using three = serve([also.protocol], { broker: store, clock });
  for (const served of [one, two, three]) await served.open();
  await settle();
  await one.context.presence.join(here.all[0]!, "t", { key: "ghost" });
  await two.context.presence.join(there.all[0]!, "t", { key: "two" });
  await settle();
  assertEquals(there.told[0], ["t + ghost null 1", "t + two null 1"]);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) await two.pass(Math.min(left, 1_000));
  };
  await pass(60_000);
  assertEquals(await two.context.presence.count("t"), 2, "leases are renewed");
  lost.stop();
  await settle();
  await pass(9_000);
  assertEquals(await two.context.presence.count("t"), 2, "its lease lasts");
  await pass(11_000);
  for (const { told } of [there, also]) {
    assertEquals(told[0], ["t + ghost null 1", "t + two null 1", "t - ghost null 0"]);
  }
  assertEquals(await listed(three.context, "t"), ["two null 1"]);
  assertEquals(here.told[0], ["t + ghost null 1", "t + two null 1"], "it can't hear of anything");
  await lost.restart();
  await pass(2_000);
  assertEquals(there.told[0]!.slice(3), ["t + ghost null 1"]);
  assertEquals(await listed(one.context, "t"), ["ghost null 1", "two null 1"]);
  assertEquals(here.told[0]!.length, 2, "nothing has changed for it");
});

Deno.test("what joins and leaves has no effect on clients that resume, unless there is an encode", async () => {
  for (const isCoded of [false, true]) {
    const { all, protocol } = hearing(false);
    const coded = isCoded ? { ...protocol, encode: () => undefined } : protocol;
    await using served = serve([coded], { broker: memoryBroker(KEEPS) });
    const { context } = served;
    await served.open();
    await served.open();
    const since = await context.publish("t", "1");
    await context.presence.join(all[0]!, "t", { key: "ada" });
    const { top, publications } = await context.history("t");
    assertEquals([top > since.offset, publications.length], [isCoded, isCoded ? 2 : 1]);
    if (isCoded) {
      const { presence, member } = publications[1]!;
      assertEquals([presence, member?.key, member?.info], ["join", "ada", null]);
    }
    const { recovered, offset } = await all[1]!.subscribe("t", { since });
    assertEquals([recovered, offset], [true, since.offset]);
  }
});

Deno.test("without a broker and an encode, what joins and leaves is no publication that a client has missed", async () => {
  const { all, protocol } = hearing(false);
  await using served = serve([protocol]);
  await served.open();
  const since = await served.context.publish("t", "1");
  await served.context.presence.join(all[0]!, "t");
  assertEquals(await all[0]!.subscribe("t", { since }), { ...since, recovered: true, count: 0 });
});

Deno.test("a client of a protocol without encode resumes over those that came and went for others", async () => {
  const { all, protocol } = hearing(false);
  const coded = { ...named("coded", {}), encode: () => undefined };
  await using served = serve([protocol, coded], { broker: memoryBroker(KEEPS) });
  const { context: { presence }, context } = served;
  const sockets = [await served.open(), await served.open()];
  const since = await context.publish("t", "1");
  await presence.join(all[0]!, "t", { key: "ada" });
  await context.publish("t", "2");
  await presence.leave(all[0]!, "t");
  for (const [i, wsi] of all.entries()) {
    // From history, and from the tail that the context keeps of the topic.
    const { recovered, count } = await wsi.subscribe("t", { since });
    assertEquals([recovered, count, await sockets[i]!.receiveText()], [true, 1, "2"]);
  }
  const { offset } = await context.publish("t", "3");
  assertEquals(offset, since.offset + 4);
  for (const socket of sockets) assertEquals(await socket.receiveText(), "3");
});

Deno.test("a client that resumes is sent what encode makes of those that came and went meanwhile", async () => {
  const { all, protocol } = hearing(false);
  const encode = ({ presence, member }: Publication) => `${presence} ${member?.key}`;
  await using served = serve([{ ...protocol, encode }], { broker: memoryBroker(KEEPS) });
  const { context: { presence }, context } = served;
  const sockets = [await served.open(), await served.open()];
  const since = await context.publish("t", "1");
  await presence.join(all[0]!, "t", { key: "ada" });
  await presence.leave(all[0]!, "t");
  const { recovered, count } = await all[1]!.subscribe("t", { since });
  assertEquals([recovered, count], [true, 2]);
  const got = [await sockets[1]!.receiveText(), await sockets[1]!.receiveText()];
  assertEquals(got, ["join ada", "leave ada"]);
});

for (const service of ["manual", "external"] satisfies ServicePolicy[]) {
  for (const [how, make] of BROKERS) {
    Deno.test(`with ${service} service presence is told in service, ${how}`, async () => {
      const all: Wsi[] = [];
      const told: string[] = [];
      let isServing = false;
      const protocol = named("x", {
        established(wsi) {
          all.push(wsi);
          wsi.subscribe("t");
        },
        presence: (_wsi, _user, change) =>
          void told.push(`${line(change)}${isServing ? "" : " out of service"}`),
      });
      await using served = serve([protocol], { service, ...infoOf(make()) });
      const { context } = served;
      const serveNow = async () => {
        isServing = true;
        await context.service(0);
        isServing = false;
        await settle();
      };
      const peer = await served.dial(handshake());
      const head = readHead(peer);
      for (let i = 0; i < 10; i++) await serveNow();
      new WebSocketPeer(peer, await head);
      await context.presence.join(all[0]!, "t", { key: "k" });
      await settle();
      assertEquals(told, []);
      const count = context.presence.count("t");
      for (let i = 0; i < 10; i++) await serveNow();
      assertEquals([told, await count], [["t + k null 1"], 1]);
    });
  }
}

Deno.test("a callback that answers presence with a number, or throws, closes its connection alone", async () => {
  using _log = captureLog([]);
  const all: Wsi[] = [];
  const closes: unknown[] = [];
  await using served = serve([named("x", {
    established(wsi) {
      all.push(wsi);
      wsi.subscribe("t");
    },
    presence(wsi) {
      if (wsi === all[0]) return -1;
      if (wsi === all[1]) throw new Error("odd");
    },
    closed: (wsi, _user, { cause }) => void closes.push([all.indexOf(wsi), cause]),
  })]);
  const sockets = [await served.open(), await served.open(), await served.open()];
  await served.context.presence.join(all[2]!, "t");
  await settle();
  assertEquals(served.context.subscriberCount("t"), 1);
  for (const { peer } of sockets.slice(0, 2)) peer.close();
  await settle();
  assertEquals(closes, [[0, "callback"], [1, "callback"]]);
});

Deno.test("one that is closed by another's callback is not told any more", async () => {
  const all: Wsi[] = [];
  const told: number[] = [];
  await using served = serve([named("x", {
    established(wsi) {
      all.push(wsi);
      wsi.subscribe("t");
    },
    presence(wsi) {
      told.push(all.indexOf(wsi));
      served.context.hangupOnClient(all[1]!.socketFd);
    },
  })]);
  for (let i = 0; i < 3; i++) await served.open();
  await served.context.presence.join(all[2]!, "t");
  await settle();
  assertEquals(told, [0, 2]);
});

Deno.test("a raw callback is told of presence as well", async () => {
  const told: unknown[] = [];
  const all: Wsi[] = [];
  const protocol: Protocol = {
    name: "x",
    callback(wsi, reason, _user, data) {
      if (reason === "presence") told.push(line(data));
      if (reason !== "established") return;
      all.push(wsi);
      wsi.subscribe("t");
    },
  };
  await using served = serve([protocol], { broker: memoryBroker() });
  await served.open();
  await settle();
  await served.context.presence.join(all[0]!, "t", { key: "k" });
  await settle();
  assertEquals(told, ["t + k null 1"]);
});

Deno.test("wrong arguments are refused by name", async () => {
  using _log = captureLog([]);
  const { all, protocol } = hearing(false);
  await using served = serve([protocol]);
  await using other = serve([protocol]);
  await served.open();
  await other.open();
  const [wsi, foreign] = all as [Wsi, Wsi];
  const presence = served.context.presence as unknown as Record<
    string,
    (...given: unknown[]) => Promise<unknown>
  >;
  const circular: unknown[] = [];
  circular.push(circular);
  const wrong: [name: string, call: () => Promise<unknown>][] = [
    ["join: wsi", () => presence.join!({}, "t")],
    ["join: wsi", () => presence.join!(undefined, "t")],
    ["join: wsi", () => presence.join!(foreign, "t")],
    ["join: wsi", () => presence.join!(served.context, "t")],
    ["join: topic", () => presence.join!(wsi, "")],
    ["join: topic", () => presence.join!(wsi, "a\n")],
    ["join: options", () => presence.join!(wsi, "t", 7)],
    ["join: keys", () => presence.join!(wsi, "t", { keys: "k" })],
    ["join: key", () => presence.join!(wsi, "t", { key: 7 })],
    ["join: key", () => presence.join!(wsi, "t", { key: "" })],
    ["join: key", () => presence.join!(wsi, "t", { key: "a".repeat(256) })],
    ["join: info", () => presence.join!(wsi, "t", { info: () => {} })],
    ["join: info", () => presence.join!(wsi, "t", { info: Symbol("s") })],
    ["join: info", () => presence.join!(wsi, "t", { info: 1n })],
    ["join: info", () => presence.join!(wsi, "t", { info: circular })],
    ["leave: wsi", () => presence.leave!(foreign, "t")],
    ["leave: topic", () => presence.leave!(wsi, 7)],
    ["list: topic", () => presence.list!("a".repeat(256))],
    ["list: limit", () => presence.list!("t", { limit: 0 })],
    ["list: limit", () => presence.list!("t", { limit: 1_001 })],
    ["list: most", () => presence.list!("t", { most: 1 })],
    ["count: topic", () => presence.count!(undefined)],
  ];
  for (const [name, call] of wrong) {
    const error = await assertRejects(call, LwsError);
    assertEquals(error.code, "invalid-argument", name);
    assert(error.message.startsWith(`${name} is `), error.message);
  }
  assertEquals(await served.context.presence.count("t"), 0);
  await served.context.presence.join(wsi, "t", { key: "a".repeat(255) });
  assertEquals((await served.context.presence.list("t", { limit: 1_000 })).length, 1);
});

Deno.test("a broker without presence is refused where it is needed, and one with half of it at creation", async () => {
  using _log = captureLog([]);
  const { all, protocol } = hearing(false);
  const inner = memoryBroker().openNode!();
  const broker = new Proxy(inner, {
    get(target, name) {
      if (name === "presence" || name === "openNode") return undefined;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using served = serve([protocol], { broker });
  await served.open();
  const { presence } = served.context;
  for (
    const [call, given] of [
      ["join", () => presence.join(all[0]!, "t")],
      ["members", () => presence.list("t")],
      ["members", () => presence.count("t")],
    ] as const
  ) {
    const error = await assertRejects(given, LwsError);
    assertEquals(error.code, "unsupported", call);
  }
  await served.pass(20_000);
  let message = "";
  try {
    const half = Object.assign(memoryBroker(), { presence: { join() {}, leave() {} } });
    serve([protocol], { broker: half as unknown as Broker });
  } catch (error) {
    message = String(error);
  }
  assert(
    message.includes("broker.presence is {…}; allowed: an object with tend, members"),
    message,
  );
});
