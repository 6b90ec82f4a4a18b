/** Callback extensions while a connection closes. */

import { assertEquals } from "@std/assert";
import { type Wsi } from "../../../mod.ts";
import { frame, KEY } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import { openAlone, serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import { doing, OFFER, put, textOf, watched } from "./callback_extension.ts";

const encoder = new TextEncoder();

// Closing.

/** An extension that keeps connections open as long as it is told to, and counts the questions. */
function keeper(verdict: () => number | void) {
  const asked = { count: 0 };
  const extension = doing({
    checkOkToReallyClose() {
      asked.count++;
      return verdict();
    },
  });
  return { extension, asked };
}

Deno.test("checkOkToReallyClose keeps it open: wsi.close returns −1, and a return value does nothing", async () => {
  let mayClose = false;
  const { extension, asked } = keeper(() => mayClose ? 0 : 1);
  const { protocol, wsi, closes } = watched({ receivePing: () => -1, serverWriteable: () => -1 });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  assertEquals(wsi().close(1000), -1);
  assertEquals(wsi().write(Uint8Array.of(3, 232), "close"), -1);
  socket.send({ opcode: 9, payload: "p" });
  assertEquals((await socket.receive()).opcode, 10);
  wsi().callbackOnWritable();
  await settle();
  assertEquals([asked.count, closes], [4, []]);
  wsi().write("still open");
  assertEquals(await socket.receiveText(), "still open");
  mayClose = true;
  assertEquals(wsi().close(1000), 0);
  assertEquals((await socket.receiveClose()).code, 1000);
});

Deno.test("a return value that closes from established can be put off as well", async () => {
  const { extension } = keeper(() => 1);
  const { protocol, closes } = watched({ established: () => -1 });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  socket.send({ opcode: 9, payload: "p" });
  assertEquals((await socket.receive()).opcode, 10);
  assertEquals(closes, []);
});

for (const verdict of [0, undefined, -1, "throws"] as const) {
  Deno.test(`checkOkToReallyClose that ${verdict === "throws" ? verdict : `returns ${verdict}`} lets it close`, async () => {
    using _log = captureLog(["err", "warn"]);
    const { extension } = keeper(() => {
      if (verdict === "throws") throw new Error("no good");
      return verdict;
    });
    const { protocol, wsi } = watched();
    await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
    assertEquals(wsi().close(1000), 0);
    assertEquals((await socket.receiveClose()).code, 1000);
  });
}

const OTHERS: readonly (readonly [
  string,
  number,
  (socket: WebSocketPeer, served: ReturnType<typeof serve>, wsi: Wsi) => void,
])[] = [
  ["the peer closes", 1000, (socket) => socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) })],
  ["the peer breaks the protocol", 1002, (socket) => socket.send({ opcode: 3 })],
  [
    "a message is too big for the handler",
    1009,
    (socket) => socket.send({ opcode: 2, fin: false, payload: new Uint8Array(2000) }),
  ],
  ["a callback throws", 1011, (socket) => socket.send({ opcode: 10 })],
  ["the context is destroyed", 1001, (_socket, served) => void served.context.destroy()],
];

for (const [what, code, act] of OTHERS) {
  Deno.test(`nobody is asked when ${what}`, async () => {
    using _log = captureLog(["err", "warn"]);
    const { extension, asked } = keeper(() => 1);
    const { protocol, wsi, closes } = watched({
      receivePong() {
        throw new Error("a fault of the program's");
      },
    });
    await using served = serve([protocol], { extensions: [extension], maxMessageSize: 1000 });
    const socket = await served.open(OFFER);
    act(socket, served, wsi());
    assertEquals((await socket.receiveClose()).code, code);
    socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
    socket.peer.close();
    await settle();
    assertEquals([closes.length, asked.count], [1, 0]);
  });
}

Deno.test("the message handler's own bound closes whatever an extension says", async () => {
  const { extension, asked } = keeper(() => 1);
  const { protocol } = watched();
  await using socket = await openAlone([{ ...protocol, rxBufferSize: 100 }], {
    extensions: [extension],
    maxMessageSize: 1000,
  }, OFFER);
  // The frame announces more than the handler takes, and is refused before it is there.
  const long = frame({ opcode: 2, payload: new Uint8Array(1001), key: KEY });
  socket.peer.send(long.subarray(0, 200));
  assertEquals((await socket.receiveClose()).code, 1009);
  assertEquals(asked.count, 0);
});

Deno.test("a timeout cuts the connection, whatever an extension says", async () => {
  const { extension, asked } = keeper(() => 1);
  const { protocol, wsi, closes } = watched();
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  wsi().setTimeout("userReason", 2);
  served.clock.advance(2500);
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  assertEquals([closes, asked.count], [[1006], 0]);
});

Deno.test("one of several extensions is enough to keep a connection open", async () => {
  const { protocol, wsi } = watched();
  await using served = serve([protocol], {
    extensions: [
      doing({ checkOkToReallyClose: () => 0 }, "x-1"),
      doing({ checkOkToReallyClose: () => 1 }, "x-2"),
    ],
  });
  await served.open({ headers: ["Sec-WebSocket-Extensions: x-1"] });
  assertEquals(wsi().close(), 0);
  await served.open({ headers: ["Sec-WebSocket-Extensions: x-1, x-2"] });
  assertEquals(wsi().close(), -1);
});

// Before our last words.

function flushing(parts: readonly string[]) {
  const shown: (string | null)[] = [];
  const extension = doing({
    flushPendingTx(data) {
      shown.push(textOf(data));
      assertEquals(data.tokenLength, 0);
      put(data, parts[shown.length - 1] ?? null);
      return shown.length < parts.length ? 1 : 0;
    },
  });
  return { extension, shown };
}

const ENDS: readonly (readonly [
  string,
  (wsi: Wsi, socket: WebSocketPeer) => void,
  Uint8Array,
])[] = [
  [
    "our close frame",
    (wsi) => void wsi.close(1000),
    frame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
  ],
  [
    "our answer to the peer's",
    (_wsi, socket) => socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) }),
    frame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
  ],
  [
    "the close frame of a failure",
    (_wsi, socket) => socket.send({ opcode: 8, payload: "x" }),
    frame({
      opcode: 8,
      payload: new Uint8Array([3, 234, ...encoder.encode("malformed close frame")]),
    }),
  ],
  [
    "our end without one",
    (_wsi, socket) => socket.send({ opcode: 1, payload: "x" }),
    new Uint8Array(0),
  ],
  ["our end after the peer's", (_wsi, socket) => socket.peer.end(), new Uint8Array(0)],
];

for (const [what, act, last] of ENDS) {
  for (const parts of [[], ["one"], ["one", "two"], ["one", "", "three"]]) {
    Deno.test(`flushPendingTx puts ${parts.length} parts in front of ${what}, once`, async () => {
      const { extension, shown } = flushing(parts);
      const { protocol, wsi } = watched({ message: () => -1 });
      await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
      wsi().write("before");
      await socket.receive();
      act(wsi(), socket);
      const expected = new Uint8Array([...encoder.encode(parts.join("")), ...last]);
      if (expected.length > 0) assertEquals(await socket.peer.readBytes(expected.length), expected);
      if (what === "our close frame") {
        socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
      }
      assertEquals(await socket.peer.readToEnd(), new Uint8Array(0));
      assertEquals(shown, new Array(Math.max(1, parts.length)).fill(null));
    });
  }
}

Deno.test("an extension that closes in flushPendingTx, or in the question before, closes once", async () => {
  const { protocol, wsi } = watched();
  const extension = doing({ flushPendingTx: (_data, wsi) => void wsi.close(3001) });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  wsi().close(3000);
  assertEquals((await socket.receiveClose()).code, 3001);
  socket.send({ opcode: 8, payload: Uint8Array.of(11, 185) });
  assertEquals((await socket.peer.readToEnd()).length, 0);
});
