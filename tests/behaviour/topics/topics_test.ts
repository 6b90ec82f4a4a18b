/** Topics in one process: which connections get what is published, and until when. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Context, LwsError, prepareMessage, type Wsi } from "../../../mod.ts";
import { goodBytes, trueBytes } from "../../support/odd_data.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { serve, settle, type WebSocketPeer } from "../../support/serve.ts";

/** A protocol that keeps its connections in the order in which they came. */
function gathering(name = "gathering") {
  const all: Wsi[] = [];
  const keep = (wsi: Wsi) => void all.push(wsi);
  return { all, protocol: named(name, { established: keep, clientEstablished: keep }) };
}

async function texts(socket: WebSocketPeer, count: number): Promise<string[]> {
  const got = [];
  for (let i = 0; i < count; i++) got.push(await socket.receiveText());
  return got;
}

/** Nothing has come but what was read: the next thing is what is published now. */
async function assertNextIs(context: Context, topic: string, sockets: readonly WebSocketPeer[]) {
  await context.publish(topic, "end");
  for (const socket of sockets) assertEquals(await socket.receiveText(), "end");
}

Deno.test("a publication reaches the subscribers of its topic, of all protocols, and no others", async () => {
  const [chat, news] = [gathering("chat"), gathering("news")];
  await using served = serve([chat.protocol, news.protocol]);
  const { context } = served;
  const sockets = [
    await served.open({ protocol: "chat" }),
    await served.open({ protocol: "news" }),
    await served.open({ protocol: "chat" }),
  ];
  const all = [chat.all[0]!, news.all[0]!, chat.all[1]!];
  for (const wsi of all) await wsi.subscribe("all");
  await all[0]!.subscribe("room");
  await all[1]!.subscribe("room");
  assertEquals(["all", "room", "none"].map((each) => context.subscriberCount(each)), [3, 2, 0]);
  assertEquals(all.map(({ topics }) => topics), [["all", "room"], ["all", "room"], ["all"]]);

  await context.publish("room", "to two");
  await context.publish("none", "to none");
  await context.publish("room", "to one", { except: all[0]! });
  await all[1]!.publish("room", "to the other");
  await all[2]!.publish("room", "from outside");
  assertEquals(await texts(sockets[0]!, 3), ["to two", "to the other", "from outside"]);
  assertEquals(await texts(sockets[1]!, 3), ["to two", "to one", "from outside"]);
  await assertNextIs(context, "all", sockets);
});

Deno.test("what is published has left its buffer when the call returns, and is sent in one frame", async () => {
  const { all, protocol } = gathering();
  await using served = serve([protocol]);
  const sockets = [await served.open(), await served.open()];
  for (const wsi of all) wsi.subscribe("t");
  for (const [name, data] of goodBytes()) {
    const expected = trueBytes(data);
    served.context.publish("t", data);
    for (const socket of sockets) {
      const { fin, opcode, payload } = await socket.receive();
      assertEquals([fin, opcode, payload], [true, 2, expected], name);
    }
  }
  const data = new Uint8Array([1, 2, 3]);
  all[0]!.publish("t", data);
  data.fill(9);
  assertEquals((await sockets[1]!.receive()).payload, Uint8Array.of(1, 2, 3));
  for (const each of ["grün", "", prepareMessage("x"), prepareMessage("y", "binary")]) {
    served.context.publish("t", each);
  }
  const got = [];
  for (let i = 0; i < 4; i++) got.push(await sockets[0]!.receive());
  assertEquals(got.map(({ opcode }) => opcode), [1, 1, 1, 2]);
  assertEquals(new TextDecoder().decode(got[0]!.payload), "grün");
});

Deno.test("subscriptions end with unsubscribe, and with the connection as soon as it begins to close", async () => {
  const { all, protocol } = gathering();
  await using served = serve([protocol]);
  const { context } = served;
  const sockets = [];
  for (let i = 0; i < 6; i++) sockets.push(await served.open());
  for (const wsi of all) wsi.subscribe("t");
  assertEquals(all[0]!.unsubscribe("t"), true);
  assertEquals(all[0]!.unsubscribe("t"), false);
  assertEquals(context.subscriberCount("t"), 5);
  all[1]!.close(1000);
  assertEquals([context.subscriberCount("t"), all[1]!.topics], [4, []]);
  context.hangupOnClient(all[2]!.socketFd);
  assertEquals(context.subscriberCount("t"), 3);
  sockets[3]!.peer.reset();
  sockets[4]!.send({ opcode: 8 });
  await settle();
  assertEquals([context.subscriberCount("t"), all[5]!.topics], [1, ["t"]]);
  await assertNextIs(context, "t", [sockets[5]!]);
  assertEquals(all[0]!.topics, []);
});

Deno.test("in closed a connection may tell those that it leaves, and is none of them", async () => {
  const closed: unknown[] = [];
  await using served = serve([named("chat", {
    established: (wsi) => void wsi.subscribe("room"),
    closed(wsi) {
      closed.push(wsi.topics, wsi.context.subscriberCount("room"));
      wsi.publish("room", "one has left");
    },
  })]);
  const [leaver, stays] = [await served.open(), await served.open()];
  leaver.peer.close();
  assertEquals(await stays.receiveText(), "one has left");
  assertEquals(closed, [[], 1]);
});

Deno.test("while a context is being destroyed its connections hear what is published; then it is refused", async () => {
  using log = captureLog();
  const { all, protocol } = gathering();
  const served = serve([protocol]);
  const sockets = [await served.open(), await served.open()];
  for (const wsi of all) wsi.subscribe("t");
  const ended = served.context.destroy({ spreadMs: 10_000 });
  served.context.publish("t", "still here");
  const last = sockets.map((socket) => socket.receive());
  const got = (await Promise.all(last)).map(({ payload }) => new TextDecoder().decode(payload));
  assert(got.includes("still here"), String(got));
  for (const socket of sockets) socket.peer.close();
  await served[Symbol.asyncDispose]();
  await ended;
  assertEquals(log.lines, []);
  const refused = await assertRejects(() => served.context.publish("t", "x"), LwsError);
  assertEquals(refused.code, "destroyed");
  const late = await assertRejects(() => all[0]!.subscribe("t"), LwsError);
  assertEquals(late.code, "invalid-state");
});

Deno.test("only an established WebSocket subscribes", async () => {
  using _log = captureLog([]);
  const codes: Promise<string>[] = [];
  const code = (wsi: Wsi) => wsi.subscribe("t").then(() => "subscribed", (error) => error.code);
  await using served = serve([named("x", {
    filterProtocolConnection: (wsi) => void codes.push(code(wsi)),
    established: (wsi) => void codes.push(code(wsi)),
    closed: (wsi) => void codes.push(code(wsi)),
  })]);
  const client = served.client([gathering().protocol]);
  codes.push(code(client.clientConnect({ address: "memory", port: 80 })));
  await settle();
  (await served.open()).peer.close();
  await settle();
  assertEquals(await Promise.all(codes), [
    "invalid-state",
    ...["invalid-state", "subscribed"],
    ...["invalid-state", "subscribed", "invalid-state"],
  ]);
});

Deno.test("wrong arguments are named, and a rejection that is not looked at ends nothing", async () => {
  using log = captureLog();
  const { all, protocol } = gathering();
  await using served = serve([protocol]);
  const socket = await served.open();
  const wsi = all[0]! as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const context = served.context as unknown as typeof wsi;
  const wrong: [name: string, call: () => Promise<unknown>][] = [
    ["subscribe: topic", () => wsi.subscribe!("")],
    ["subscribe: topic", () => wsi.subscribe!("a".repeat(256))],
    ["subscribe: options", () => wsi.subscribe!("t", 7)],
    ["subscribe: since", () => wsi.subscribe!("t", { since: { epoch: "e", offset: 0.5 } })],
    ["subscribe: begin", () => wsi.subscribe!("t", { begin: true })],
    ["subscribe: until", () => wsi.subscribe!("t", { until: 7 })],
    ["publish: topic", () => wsi.publish!("\n", "x")],
    ["publish: data", () => wsi.publish!("t", 7)],
    ["publish: data", () => context.publish!("t", { length: 3 })],
    ["publish: options", () => context.publish!("t", "x", null)],
    ["publish: except", () => context.publish!("t", "x", { except: {} })],
    ["publish: excepting", () => context.publish!("t", "x", { excepting: all[0] })],
  ];
  for (const [name, call] of wrong) {
    const error = await assertRejects(call, LwsError);
    assertEquals(error.code, "invalid-argument");
    assertStringIncludes(error.message, `${name} is `);
    assertEquals(log.lines.pop(), `warn: ${error.message}`);
  }
  const near = await assertRejects(() => context.publish!("t", "x", { excpet: all[0] }), LwsError);
  assertStringIncludes(near.message, "did you mean except?");
  log.lines.pop();
  assertThrows(() => all[0]!.unsubscribe(""), LwsError, "unsubscribe: topic");
  assertThrows(() => served.context.subscriberCount(""), LwsError, "subscriberCount: topic");
  // Nothing looks at these.
  wsi.subscribe!("");
  context.publish!("t", 7);
  await settle();
  all[0]!.subscribe("t");
  await assertNextIs(served.context, "t", [socket]);
});

Deno.test("positions grow in one epoch, and tell a subscriber whether it has missed something", async () => {
  const { all, protocol } = gathering();
  await using served = serve([protocol]);
  await served.open();
  await served.open();
  const begun = await all[0]!.subscribe("t");
  const first = await served.context.publish("t", "1");
  const second = await all[1]!.publish("t", "2");
  assertEquals([begun.epoch, first.epoch], [second.epoch, second.epoch]);
  assert(begun.offset < first.offset && first.offset < second.offset);
  assertEquals((await all[1]!.subscribe("t", { since: first })).recovered, false);
  all[1]!.unsubscribe("t");
  assertEquals((await all[1]!.subscribe("t", { since: second })).recovered, true);
});
