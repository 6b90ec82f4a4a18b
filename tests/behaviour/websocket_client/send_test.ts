/** What is sent: kinds of data, their order, and `bufferedAmount`; by the web platform tests. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, LwsError, type Protocol } from "../../../mod.ts";
import { WebSocket } from "../../../src/websocket_client/mod.ts";
import { readFrame, settle } from "../../support/serve.ts";
import { finish, next, openSocket, play, stand, story } from "./standard_socket.ts";

/** A server that keeps what comes. */
function keeping() {
  const kept: (string | Uint8Array)[] = [];
  const waiting: (() => void)[] = [];
  const protocol: Protocol = {
    name: "p",
    callback: handlers({
      message(_wsi, _user, message) {
        kept.push(message);
        for (const wake of waiting.splice(0)) wake();
      },
    }),
  };
  return {
    kept,
    protocol,
    async until(count: number) {
      while (kept.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

Deno.test("send while connecting is an InvalidStateError, and counts nothing", async () => {
  // Send-before-open, interfaces/WebSocket/send/001
  await using side = stand();
  const socket = new WebSocket("ws://a/", side.way);
  for (const call of [() => socket.send("hello"), () => socket.ping()]) {
    assertEquals(assertThrows(call, DOMException).name, "InvalidStateError");
  }
  assertEquals(socket.bufferedAmount, 0);
  await next(socket, "open");
  await finish(socket);
});

Deno.test("send without an argument is a TypeError", async () => {
  // interfaces/WebSocket/send/002
  await using side = stand();
  const socket = await openSocket(side.way);
  assertThrows(() => Reflect.apply(socket.send, socket, []), TypeError, "1 argument required");
  assertThrows(() => Reflect.apply(socket.send, {}, ["x"]), TypeError);
  await finish(socket);
});

Deno.test("each kind of data arrives as text or binary, with its own bytes, in order", async () => {
  // Send-data, Send-null, Send-0byte-data, Send-unicode-data, Send-unpaired-surrogates, Send-binary-…
  const { kept, protocol, until } = keeping();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  const buffer = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]).buffer;
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(9).buffer;
  const detached = new Uint8Array(5);
  structuredClone(detached, { transfer: [detached.buffer] });
  const cases: (readonly [unknown, string | readonly number[]])[] = [
    ["", ""],
    ["hello", "hello"],
    ["¥¥¥¥¥¥", "¥¥¥¥¥¥"],
    ["\uD83D\uDE0A", "😊"],
    ["\uD807", "\uFFFD"],
    [null, "null"],
    [undefined, "undefined"],
    [17, "17"],
    [{ toString: () => "an object" }, "an object"],
    [buffer, [0, 1, 2, 3, 4, 5, 6, 7]],
    [shared, [9, 9]],
    [new Uint8Array(buffer, 2), [2, 3, 4, 5, 6, 7]],
    [new Uint16Array(buffer, 2, 2), [2, 3, 4, 5]],
    [new DataView(buffer, 7), [7]],
    [new Float64Array(buffer), [0, 1, 2, 3, 4, 5, 6, 7]],
    [new ArrayBuffer(0), []],
    [detached, []],
    [detached.buffer, []],
    [new Blob(["bl", "ob"]), [...new TextEncoder().encode("blob")]],
    [new Blob([]), []],
    ["behind", "behind"],
  ];
  for (const [data] of cases) assertEquals(socket.send(data as string), undefined);
  await until(cases.length);
  const got = kept.map((each) => typeof each === "string" ? each : [...each]);
  assertEquals(got, cases.map(([, expected]) => expected));
  await finish(socket);
});

Deno.test("bytes are those at the call, also of what waits behind a Blob", async () => {
  const { kept, protocol, until } = keeping();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  const bytes = new Uint8Array([1]);
  socket.send(bytes);
  bytes[0] = 2;
  socket.send(new Blob(["b"]));
  socket.send(bytes);
  bytes[0] = 3;
  socket.send(bytes.buffer);
  bytes[0] = 4;
  socket.send("end");
  await until(5);
  assertEquals(kept.map((each) => typeof each === "string" ? each : each[0]), [1, 98, 2, 3, "end"]);
  await finish(socket);
});

Deno.test("a Blob whose bytes come late keeps what is behind it, and the closing handshake", async () => {
  const { kept, protocol, until } = keeping();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  const late = new Blob(["late"]);
  const bytes = Promise.withResolvers<ArrayBuffer>();
  late.arrayBuffer = () => bytes.promise;
  socket.send("before");
  socket.send(late);
  socket.send("behind");
  const closed = next<CloseEvent>(socket, "close");
  socket.close(3000, "done");
  await until(1);
  await settle();
  assertEquals([kept, socket.readyState, socket.bufferedAmount], [["before"], 2, 4 + 6]);
  bytes.resolve(new TextEncoder().encode("LATE").buffer);
  const { code, wasClean } = await closed;
  assertEquals([code, wasClean], [3000, true]);
  assertEquals(kept, ["before", new TextEncoder().encode("LATE"), "behind"]);
  assertEquals(socket.bufferedAmount, 0);
});

Deno.test("a Blob that can't be read fails the connection, and nothing behind it is sent", async () => {
  const { kept, protocol } = keeping();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  const told = story(socket);
  const broken = new Blob(["x"]);
  broken.arrayBuffer = () => Promise.reject(new Error("the file has changed"));
  const failed = next<ErrorEvent>(socket, "error");
  const closed = next(socket, "close");
  socket.send(broken);
  socket.send("behind");
  assertStringIncludes((await failed).message, "the file has changed");
  await closed;
  assertEquals([told, kept], [["error", 'close 1006 "" false'], []]);
});

Deno.test("bufferedAmount grows with each send, by bytes of UTF-8, and not before the task is over does it fall", async () => {
  // interfaces/WebSocket/bufferedAmount: -arraybuffer, -blob, -large, -unicode, -unchanged-by-sync-xhr
  await using side = stand();
  const socket = await openSocket(side.way);
  const amounts: number[] = [];
  for (const data of ["ab", "üü", new Uint8Array(1000), new Blob(["xyz"]), ""]) {
    socket.send(data);
    amounts.push(socket.bufferedAmount);
  }
  assertEquals(amounts, [2, 6, 1006, 1009, 1009]);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assertEquals(socket.bufferedAmount, 1009, "in the same task");
  socket.send("end");
  let data: unknown;
  while (data !== "end") ({ data } = await next<MessageEvent>(socket, "message"));
  assertEquals(socket.bufferedAmount, 0, "the echo has come");
  await finish(socket);
});

Deno.test("bufferedAmount of a server that reads nothing is what waits, and falls as it reads", async () => {
  await using side = play();
  const opening = openSocket(side.way);
  const { peer } = await side.open();
  const socket = await opening;
  peer.transport.hold();
  const size = 100_000;
  for (let i = 0; i < 50; i++) socket.send(new Uint8Array(size).fill(i));
  await settle();
  assertEquals(socket.bufferedAmount, 50 * size);
  peer.transport.release();
  for (let i = 0; i < 50; i++) {
    const { payload } = await readFrame(peer);
    assertEquals([payload.length, payload[0]], [size, i]);
  }
  await settle();
  assertEquals(socket.bufferedAmount, 0);
});

Deno.test("once it closes bufferedAmount only grows, and never falls again", async () => {
  // interfaces/WebSocket/send/008 to 012, bufferedAmount after close
  const { kept, protocol } = keeping();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  socket.send("abc");
  const closed = next(socket, "close");
  socket.close();
  const behind = ["ü", new Uint8Array(5), new Blob(["xy"]), new ArrayBuffer(1)];
  for (const data of behind) socket.send(data);
  assertEquals(socket.bufferedAmount, 3 + 10);
  await closed;
  assertEquals(socket.bufferedAmount, 10);
  socket.send("more");
  await settle();
  assertEquals([socket.bufferedAmount, kept], [14, ["abc"]]);
});

Deno.test("what is sent behind the server's close frame counts, and makes the state CLOSING", async () => {
  await using side = play();
  const opening = openSocket(side.way);
  const { peer } = await side.open();
  const socket = await opening;
  peer.send(new Uint8Array([0x88, 0]));
  const { payload } = await readFrame(peer);
  assertEquals(payload.length, 0);
  socket.send("too late");
  assertEquals([socket.bufferedAmount, socket.readyState], [8, 2]);
  const closed = next<CloseEvent>(socket, "close");
  peer.end();
  assertEquals((await closed).code, 1005);
  assertEquals(socket.bufferedAmount, 8);
});

Deno.test("messages far beyond the connection's own limits go out whole", async () => {
  // Send-65K-data, Send-binary-65K-arraybuffer, and a good deal more
  const { kept, protocol, until } = keeping();
  const max = 64 * 1024 * 1024;
  await using side = stand([protocol], { maxMessageSize: max, maxFramePayload: max });
  const socket = await openSocket(side.way);
  const long = "ü".repeat(9 * 1024 * 1024);
  for (const data of ["x".repeat(65_000), long, new Uint8Array(5_000_000).fill(7)]) {
    socket.send(data);
  }
  await until(3);
  assertEquals(kept.map((each) => each.length), [65_000, long.length, 5_000_000]);
  assert(kept[1] === long);
  assertEquals((await finish(socket)).wasClean, true);
});

Deno.test("ping refuses more than 125 bytes, and what is neither text nor bytes", async () => {
  await using side = stand();
  const socket = await openSocket(side.way);
  for (const data of ["x".repeat(126), "ü".repeat(63), new Uint8Array(126), 5, new Blob(["x"])]) {
    const error = assertThrows(() => socket.ping(data as string), LwsError, "ping: data");
    assertEquals(error.code, "invalid-argument");
  }
  const answered = next<MessageEvent>(socket, "pong");
  socket.ping("x".repeat(125));
  assertEquals((await answered).data.byteLength, 125);
  await finish(socket);
});
