/** The server's side of `lws.resume.v1`, spoken to letter by letter. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError, memoryBroker, type Position, type Wsi } from "../../../mod.ts";
import { resumable, type ResumableDefinition } from "../../../src/resume/mod.ts";
import { faultyBroker, type MemoryWebSocket, serve } from "../../../src/testing/mod.ts";
import { captureLog } from "../../support/recorder.ts";

const KEEPS = { historySize: 100 };
const protocol = "lws.resume.v1";

function served(more: Partial<ResumableDefinition<undefined>> = {}, options = {}) {
  const broker = faultyBroker(memoryBroker(KEEPS));
  const made = resumable({ authorize: () => true, ...more });
  return Object.assign(serve(made, { broker, ...options }), { broker });
}

function say(socket: MemoryWebSocket, ...messages: unknown[]): void {
  for (const each of messages) socket.send(JSON.stringify(each));
}

async function heard(socket: MemoryWebSocket, count = 1): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const message = await socket.next();
    all.push(typeof message === "string" ? JSON.parse(message) : message);
  }
  return all;
}

const at = ({ epoch, offset }: Position) => ({ e: epoch, o: offset });

Deno.test("a subscription is answered, then its messages come, until it is ended", async () => {
  await using rig = served();
  const before = await rig.context.publish("room.1", "0");
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 7, t: "room.1" }, { p: 5 });
  assertEquals(await heard(socket, 2), [{ p: 5 }, { s: 7, ...at(before), r: true }]);
  const one = await rig.context.publish("room.1", "1");
  await rig.context.publish("other", "x");
  const two = await rig.context.publish("room.1", "2", { history: false });
  assertEquals(two, one);
  await rig.context.publish("room.1", new Uint8Array([5]));
  const [first, second, third] = await heard(socket, 3);
  assertEquals([first, second], [{ t: "room.1", ...at(one), d: "1" }, { t: "room.1", d: "2" }]);
  assertEquals([...third as Uint8Array].slice(0, 3), [1, 6, "r".charCodeAt(0)]);
  assertEquals((third as Uint8Array).at(-1), 5);
  say(socket, { u: "room.1" }, { u: "room.1" }, { u: "\0" });
  assertEquals(await heard(socket, 3), [{ u: "room.1" }, { u: "room.1" }, { u: "\0" }]);
  assertEquals(rig.context.subscriberCount("room.1"), 0);
  say(socket, { s: 7, t: "room.1", ...at(one) });
  assertEquals((await heard(socket, 2)).map((each) => each instanceof Uint8Array), [false, true]);
});

Deno.test("the answer comes first, with what is lost, and then what was missed", async () => {
  await using rig = served({ gapSpreadMs: 70 }, { broker: memoryBroker({ historySize: 2 }) });
  const all: Position[] = [];
  for (const each of ["1", "2", "3", "4"]) all.push(await rig.context.publish("t", each));
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t", ...at(all[1]!) });
  assertEquals(await heard(socket, 3), [
    { s: 1, ...at(all[1]!), r: true },
    { t: "t", ...at(all[2]!), d: "3" },
    { t: "t", ...at(all[3]!), d: "4" },
  ]);
  const other = await rig.dialWebSocket({ protocol });
  say(other, { s: 1, t: "t", ...at(all[0]!) });
  assertEquals(await heard(other, 2), [
    { s: 1, ...at(all[1]!), r: false, w: 70 },
    { t: "t", ...at(all[2]!), d: "3" },
  ]);
});

Deno.test("a gap is told in front of what follows, to the program as well", async () => {
  using _log = captureLog([]);
  const gaps: unknown[] = [];
  const topicGap = (_wsi: Wsi<undefined>, _user: undefined, { cause }: { cause: string }) =>
    void gaps.push(cause);
  await using rig = served({ topicGap });
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" });
  await heard(socket);
  await rig.broker.restart(memoryBroker(KEEPS));
  await rig.advance(0);
  const after = await rig.context.publish("t", "2");
  assertEquals(await heard(socket, 2), [
    { t: "t", e: after.epoch, o: 0, g: "epoch", w: 5_000 },
    { t: "t", ...at(after), d: "2" },
  ]);
  assertEquals(gaps, ["epoch"]);
});

Deno.test("authorize is asked for each topic and connection; what is no clear yes is a no, and is logged", async () => {
  using log = captureLog();
  const verdicts: Record<string, () => unknown> = {
    yes: () => true,
    soon: () => Promise.resolve(true),
    no: () => false,
    never: () => Promise.resolve(false),
    one: () => 1,
    throws: () => {
      throw new Error("thrown");
    },
    rejects: () => Promise.reject(new Error("rejected")),
  };
  const asked: unknown[] = [];
  await using rig = served({
    authorize(wsi, user, topic) {
      asked.push([wsi.isClient, user, topic]);
      return verdicts[topic]!() as boolean;
    },
  });
  const socket = await rig.dialWebSocket({ protocol });
  const topics = Object.keys(verdicts);
  topics.forEach((t, s) => say(socket, { s, t }));
  const answers = await heard(socket, topics.length) as { s: number; x?: string }[];
  const said = answers.toSorted((a, b) => a.s - b.s).map(({ s, x = "ok" }) => `${topics[s]} ${x}`);
  assertEquals(said, [
    ...["yes ok", "soon ok", "no forbidden", "never forbidden", "one forbidden"],
    ...["throws forbidden", "rejects forbidden"],
  ]);
  assertEquals(asked, topics.map((topic) => [false, undefined, topic]));
  const lines = log.lines.map((line) => line.split("\n")[0]);
  assertEquals(lines, [
    "warn: lws.resume.v1: authorize returned 1, which counts as false; allowed: true, false",
    "err: lws.resume.v1: authorize threw: Error: thrown",
    "err: lws.resume.v1: authorize threw: Error: rejected",
  ]);
  // One that was refused may ask again.
  say(socket, { s: 9, t: "no" });
  assertEquals(await heard(socket), [{ s: 9, x: "forbidden" }]);
});

Deno.test("what is ended or gone while authorize thinks is not subscribed, and is no news", async () => {
  using log = captureLog(["err", "warn"]);
  const gone: typeof waiting = [];
  const waiting: ((verdict: boolean) => void)[] = [];
  await using rig = served({
    authorize: (_wsi, _user, topic) =>
      new Promise((resolve) => topic === "t" ? waiting.push(resolve) : gone.push(resolve)),
  });
  const socket = await rig.dialWebSocket({ protocol });
  const leaving = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" }, { u: "t" }, { s: 2, t: "t" });
  say(leaving, { s: 1, t: "u" });
  await rig.advance(0);
  await leaving.close(1000);
  await rig.advance(0);
  assertEquals(await heard(socket), [{ u: "t" }]);
  assertEquals([waiting.length, gone.length], [2, 1]);
  waiting[0]!(true);
  gone[0]!(true);
  await rig.advance(0);
  assertEquals(["t", "u"].map((topic) => rig.context.subscriberCount(topic)), [0, 0]);
  waiting[1]!(true);
  assertEquals((await heard(socket) as { s: number }[])[0]!.s, 2);
  assertEquals(rig.context.subscriberCount("t"), 1);
  assertEquals(log.lines, []);
});

Deno.test("a connection that is closed for a fault subscribes to nothing more", async () => {
  using log = captureLog();
  await using rig = served({ authorize: () => Promise.resolve(true) });
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" }, { s: 2 });
  assertEquals((await socket.closed).code, 1007);
  assertEquals([log.lines, rig.context.subscriberCount("t")], [[], 0]);
});

Deno.test("a subscriber that reads too slowly is told what history has no more", async () => {
  using _log = captureLog([]);
  const options = { broker: memoryBroker({ historySize: 2 }), topics: { maxUnsent: 100 } };
  await using rig = served({}, options);
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" });
  await heard(socket);
  socket.peer.transport.stopReading();
  const text = "a".repeat(60_000);
  for (let i = 0; i < 8; i++) await rig.context.publish("t", `${i} ${text}`);
  await rig.advance(0);
  socket.peer.transport.startReading();
  const all = await heard(socket, 4) as { d?: string; g?: string; w?: number }[];
  assertEquals(all.map(({ d, g, w }) => d?.[0] ?? [g, w]), [
    "0",
    "1",
    ["overflow", undefined],
    "6",
  ]);
});

Deno.test("members that come and go move positions, and the program tells of them as it likes", async () => {
  await using rig = served({
    presence: (wsi, _user, { joins, leaves }) => {
      const [came, left] = [joins, leaves].map((some) => some.map(({ key }) => key));
      wsi.write(JSON.stringify({ d: { came, left } }));
    },
    message: (wsi, _user, key) =>
      void wsi.context.presence.join(wsi, "t", { key: String(key) }).catch(() => {}),
  });
  const [socket, other] = [
    await rig.dialWebSocket({ protocol }),
    await rig.dialWebSocket({ protocol }),
  ];
  say(socket, { s: 1, t: "t" });
  const [{ e, o }] = await heard(socket) as [{ e: string; o: number }];
  const sorted = async (count: number) =>
    (await heard(socket, count)).map((each) => JSON.stringify(each)).toSorted();
  say(other, { d: "ada" });
  const position = (more: number) => JSON.stringify({ t: "t", e, o: o + more });
  assertEquals(await sorted(2), ['{"d":{"came":["ada"],"left":[]}}', position(1)]);
  await other.close(1000);
  assertEquals(await sorted(2), ['{"d":{"came":[],"left":["ada"]}}', position(2)]);
});

Deno.test("limits: topics of a connection, those that authorize thinks of, those of the context, names", async () => {
  using _log = captureLog([]);
  const waiting: ((verdict: boolean) => void)[] = [];
  const options: Partial<ResumableDefinition<undefined>> = {
    maxTopics: 2,
    authorize: (_wsi, _user, topic) =>
      topic !== "slow" || new Promise((resolve) => waiting.push(resolve)),
  };
  await using rig = served(options);
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "a" }, { s: 2, t: "b" }, { s: 3, t: "c" });
  const kinds = (all: unknown[]) => (all as { s: number; x?: string }[]).map(({ s, x }) => [s, x]);
  const refused = [3, "topic-limit"];
  assertEquals(kinds(await heard(socket, 3)).toSorted(), [[1, undefined], [2, undefined], refused]);
  say(socket, { u: "a" }, { s: 4, t: "c" });
  assertEquals(kinds((await heard(socket, 2)).slice(1)), [[4, undefined]]);
  const other = await rig.dialWebSocket({ protocol });
  const begins = { s: 1, t: "slow" };
  say(other, begins, { u: "slow" }, begins, { u: "slow" }, { s: 2, t: "a" });
  assertEquals(kinds((await heard(other, 3)).slice(2)), [[2, "topic-limit"]]);
  waiting[0]!(true);
  await rig.advance(0);
  say(other, { s: 3, t: "a" });
  assertEquals(kinds(await heard(other)), [[3, undefined]]);
  waiting[1]!(true);

  await using narrow = served({}, { topics: { maxPerConnection: 1 } });
  const third = await narrow.dialWebSocket({ protocol });
  const longest = "t".repeat(255);
  say(third, { s: 1, t: `${longest}t` }, { s: 2, t: "" }, { s: 3, t: "a\n" });
  const invalid = "invalid-topic";
  assertEquals(kinds(await heard(third, 3)), [[1, invalid], [2, invalid], [3, invalid]]);
  say(third, { s: 4, t: longest }, { s: 5, t: "b" });
  assertEquals(kinds(await heard(third, 2)).toSorted(), [[4, undefined], [5, "topic-limit"]]);
});

Deno.test("a broker that is away is told as unavailable, and the topic may be asked for again", async () => {
  using _log = captureLog([]);
  await using rig = served();
  const held = rig.broker.hold("subscribe");
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" });
  await rig.advance(0);
  await rig.advance(6_000);
  assertEquals(await heard(socket), [{ s: 1, x: "unavailable" }]);
  say(socket, { s: 2, t: "t" });
  held.release();
  await rig.advance(1_000);
  const [answer] = await heard(socket) as { s: number; r: boolean }[];
  assertEquals([answer!.s, answer!.r], [2, true]);
});

Deno.test("what a client does wrong costs its connection alone, and says why", async () => {
  using _log = captureLog([]);
  await using rig = served();
  const stays = await rig.dialWebSocket({ protocol });
  say(stays, { s: 1, t: "t" });
  await heard(stays);
  const twice = '{"s":1,"t":"t"}';
  const cases: readonly [sent: readonly (string | Uint8Array)[], code: number, reason: string][] = [
    [["hello"], 1007, "the message is no JSON"],
    [['{"s":1}'], 1007, "t is no text"],
    [[twice, twice], 1008, "t is subscribed to already"],
    [['{"d":1}'], 1003, "no data is taken here"],
    [[new Uint8Array([1])], 1003, "no data is taken here"],
  ];
  for (const [sent, code, reason] of cases) {
    const socket = await rig.dialWebSocket({ protocol });
    for (const each of sent) socket.send(each);
    assertEquals(await socket.closed, { code, reason });
  }
  await rig.context.publish("t", "goes on");
  assertEquals((await heard(stays) as { d: string }[])[0]!.d, "goes on");
  assertEquals(rig.context.subscriberCount("t"), 1);
});

Deno.test("a program's own methods have their user and this; data reaches its message", async () => {
  const told: unknown[] = [];
  const definition = {
    gapSpreadMs: 0,
    perSessionData: () => ({ count: 0 }),
    authorize: (_wsi: Wsi<{ count: number }>, user: { count: number }) => ++user.count === 1,
    message(wsi: Wsi<{ count: number }>, user: { count: number }, data: unknown): void | -1 {
      told.push([this === definition, user.count, data]);
      if (data === "bye") return -1;
      wsi.write('{"d":"for you alone"}');
    },
    closed(_wsi: Wsi<{ count: number }>, user: { count: number }) {
      told.push([this === definition, user.count, "closed"]);
    },
    ["user:greet"](wsi: Wsi) {
      wsi.write('{"d":"greetings"}');
    },
  };
  const made = resumable(definition);
  assertEquals([made.name, Object.isFrozen(made)], [protocol, true]);
  await using rig = serve(made);
  const socket = await rig.dialWebSocket({ protocol });
  say(socket, { s: 1, t: "t" }, { s: 2, t: "u" }, { d: { a: 1 } });
  socket.send(new Uint8Array([7]));
  assertEquals((await heard(socket, 4)).slice(2), [
    ...[{ d: "for you alone" }, { d: "for you alone" }],
  ]);
  rig.context.callbackAllProtocol(made, "user:greet");
  assertEquals(await heard(socket), [{ d: "greetings" }]);
  say(socket, { d: "bye" });
  await socket.closed;
  await rig.advance(0);
  assertEquals(told, [
    [true, 2, { a: 1 }],
    [true, 2, new Uint8Array([7])],
    [true, 2, "bye"],
    [true, 2, "closed"],
  ]);
});

Deno.test("a definition that is wrong is refused by the name of its member", () => {
  const authorize = () => true;
  const wrong: readonly [definition: unknown, message: string][] = [
    [undefined, "resumable: definition is undefined; "],
    [
      new (class {
        authorize = authorize;
      })(),
      "resumable: definition is {…}; ",
    ],
    [{}, "resumable: authorize is undefined; allowed: a function"],
    [{ authorize, message: "x" }, 'resumable: message is "x"; allowed: a function'],
    [{ authorize, maxTopics: 0 }, "resumable: maxTopics is 0; allowed: a whole number from 1"],
    [{ authorize, gapSpreadMs: -1 }, "resumable: gapSpreadMs is -1; "],
    [{ authorize, gapSpreadMs: Infinity }, "resumable: gapSpreadMs is Infinity; "],
    [{ authorize, encode: authorize }, "resumable: encode is a function; allowed: nothing, "],
    [{ authorize, receive: authorize }, "resumable: receive is a function; allowed: nothing, "],
    [{ authorize, callback: authorize }, "resumable: callback is a function; "],
    [{ authorize, close: authorize, closed: authorize }, "resumable: close takes the place of "],
    [{ authorize, gapSpread: 1 }, "resumable: gapSpread is no member; allowed: upgrade, "],
  ];
  for (const [definition, message] of wrong) {
    const error = assertThrows(() => resumable(definition as never), LwsError);
    assertEquals(error.code, "invalid-argument");
    assert(error.message.startsWith(message), `${error.message}\n${message}`);
  }
  const message = assertThrows(() => resumable({ authorize, gapSpread: 1 } as never)) as Error;
  assert(message.message.endsWith("; did you mean gapSpreadMs?"), message.message);
  resumable({ authorize, maxTopics: Infinity, gapSpreadMs: 0, name: "own" });
});
