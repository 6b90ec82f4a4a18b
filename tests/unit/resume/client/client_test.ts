/** The client, on sockets that are played by hand. */

import { assertEquals, assertThrows } from "@std/assert";
import { resumeClient } from "../../../../src/resume/client/client.ts";
import { publicationOf } from "../../../../src/resume/wire.ts";
import { answer, message, play } from "./played_socket.ts";

Deno.test("the client has at most 150 lines of code", async () => {
  const text = await Deno.readTextFile(
    new URL("../../../../src/resume/client/client.ts", import.meta.url),
  );
  const lines = text.split("\n").filter((line) => !/^\s*(\/\/|\/\*|\*|$)/.test(line));
  assertEquals(lines.length <= 150, true, `${lines.length} lines`);
});

Deno.test("topics are asked for when it opens, with their positions when it opens again", () => {
  const played = play();
  const a = played.follow("a");
  const b = played.follow("b", { since: { epoch: "z", offset: 7 } });
  assertEquals(played.socket.take(), [], "it is not open");
  assertEquals([a.subscription.position, b.subscription.topic], [undefined, "b"]);
  played.socket.open();
  assertEquals(played.socket.binaryType, "arraybuffer");
  assertEquals(played.socket.take(), [{ s: 1, t: "a" }, { s: 2, t: "b", e: "z", o: 7 }]);
  const c = played.follow("c");
  assertEquals(played.socket.take(), [{ s: 3, t: "c" }]);
  // In any order.
  played.socket.say(answer(2, 7, true, "z"), answer(1, 10), message("a", 12, "x"));
  assertEquals([a.got, b.got, c.got], [[["x", 12]], [], []]);
  played.socket.end();
  played.clock.advance(250);
  played.socket.open();
  assertEquals(played.socket.take(), [
    { s: 4, t: "a", e: "a", o: 12 },
    { s: 5, t: "b", e: "z", o: 7 },
    { s: 6, t: "c" },
  ]);
  played.socket.say(answer(4, 12), message("a", 13, "y"));
  assertEquals(a.got, [["x", 12], ["y", 13]]);
});

Deno.test("what was handed already, is of no topic, or was not asked for here is dropped", () => {
  const played = play();
  const { got, subscription } = played.follow("a");
  played.socket.open();
  played.socket.say(message("a", 11, "before the answer"), { t: "a", e: "b", o: 1, g: "epoch" });
  played.socket.say(answer(1, 10));
  played.socket.say(message("a", 10, "twice"), message("other", 11, "x"), { u: "a" }, { z: 1 });
  played.socket.say(message("a", 11, "1"), message("a", 11, "again"), message("a", 9, "elder"));
  played.socket.say(message("a", 1, "another count", "b"));
  assertEquals(got, [["1", 11], ["another count", 1]]);
  assertEquals(subscription.position, { epoch: "b", offset: 1 });
});

Deno.test("a message without a place is handed on, and moves nothing", () => {
  const played = play();
  const { got, subscription } = played.follow("a");
  played.socket.open();
  const data = new TextEncoder().encode("bytes");
  const live = { topic: "a", epoch: "a", offset: 10, data, isBinary: true, hasPlace: false };
  played.socket.say(answer(1, 10), { t: "a", d: "text" }, publicationOf(live)!);
  assertEquals(got, [["text", 10], [data, 10]]);
  assertEquals(subscription.position, { epoch: "a", offset: 10 });
});

Deno.test("a position without a message moves that of the topic alone", () => {
  const played = play();
  const { got, subscription } = played.follow("a");
  played.socket.open();
  played.socket.say({ t: "a", e: "a", o: 99 }, answer(1, 10), { t: "a", e: "a", o: 12 });
  played.socket.say({ t: "a", e: "a", o: 11 }, message("a", 12, "twice"));
  assertEquals([got, subscription.position], [[], { epoch: "a", offset: 12 }]);
  played.socket.say(message("a", 13, "x"));
  assertEquals(got, [["x", 13]]);
});

Deno.test("what was published as bytes comes as bytes, at positions of any size", () => {
  const played = play();
  const { got } = played.follow("räume/1");
  played.socket.open();
  played.socket.say(answer(1, 0, true, "é"));
  for (const offset of [1, 127, 128, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    for (const data of [new Uint8Array(0), new Uint8Array([0, 255])]) {
      got.length = 0;
      const of = { topic: "räume/1", epoch: `${offset} ${data.length}`, offset, hasPlace: true };
      played.socket.say(publicationOf({ ...of, data, isBinary: true }));
      assertEquals(got, [[data, offset]]);
    }
  }
  // A kind that there is not yet.
  played.socket.say(new Uint8Array([2, 1, 1]));
  assertEquals([got.length, played.errors], [1, []]);
});

Deno.test("a gap moves the position, and is told before the next message", () => {
  const played = play();
  const since = { epoch: "a", offset: 10 };
  const begun: unknown[] = [];
  const { got, subscription } = played.follow("a", { since, onBegin: (at) => void begun.push(at) });
  const other = played.follow("b", { since, onBegin: ({ offset }) => void other.got.push(offset) });
  played.socket.open();
  played.socket.say({ ...answer(1, 15, false), w: 3_000 }, message("a", 16, "x"));
  played.socket.say(answer(2, 0, false, "b"));
  assertEquals([got, other.got], [[["trimmed", 15, 1_500], ["x", 16]], [0, ["epoch", 0, 0]]]);
  assertEquals(begun, [{ epoch: "a", offset: 15 }]);
  got.length = 0;
  played.socket.say({ t: "a", e: "c", o: 3, g: "overflow" });
  assertEquals(subscription.position, { epoch: "c", offset: 3 });
  played.socket.say(message("a", 3, "before", "c"), message("a", 4, "y", "c"));
  assertEquals([got, begun.length], [[["overflow", 3, 0], ["y", 4]], 1]);
  played.socket.end();
  played.clock.advance(250);
  played.socket.open();
  played.socket.say(answer(3, 4, true, "c"));
  assertEquals(begun.slice(1), [{ epoch: "c", offset: 4 }]);
});

Deno.test("what a callback throws is reported, and what it was handed does not come again", () => {
  const order: string[] = [];
  const played = play({
    onOpen: () => {
      throw new Error("open");
    },
    onLost: () => {
      throw new Error("lost");
    },
    onData: () => {
      throw new Error("data");
    },
  });
  const { subscription } = played.follow("a", {
    since: { epoch: "a", offset: 1 },
    onMessage(data) {
      order.push(`${data} at ${subscription.position!.offset}`);
      throw new Error(String(data));
    },
    onGap: () => {
      throw new Error("gap");
    },
  });
  const refused = played.follow("b", {
    onRefused: () => {
      throw new Error("refused");
    },
  });
  played.socket.open();
  played.socket.say(answer(1, 5, false), { s: 2, x: "forbidden" }, { d: 1 });
  played.socket.say(message("a", 6, "x"), message("a", 7, "y"));
  played.socket.end();
  const thrown = played.errors.map((error) => (error as Error).message);
  assertEquals(thrown, ["open", "gap", "refused", "data", "x", "y", "lost"]);
  assertEquals([order, refused.got], [["x at 6", "y at 7"], []]);
  played.clock.advance(250);
  played.socket.open();
  assertEquals(played.socket.take(), [{ s: 3, t: "a", e: "a", o: 7 }]);
});

Deno.test("it waits at random up to a bound that doubles, up to another, and is short again after a message", () => {
  const waits: number[] = [];
  const played = play({ onLost: ({ delayMs }) => void waits.push(delayMs), idleMs: Infinity });
  for (let i = 0; i < 8; i++) {
    // Opening alone is no success.
    if (i % 2 === 0) played.socket.open();
    played.socket.end();
    assertEquals(played.clock.pending, 1);
    played.clock.advance(waits.at(-1)! - 1);
    assertEquals(played.sockets.length, i + 1);
    played.clock.advance(1);
    assertEquals(played.sockets.length, i + 2);
  }
  assertEquals(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  played.socket.open();
  played.socket.say({ p: 0 });
  played.socket.end();
  assertEquals(waits.at(-1), 250);
});

Deno.test("the bounds of the waits are options", () => {
  const waits: number[] = [];
  const onLost = ({ delayMs }: { delayMs: number }) => void waits.push(delayMs);
  const played = play({ onLost, minDelayMs: 10, maxDelayMs: 25, random: () => 1 });
  for (let i = 0; i < 3; i++) {
    played.socket.end();
    played.clock.advance(25);
  }
  assertEquals(waits, [10, 20, 25]);
});

Deno.test("a time that is none is refused by its name", () => {
  for (const name of ["minDelayMs", "maxDelayMs", "idleMs"]) {
    for (const ms of [0, -1, NaN, "x"]) {
      const message = `resumeClient: ${name} is ${ms}; allowed: from 1`;
      assertThrows(() => play({ [name]: ms } as never), RangeError, message);
    }
    play({ [name]: 1 });
  }
});

Deno.test("a server that is silent is asked, and given up when it does not answer", () => {
  const ends: unknown[] = [];
  const onLost = (end: { code: number; reason: string }) => void ends.push([end.code, end.reason]);
  const played = play({ onLost, idleMs: 1_000 });
  played.socket.open();
  played.clock.advance(1_999);
  assertEquals(played.socket.take(), []);
  played.clock.advance(1);
  assertEquals(played.socket.take(), [{ p: 0 }]);
  played.clock.advance(999);
  played.socket.say({ p: 0 });
  played.clock.advance(2_000);
  assertEquals(played.socket.take(), [{ p: 0 }]);
  assertEquals(ends, []);
  const { socket } = played;
  played.clock.advance(1_000);
  assertEquals([ends, socket.take()], [[[1006, "silent"]], ["close 1000"]]);
  // What it says later is nothing to the connection that followed.
  played.clock.advance(250);
  assertEquals(played.sockets.length, 2);
  assertEquals([socket.onopen, socket.onmessage, socket.onclose], [null, null, null]);
  // One that does not open in that time.
  played.clock.advance(1_000);
  assertEquals(ends.length, 2);
  // The next one has its time anew.
  played.clock.advance(500);
  played.socket.open();
  played.clock.advance(2_000);
  assertEquals([ends.length, played.socket.take()], [2, [{ p: 0 }]]);
});

Deno.test("a message that is not understood costs the connection, and not its place", () => {
  const far = [1, 1, 97, 1, 97, 255, 255, 255, 255, 255, 255, 255, 127];
  const places = [{ e: "a", o: "4" }, { e: "a", o: 2 ** 53 }, { e: 7, o: 4 }, { o: 4 }];
  const wrongs = [
    ...["{", "null", new Uint8Array([1]), new Uint8Array([1, 200]), new Uint8Array(far)],
    ...places.flatMap((place) => [{ t: "a", d: "x", ...place }, { s: 1, r: true, ...place }]),
    ...[{ s: 1, r: true, e: "a", o: -1 }, { t: "a", g: "epoch" }],
  ];
  for (const wrong of wrongs) {
    const played = play();
    played.follow("a");
    played.socket.open();
    played.socket.say(answer(1, 3), wrong);
    assertEquals([played.errors.length, played.socket.take().at(-1)], [1, "close 1000"]);
    played.clock.advance(250);
    played.socket.open();
    assertEquals(played.socket.take(), [{ s: 2, t: "a", e: "a", o: 3 }]);
  }
});

Deno.test("a topic that is refused ends, and one whose broker is away is asked for again", () => {
  const played = play({ idleMs: Infinity });
  const a = played.follow("a");
  const b = played.follow("b", { since: { epoch: "a", offset: 1 } });
  played.client.subscribe("silent", { onMessage() {} });
  played.socket.open();
  played.socket.take();
  played.socket.say({ s: 1, x: "forbidden" }, { s: 2, x: "unavailable" });
  played.socket.say({ s: 3, x: "topic-limit" });
  assertEquals([a.got, b.got], [["forbidden"], []]);
  assertEquals(played.errors.map(String), [
    "Error: subscribe: silent is refused: topic-limit",
  ]);
  played.socket.say(message("b", 2, "not subscribed to"));
  played.clock.advance(250);
  assertEquals(played.socket.take(), [{ s: 4, t: "b", e: "a", o: 1 }]);
  played.socket.say({ s: 4, x: "unavailable" });
  played.clock.advance(499);
  assertEquals(played.socket.take(), []);
  played.clock.advance(1);
  assertEquals(played.socket.take(), [{ s: 5, t: "b", e: "a", o: 1 }]);
  // Behind its answer, too.
  played.socket.say(answer(5, 1), message("b", 2, "x"), { s: 5, x: "unavailable" });
  played.clock.advance(250);
  assertEquals(played.socket.take(), [{ s: 6, t: "b", e: "a", o: 2 }]);
  played.socket.say({ s: 6, x: "unavailable" });
  b.subscription.unsubscribe();
  played.clock.advance(60_000);
  assertEquals(played.socket.take(), [], "it is wanted no more");
  // It may be asked for anew, though it was refused.
  assertEquals(played.follow("a").got, []);
  assertEquals(played.socket.take(), [{ s: 7, t: "a" }]);
  assertEquals([b.got, played.clock.pending], [[["x", 2]], 0]);
});

Deno.test("a topic is subscribed to once, and anew behind its end", () => {
  const played = play();
  const { got, subscription } = played.follow("a");
  assertThrows(() => played.follow("a"), Error, "subscribe: a is subscribed to already");
  played.socket.open();
  played.socket.say(answer(1, 1));
  subscription.unsubscribe();
  const again = played.follow("a", { since: { epoch: "a", offset: 1 } });
  subscription.unsubscribe();
  assertEquals(played.socket.take().slice(1), [{ u: "a" }, { s: 2, t: "a", e: "a", o: 1 }]);
  played.socket.say(message("a", 2, "of the first"), { u: "a" }, answer(2, 1));
  played.socket.say(message("a", 2, "x"));
  assertEquals([got, again.got], [[], [["x", 2]]]);
  // Of one that was never asked for nothing is said.
  played.socket.end();
  again.subscription.unsubscribe();
  assertEquals(played.socket.take(), ["close 1000"]);
});

Deno.test("send tells whether a connection takes it, and what the server's program says comes as data", () => {
  const data: unknown[] = [];
  const played = play({ onData: (each) => void data.push(each) });
  assertEquals(played.client.send("early"), false);
  played.socket.open();
  const bytes = new Uint8Array([1]);
  assertEquals([{ a: 1 }, "text", undefined, bytes].map((each) => played.client.send(each)), [
    ...[true, true, true, true],
  ]);
  assertEquals(played.socket.take(), [{ d: { a: 1 } }, { d: "text" }, { d: null }, bytes]);
  played.socket.say({ d: [1] }, { d: null });
  assertEquals(data, [[1], null]);
  played.socket.end();
  assertEquals(played.client.send("late"), false);
});

Deno.test("closing ends the connection and all that waits, by a signal as well", () => {
  const abort = new AbortController();
  const lost: unknown[] = [];
  const onLost = (end: unknown) => void lost.push(end);
  for (const isBySignal of [false, true]) {
    for (const isAway of [false, true]) {
      const played = play({ signal: isBySignal ? abort.signal : undefined, onLost } as never);
      played.follow("a");
      played.socket.open();
      if (isAway) played.socket.end();
      lost.length = 0;
      if (!isBySignal) played.client.close();
      else if (isAway) abort.abort();
      else continue;
      assertEquals([played.clock.pending, lost], [0, []]);
      assertEquals(played.socket.take().at(-1), "close 1000");
      assertThrows(() => played.follow("b"), Error, "subscribe: the client is closed");
      assertEquals(played.client.send("x"), false);
      played.client.close();
    }
  }
  assertEquals(play({ signal: abort.signal }).sockets, []);
  // A signal that lives on keeps no client.
  const { signal } = new AbortController();
  let removed = 0;
  signal.removeEventListener = () => void removed++;
  play({ signal }).client.close();
  assertEquals(removed, 1);
});

Deno.test("a URL that is none is thrown at once, and a socket that can't be made later is tried again", () => {
  assertThrows(() => resumeClient("http://["), DOMException);
  let isBroken = false;
  const played = play();
  const sockets = [...played.sockets];
  const broken = resumeClient(() => {
    if (isBroken) throw new Error("no token");
    sockets.push(played.socket);
    return played.socket;
  }, { clock: played.clock, random: () => 0.5, onError: (error) => played.errors.push(error) });
  isBroken = true;
  played.socket.end();
  played.clock.advance(250);
  assertEquals(played.errors.map(String), ["Error: no token"]);
  isBroken = false;
  played.clock.advance(500);
  assertEquals(sockets.length, 3);
  broken.close();
});
