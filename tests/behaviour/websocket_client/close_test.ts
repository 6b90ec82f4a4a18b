/** How connections end: `close`, the server's end, failures; by the web platform tests and RFC 6455 section 7.1. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type CloseInfo, handlers, type Protocol } from "../../../mod.ts";
import { WebSocket } from "../../../src/websocket_client/mod.ts";
import { frame } from "../../support/frames.ts";
import { readFrame, readHead, settle } from "../../support/serve.ts";
import { finish, next, openSocket, play, stand, story } from "./standard_socket.ts";

/** A server that remembers how its connections ended, and closes with what it is told. */
function remembering() {
  const ends: CloseInfo[] = [];
  const protocol: Protocol = {
    name: "p",
    callback: handlers({
      message: (wsi, _user, message) => {
        const [code, reason] = String(message).split(" ");
        wsi.close(code === "" ? undefined : Number(code), reason ?? "");
      },
      closed: (_wsi, _user, info) => void ends.push(info),
    }),
  };
  return { ends, protocol };
}

Deno.test("codes other than 1000 and 3000 to 4999 are an InvalidAccessError, whatever the state", async () => {
  // close-invalid, Close-2999-reason, Close-onlyReason
  await using side = stand();
  const socket = new WebSocket("ws://a/", side.way);
  const wrong = [0, 500, 999, 1001, 1005, 1006, 2999, 5000, NaN, "string", null, 0x1_0000 + 1000];
  for (const state of ["connecting", "open", "closed"]) {
    if (state === "open") await next(socket, "open");
    if (state === "closed") await finish(socket);
    for (const code of wrong) {
      const error = assertThrows(() => socket.close(code as number), DOMException);
      assertEquals(error.name, "InvalidAccessError", `${code} ${state}`);
    }
  }
});

Deno.test("a reason of more than 123 bytes of UTF-8 is a SyntaxError", async () => {
  // Close-Reason-124Bytes
  const { ends, protocol } = remembering();
  await using side = stand([protocol]);
  const socket = await openSocket(side.way);
  for (const reason of ["x".repeat(124), "ü".repeat(62)]) {
    const error = assertThrows(() => socket.close(1000, reason), DOMException);
    assertEquals([error.name, socket.readyState], ["SyntaxError", 1]);
  }
  const closed = next<CloseEvent>(socket, "close");
  socket.close(1000, "x" + "ü".repeat(61));
  await closed;
  assertEquals(ends[0]!.reason, "x" + "ü".repeat(61));
});

Deno.test("close begins the closing handshake with code and reason, and close tells what came back", async () => {
  // Close-1000, Close-1000-reason, Close-3000-verify-code, Close-1005, Close-reason-unpaired-surrogates
  const { ends, protocol } = remembering();
  await using side = stand([protocol]);
  for (
    const [args, code, reason] of [
      [[], 1005, ""],
      [[undefined, undefined], 1005, ""],
      [[1000], 1000, ""],
      [[1000, "Clean Close"], 1000, "Clean Close"],
      [[3000, ""], 3000, ""],
      [[4999.4, "x"], 4999, "x"],
      [["1000", null], 1000, "null"],
      [[1000, "\uD807"], 1000, "\uFFFD"],
      // The standard's common steps: there is no reason without a code.
      [[undefined, "only a reason"], 1000, "only a reason"],
    ] as [[number?, string?], number, string][]
  ) {
    const socket = await openSocket(side.way);
    const told = story(socket);
    const closed = next<CloseEvent>(socket, "close");
    assertEquals(socket.close(...args), undefined);
    // interfaces/WebSocket/close/close-basic, close-multiple, readyState/006
    assertEquals([socket.readyState, told], [2, []]);
    socket.close(3001, "no more");
    const event = await closed;
    assert(event instanceof CloseEvent);
    assertEquals([event.code, event.reason, event.wasClean], [code, reason, true]);
    assertEquals([event.bubbles, event.cancelable], [false, false]);
    assertEquals([socket.readyState, told.length], [3, 1]);
    assertEquals([ends.at(-1)!.code, ends.at(-1)!.reason], [code, reason]);
    // interfaces/WebSocket/close/close-nested
    socket.close(3002);
    await settle();
    assertEquals([socket.readyState, told.length], [3, 1]);
  }
});

Deno.test("the server's close is clean, with its code and reason", async () => {
  // Close-server-initiated-close, interfaces/CloseEvent/clean-close
  const { protocol } = remembering();
  await using side = stand([protocol]);
  for (
    const [sent, line] of [
      ["1001 away", 'close 1001 "away" true'],
      ["", 'close 1005 "" true'],
      ["4000", 'close 4000 "" true'],
    ]
  ) {
    const socket = await openSocket(side.way);
    const told = story(socket);
    socket.send(sent!);
    await next(socket, "close");
    assertEquals(told, [line]);
  }
});

Deno.test("the code is the peer's, also where this end has closed first", async () => {
  await using side = play();
  const opening = openSocket(side.way);
  const { peer } = await side.open();
  const socket = await opening;
  const closed = next<CloseEvent>(socket, "close");
  socket.close(3000, "mine");
  const { payload } = await readFrame(peer);
  assertEquals(new TextDecoder().decode(payload.subarray(2)), "mine");
  peer.send(frame({ opcode: 8, payload: new Uint8Array([4001 >> 8, 4001 & 255]) }));
  peer.end();
  const { code, reason, wasClean } = await closed;
  assertEquals([code, reason, wasClean], [4001, "", true]);
});

Deno.test("close while connecting fails the connection, in a task of its own", async () => {
  // interfaces/WebSocket/close/close-connecting, close-connecting-async
  for (const at of ["at once", "asked"]) {
    await using side = play();
    const socket = new WebSocket("ws://server.example.com/", side.way);
    const told = story(socket);
    if (at === "asked") await readHead(await side.accept());
    assertEquals(socket.readyState, 0);
    const failed = next<ErrorEvent>(socket, "error");
    socket.close();
    assertEquals([socket.readyState, told], [2, []]);
    const { error } = await failed;
    assertEquals([error.code, error.message], ["aborted", "closed before it was established"]);
    await next(socket, "close");
    assertEquals(told, ["error", 'close 1006 "" false']);
  }
});

Deno.test("close between the answer and its event fails the connection, too", async () => {
  const { ends, protocol } = remembering();
  const established = Promise.withResolvers<void>();
  const callback = handlers({
    established: () => established.resolve(),
    closed: (_wsi, _user, info) => void ends.push(info),
  });
  await using side = stand([{ ...protocol, callback }]);
  const socket = new WebSocket("ws://a/", side.way);
  const told = story(socket);
  await established.promise;
  // The answer is on its way, and the event would need a task.
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assertEquals(socket.readyState, 0);
  socket.close();
  await next(socket, "close");
  assertEquals(told, ["error", 'close 1006 "" false']);
  assertEquals(ends.map(({ wasClean }) => wasClean), [true], "it was established");
});

Deno.test("what comes once the program has closed is no event", async () => {
  // interfaces/WebSocket/send/007, the standard's "a WebSocket message has been received"
  await using side = play();
  const opening = openSocket(side.way);
  const { peer } = await side.open();
  const socket = await opening;
  const told = story(socket);
  const text = frame({ opcode: 1, payload: "late" });
  peer.send(text);
  peer.send(text);
  socket.onmessage = () => socket.close(1000);
  await next(socket, "message");
  await readFrame(peer);
  peer.send(frame({ opcode: 8, payload: new Uint8Array([3, 232]) }));
  peer.end();
  await next(socket, "close");
  assertEquals(told, ["message late", 'close 1000 "" true']);
});

Deno.test("a server that answers no close is let go after closeTimeoutMs: 1006, and no error", async () => {
  await using side = play();
  const opening = openSocket({ ...side.way, closeTimeoutMs: 700 });
  const { peer } = await side.open();
  const socket = await opening;
  const told = story(socket);
  socket.close(1000);
  await readFrame(peer);
  side.clock.advance(600);
  await settle();
  assertEquals(told, []);
  side.clock.advance(200);
  await next(socket, "close");
  assertEquals(told, ['close 1006 "" false']);
});

Deno.test("what fails an open connection is an error that says why, then close with 1006", async () => {
  for (
    const [how, why] of [
      ["the end of its stream", "without a closing handshake"],
      ["a masked frame", "broke the protocol"],
      ["text that is no UTF-8", "broke the protocol"],
      ["a frame above the limit", "went past a limit"],
      ["a reset", "it broke"],
      ["no pong", "answered no ping"],
    ]
  ) {
    await using side = play();
    const opening = openSocket({
      ...side.way,
      maxMessageSize: 100,
      keepAlive: { time: 1, probes: 1, interval: 1 },
    });
    const { peer } = await side.open();
    const socket = await opening;
    const told = story(socket);
    const failed = next<ErrorEvent>(socket, "error");
    const closed = next(socket, "close");
    if (how === "the end of its stream") peer.end();
    if (how === "a masked frame") peer.send(frame({ opcode: 1, payload: "x", key: [1, 2, 3, 4] }));
    if (how === "text that is no UTF-8") {
      peer.send(frame({ opcode: 1, payload: new Uint8Array([255]) }));
    }
    if (how === "a frame above the limit") {
      peer.send(frame({ opcode: 2, payload: new Uint8Array(101) }));
    }
    if (how === "a reset") peer.transport.reset();
    if (how === "no pong") {
      for (let i = 0; i < 4; i++) {
        side.clock.advance(1_000);
        await settle();
      }
    }
    if (how !== "a reset" && how !== "no pong") peer.end();
    const { message, error } = await failed;
    assertStringIncludes(message, why!, how);
    assertEquals([error.code, error.message], ["connection-closed", message]);
    await closed;
    assertEquals(told, ["error", 'close 1006 "" false'], how);
  }
});
