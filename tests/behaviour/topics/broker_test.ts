/** Topics of contexts with a broker: resuming, gaps, what protocols make of publications, service policies. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Context,
  createContext,
  LwsError,
  memoryBroker,
  type Position,
  type Protocol,
  protocol,
  type Publication,
  type ServicePolicy,
  type Subscription,
  type Wsi,
} from "../../../mod.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";
import { openHixie } from "../websocket/old_peers.ts";

const KEEPS = { historySize: 100 };

/** A protocol of whose connections the position is the first message that they send, or `null`. */
function resuming(topic: string, name = "news") {
  const all: Wsi[] = [];
  const subscriptions: Subscription[] = [];
  const told: unknown[] = [];
  const protocol = named(name, {
    established: (wsi) => void all.push(wsi),
    clientEstablished: (wsi) => void all.push(wsi),
    async message(wsi, _user, message) {
      const since: Position | null = JSON.parse(String(message));
      subscriptions.push(await wsi.subscribe(topic, since === null ? {} : { since }));
    },
    topicGap: (_wsi, _user, gap) => void told.push(gap),
    topicLagging: (_wsi, _user, lag) => void told.push(lag),
    brokerDown: () => void told.push("down"),
    brokerUp: () => void told.push("up"),
  });
  return { all, subscriptions, told, protocol };
}

function text(payload: string) {
  return { opcode: 1, payload };
}

Deno.test("a client that was away goes on at its position, at another context with the same broker", async () => {
  const broker = memoryBroker(KEEPS);
  const [here, there] = [resuming("t"), resuming("t")];
  await using one = serve([here.protocol], { broker });
  await using two = serve([there.protocol], { broker });
  const first = await one.open();
  first.send(text("null"));
  await settle();
  const position = await two.context.publish("t", "1");
  assertEquals(await first.receiveText(), "1");
  first.peer.close();
  for (const each of ["2", "3"]) await one.context.publish("t", each);
  const second = await two.open();
  second.send(text(JSON.stringify(position)));
  assertEquals([await second.receiveText(), await second.receiveText()], ["2", "3"]);
  assertEquals(there.subscriptions, [{ ...position, recovered: true, count: 2 }]);
  await one.context.publish("t", "4");
  assertEquals(await second.receiveText(), "4");
  const { publications } = await two.context.history("t", { since: position, limit: 2 });
  assertEquals(publications.map(({ data }) => new TextDecoder().decode(data)), ["2", "3"]);
});

Deno.test("a connection is told where its subscription begins before what follows; a throw there closes it", async () => {
  using log = captureLog();
  const begins = [
    (wsi: Wsi, { recovered }: { recovered: boolean }) => void wsi.write(`${recovered}`),
    () => {
      throw new Error("in begin");
    },
  ];
  await using served = serve([protocol({
    name: "news",
    async message(wsi, _user, text) {
      const { since, which }: { since: Position; which: number } = JSON.parse(String(text));
      await wsi.subscribe("t", { since, begin: (start) => begins[which]!(wsi, start) });
    },
  })], { broker: memoryBroker({ historySize: 1 }) });
  const since = await served.context.publish("t", "1");
  for (const each of ["2", "3"]) await served.context.publish("t", each);
  const [one, two] = [await served.open(), await served.open()];
  one.send(text(JSON.stringify({ since, which: 0 })));
  assertEquals([await one.receiveText(), await one.receiveText()], ["false", "3"]);
  two.send(text(JSON.stringify({ since, which: 1 })));
  await settle();
  await served.context.publish("t", "4");
  assertEquals(await one.receiveText(), "4");
  assertEquals(served.context.subscriberCount("t"), 1);
  assert(log.lines[0]!.startsWith("err: subscribe: begin threw: Error: in begin"), log.lines[0]);
});

Deno.test("a context that ends leaves the broker to the others", async () => {
  const broker = memoryBroker(KEEPS);
  const { protocol } = resuming("t");
  const one = serve([protocol], { broker });
  await using two = serve([protocol], { broker });
  (await one.open()).send(text("null"));
  const socket = await two.open();
  socket.send(text("null"));
  await settle();
  await one.context.publish("t", "1");
  await one[Symbol.asyncDispose]();
  await two.context.publish("t", "2");
  assertEquals([await socket.receiveText(), await socket.receiveText()], ["1", "2"]);
});

Deno.test("a gap is told to the connection, before what follows, and the state of the broker to the first protocol", async () => {
  using _log = captureLog([]);
  const broker = faultyBroker(memoryBroker(KEEPS));
  const { told, protocol } = resuming("t");
  await using served = serve([protocol], { broker });
  const socket = await served.open();
  socket.send(text("null"));
  await settle();
  const before = await served.context.publish("t", "1");
  await broker.restart(memoryBroker(KEEPS));
  await settle();
  const after = await served.context.publish("t", "2");
  assertEquals([await socket.receiveText(), await socket.receiveText()], ["1", "2"]);
  assertEquals(told, ["down", "up", {
    topic: "t",
    position: { epoch: after.epoch, offset: 0 },
    cause: "epoch",
  }]);
  assert(before.epoch !== after.epoch);
});

Deno.test("a callback that answers a gap with a number closes its connection alone", async () => {
  using _log = captureLog([]);
  const broker = faultyBroker(memoryBroker(KEEPS));
  const closes: unknown[] = [];
  let isFirst = true;
  await using served = serve([named("x", {
    established: (wsi) => void wsi.subscribe("t"),
    topicGap() {
      if (!isFirst) return;
      isFirst = false;
      return -1;
    },
    closed: (_wsi, _user, { cause }) => void closes.push(cause),
  })], { broker });
  const sockets = [await served.open(), await served.open()];
  await settle();
  await broker.restart(memoryBroker(KEEPS));
  await settle();
  await served.context.publish("t", "1");
  assertEquals(await sockets[1]!.receiveText(), "1");
  assertEquals(served.context.subscriberCount("t"), 1);
  sockets[0]!.peer.close();
  await settle();
  assertEquals(closes, ["callback"]);
});

for (const broker of [undefined, memoryBroker(KEEPS)]) {
  const how = broker === undefined ? "without a broker" : "with one";
  Deno.test(`encode makes what the connections of a protocol are sent, ${how}`, async () => {
    using log = captureLog();
    const asked: unknown[] = [];
    const enter = (wsi: Wsi) => void wsi.subscribe("t");
    const coded: Protocol = {
      ...named("coded", { established: enter }),
      encode({ epoch, offset, topic, data, isBinary }) {
        asked.push([typeof epoch, offset, topic, isBinary]);
        if (data.length === 0) return undefined;
        if (data[0] === 0) throw new Error("odd");
        return JSON.stringify({ offset, text: new TextDecoder().decode(data) });
      },
    };
    const info = broker === undefined ? {} : { broker };
    await using served = serve([coded, named("plain", { established: enter })], info);
    const sockets = [
      await served.open({ protocol: "coded" }),
      await served.open({ protocol: "coded" }),
      await served.open({ protocol: "plain" }),
    ];
    await settle();
    await served.context.publish("t", "a");
    await served.context.publish("t", "");
    await served.context.publish("t", new Uint8Array([0]));
    await served.context.publish("t", "b");
    for (const socket of sockets.slice(0, 2)) {
      assertEquals(JSON.parse(await socket.receiveText()), { offset: 1, text: "a" });
      assertEquals(JSON.parse(await socket.receiveText()), { offset: 4, text: "b" });
    }
    for (const expected of ["a", "", "\0", "b"]) {
      assertEquals(await sockets[2]!.receiveText(), expected);
    }
    assertEquals(asked, [1, 2, 3, 4].map((offset) => ["string", offset, "t", offset === 3]));
    assertEquals(log.lines.length, 1);
    assert(log.lines[0]!.startsWith("err: coded: encode threw: Error: odd"), log.lines[0]);
  });
}

/** Serves until nothing happens any more. */
async function work(context: Context): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await context.service(0);
    await settle();
  }
}

for (const service of ["manual", "external"] satisfies ServicePolicy[]) {
  Deno.test(`with ${service} service what comes from the broker is delivered in service, and so is its state`, async () => {
    using _log = captureLog([]);
    const broker = faultyBroker(memoryBroker(KEEPS));
    const told: string[] = [];
    let isServing = false;
    const tell = (what: string) => void told.push(`${what}${isServing ? "" : " out of service"}`);
    const { all, protocol } = resuming("t");
    const first = named("first", {
      brokerDown: () => tell("down"),
      brokerUp: () => tell("up"),
      topicGap: () => tell("gap"),
      established(wsi) {
        all.push(wsi);
        wsi.subscribe("t");
      },
    });
    await using served = serve([first, protocol], { service, broker });
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
    const socket = new WebSocketPeer(peer, await head);
    await context.publish("t", "1");
    await settle();
    assertEquals(all[0]!.unsentBytes, 0, "nothing is written before it is served");
    for (let i = 0; i < 5; i++) await serveNow();
    assertEquals(await socket.receiveText(), "1");
    await broker.restart(memoryBroker(KEEPS));
    await settle();
    assertEquals(told, []);
    for (let i = 0; i < 10; i++) await serveNow();
    assertEquals(told, ["down", "up", "gap"]);
    await context.publish("t", "2");
    for (let i = 0; i < 5; i++) await serveNow();
    assertEquals(await socket.receiveText(), "2");
    await work(context);
  });
}

for (const service of ["automatic", "manual"] satisfies ServicePolicy[]) {
  Deno.test(`with ${service} service a subscriber that stops reading is told, holds little, and gets all as it reads on`, async () => {
    const { all, told, protocol } = resuming("t");
    await using served = serve([protocol], {
      service,
      broker: memoryBroker({ historySize: 300 }),
      topics: { maxUnsent: 10_000 },
    });
    const { context } = served;
    const go = () => service === "manual" ? work(context) : settle();
    const peers = [await served.dial(handshake()), await served.dial(handshake())];
    const heads = peers.map((peer) => readHead(peer));
    await go();
    const [slow, fast] = [
      new WebSocketPeer(peers[0]!, await heads[0]!),
      new WebSocketPeer(peers[1]!, await heads[1]!),
    ];
    const subscribed = all.map((wsi) => wsi.subscribe("t"));
    await go();
    await Promise.all(subscribed);
    slow.peer.transport.stopReading();
    const line = (i: number) => `${i} `.padEnd(1_000, "x");
    for (let i = 0; i < 200; i++) {
      await context.publish("t", line(i));
      await go();
      assertEquals(await fast.receiveText(), line(i));
    }
    assert(all[0]!.unsentBytes < 12_000, String(all[0]!.unsentBytes));
    assertEquals(told.length, 1);
    slow.peer.transport.startReading();
    for (let i = 0; i < 200; i++) {
      const next = slow.receiveText();
      await go();
      assertEquals(await next, line(i));
    }
    await context.publish("t", "live");
    await go();
    assertEquals([await slow.receiveText(), await fast.receiveText()], ["live", "live"]);
    assertEquals([told.length, all[0]!.topics], [1, ["t"]]);
  });
}

Deno.test("a callback that answers topicLagging with a number closes the connection with 1013", async () => {
  using _log = captureLog([]);
  const all: Wsi[] = [];
  await using served = serve([named("x", {
    established: (wsi) => void all.push(wsi),
    topicLagging: () => -1,
  })], { broker: memoryBroker(KEEPS), topics: { maxUnsent: 10_000 } });
  const socket = await served.open();
  await all[0]!.subscribe("t");
  all[0]!.write(new Uint8Array(10_001));
  await served.context.publish("t", "too late");
  assertEquals((await socket.receive()).payload.length, 10_001);
  assertEquals((await socket.receiveClose()).code, 1013);
});

Deno.test("clients of a context, and peers of old versions, resume as well", async () => {
  using _log = captureLog([]);
  const broker = memoryBroker(KEEPS);
  const { all, protocol } = resuming("t");
  const heard: unknown[] = [];
  const hears = named("news", { message: (_wsi, _user, message) => void heard.push(message) });
  await using served = serve([hears], { broker, versions: [13, 0] });
  const position = await served.context.publish("t", "1");
  await served.context.publish("t", new Uint8Array([50]));
  await served.context.publish("t", "3");
  const client = served.client([protocol], { broker });
  client.clientConnect({ address: "memory", port: 80 });
  await settle();
  const own = all.find(({ isClient }) => isClient)!;
  assertEquals((await own.subscribe("t", { since: position })).count, 2);
  await settle();
  assertEquals(heard, [Uint8Array.of(50), "3"]);
  const old = await openHixie(served, 0);
  const [wsi] = [...served.context.connections()].filter(({ wireVersion }) => wireVersion === 0);
  await wsi!.subscribe("t", { since: position });
  assertEquals(new TextDecoder("latin1").decode(await old.readBytes(3)), "\x003\xff");
  await served.pass(10_000);
});

Deno.test("protocol takes encode, and calls it as a method of its definition", async () => {
  class Definition {
    readonly name = "x";
    readonly mark = "> ";
    open(wsi: Wsi): void {
      wsi.subscribe("t");
    }
    encode(publication: Publication): string {
      return this.mark + new TextDecoder().decode(publication.data);
    }
  }
  await using served = serve([protocol(new Definition())]);
  const socket = await served.open();
  await served.context.publish("t", "1");
  assertEquals(await socket.receiveText(), "> 1");
});

Deno.test("choices of calls are refused by name", async () => {
  using _log = captureLog([]);
  const { all, protocol } = resuming("t");
  await using served = serve([protocol], { broker: memoryBroker(KEEPS) });
  await using plain = serve([protocol]);
  await served.open();
  const context = served.context as unknown as Record<
    string,
    (...given: unknown[]) => Promise<unknown>
  >;
  const wsi = all[0] as unknown as typeof context;
  const wrong: [name: string, call: () => Promise<unknown>][] = [
    ["publish: id", () => context.publish!("t", "x", { id: "" })],
    ["publish: id", () => context.publish!("t", "x", { id: "a".repeat(256) })],
    ["publish: id", () => context.publish!("t", "x", { id: "\ud800" })],
    ["publish: history", () => context.publish!("t", "x", { history: 1 })],
    ["publish: history", () => plain.context.publish("t", "x", { history: true })],
    ["publish: signal", () => context.publish!("t", "x", { signal: {} })],
    ["publish: except", () => wsi.publish!("t", "x", { except: wsi })],
    ["history: topic", () => context.history!("")],
    ["history: limit", () => context.history!("t", { limit: 0 })],
    ["history: limit", () => context.history!("t", { limit: 1_001 })],
    ["history: since", () => context.history!("t", { since: { epoch: "e", offset: -1 } })],
    ["history: until", () => context.history!("t", { until: 1 })],
  ];
  for (const [name, call] of wrong) {
    const error = await assertRejects(call, LwsError);
    assertEquals(error.code, "invalid-argument", name);
    assert(error.message.startsWith(`${name} is `), error.message);
  }
  await served.context.publish("t", "x", { id: "a".repeat(255), history: true });
  await plain.context.publish("t", "x", { history: false, id: "a" });
  assertEquals((await served.context.history("t", { limit: 1_000 })).publications.length, 1);
});

Deno.test("destroy rejects publications under way, and closes the broker behind the connections", async () => {
  using _log = captureLog([]);
  const broker = faultyBroker(memoryBroker(KEEPS));
  const { protocol } = resuming("t");
  const served = serve([protocol], { broker });
  const socket = await served.open();
  socket.send(text("null"));
  await settle();
  broker.hold("publish");
  const error = assertRejects(() => served.context.publish("t", "1"), LwsError);
  await settle();
  assertEquals(broker.calls.includes("dispose"), false);
  socket.peer.close();
  await settle();
  await served[Symbol.asyncDispose]();
  assertEquals([(await error).code, broker.calls.at(-1)], ["destroyed", "dispose"]);
});

Deno.test("a context with a broker leaves no timer behind, by the runtime's clock", async () => {
  const { protocol } = resuming("t");
  const network = new MemoryNetwork();
  const context = createContext({
    port: 0,
    network,
    broker: memoryBroker(KEEPS),
    protocols: [protocol],
  });
  await context.publish("t", "1");
  await context.destroy();
});

Deno.test("a broker that lacks something is refused by name", () => {
  const { protocol } = resuming("t");
  const wrong = [7, {}, { ...memoryBroker() }];
  for (const broker of wrong) {
    let message = "";
    try {
      serve([protocol], { broker: broker as never });
    } catch (error) {
      message = String(error);
    }
    assert(message.includes("broker is "), message);
  }
});

Deno.test("data is the program's again when the call that publishes it has returned, the broker begun or not", async () => {
  const { protocol } = resuming("t");
  await using server = serve([protocol], { broker: memoryBroker(KEEPS) });
  const [context, data] = [server.context, new Uint8Array(2)];
  const first = context.publish("t", data.fill(1));
  data.fill(2);
  await first;
  const socket = await server.open();
  socket.send(text("null"));
  await settle();
  const second = context.publish("t", data.fill(3));
  data.fill(4);
  await second;
  assertEquals((await socket.receive()).payload, new Uint8Array([3, 3]));
  const { publications } = await context.history("t");
  assertEquals(publications.map(({ data }) => [...data]), [[1, 1], [3, 3]]);
});
