/** The established phase on a server, as a peer sees it on the wire. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { allocPadded, handlers, LwsError, type Protocol, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { openAlone, serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import type { FrameOptions } from "../../support/frames.ts";
import { named } from "../../support/named.ts";

const echo = named("echo", {
  message: (wsi, _user, message) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary"),
});

/** A protocol that hands its connection to the test. */
function captive(extra: Partial<Parameters<typeof handlers>[0]> = {}): {
  protocol: Protocol;
  wsi: Promise<Wsi>;
} {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const protocol = named("captive", { established: (wsi) => resolve(wsi), ...extra });
  return { protocol, wsi: promise };
}

// What a peer may not send (RFC 6455 sections 5 and 8.1).

const OFFENCES: readonly [name: string, code: number, frames: readonly FrameOptions[]][] = [
  ["a reserved bit", 1002, [{ opcode: 1, rsv: 4 }]],
  ["an unknown opcode", 1002, [{ opcode: 3 }]],
  ["a 126-byte ping", 1002, [{ opcode: 9, payload: new Uint8Array(126) }]],
  ["a fragmented ping", 1002, [{ opcode: 9, fin: false }]],
  ["a lone continuation", 1002, [{ opcode: 0, payload: "x" }]],
  ["a message inside a message", 1002, [{ opcode: 1, fin: false }, { opcode: 1 }]],
  ["a length that is not minimal", 1002, [{ opcode: 2, payload: "x", lengthBytes: 2 }]],
  ["invalid UTF-8", 1007, [{ opcode: 1, payload: Uint8Array.of(0xc3, 0x28) }]],
  ["text that ends inside a character", 1007, [{ opcode: 1, payload: Uint8Array.of(0xe2, 0x82) }]],
  ["invalid UTF-8 across fragments", 1007, [
    { opcode: 1, fin: false, payload: Uint8Array.of(0xe2) },
    { opcode: 0, payload: Uint8Array.of(0x28) },
  ]],
  ["a close payload of one byte", 1002, [{ opcode: 8, payload: "x" }]],
  ["close code 1005", 1002, [{ opcode: 8, payload: Uint8Array.of(3, 0xed) }]],
  ["close code 2999", 1002, [{ opcode: 8, payload: Uint8Array.of(0x0b, 0xb7) }]],
  ["a close reason that is not UTF-8", 1007, [{
    opcode: 8,
    payload: Uint8Array.of(3, 0xe8, 0xff),
  }]],
  ["a frame above maxFramePayload", 1009, [{ opcode: 2, payload: new Uint8Array(1001) }]],
];

for (const [name, code, frames] of OFFENCES) {
  Deno.test(`${name} costs its connection with ${code}, and nobody else anything`, async () => {
    const closes: number[] = [];
    await using served = serve([named("echo", {
      message: (wsi, _user, message) => void wsi.write(message),
      closed: (_wsi, _user, info) => void closes.push(info.code),
    })], { maxFramePayload: 1000 });
    const bystander = await served.open();
    const offender = await served.open();
    bystander.send({ opcode: 1, payload: "before" });
    assertEquals(await bystander.receiveText(), "before");
    offender.send(...frames, { opcode: 1, payload: "ignored" });
    assertEquals((await offender.receiveClose()).code, code);
    assertEquals((await offender.peer.readToEnd()).length, 0);
    offender.peer.close();
    await settle();
    assertEquals(closes, [code]);
    bystander.send({ opcode: 1, payload: "after" });
    assertEquals(await bystander.receiveText(), "after");
  });
}

Deno.test("an unmasked frame costs its connection with 1002 (section 5.1)", async () => {
  await using served = serve([echo]);
  const { peer, receiveClose } = await served.open().then((socket) => ({
    peer: socket.peer,
    receiveClose: () => socket.receiveClose(),
  }));
  peer.send(Uint8Array.of(0x81, 1, 0x61));
  assertEquals((await receiveClose()).code, 1002);
});

Deno.test("half a frame and then the end is an abnormal close", async () => {
  const recorder = record("x");
  const infos: unknown[] = [];
  await using socket = await openAlone([{
    name: "x",
    callback(wsi, reason, user, data) {
      if (reason === "closed") infos.push(data);
      return recorder.protocol.callback(...([wsi, reason, user, data] as never));
    },
  }]);
  socket.peer.send(Uint8Array.of(0x81, 0x85, 1, 2, 3, 4, 5));
  socket.peer.close();
  await recorder.until("wsiDestroy");
  assertEquals(infos, [{ code: 1006, reason: "", wasClean: false, cause: "peer" }]);
  assert(!recorder.reasons.includes("receive"));
});

Deno.test("after a failure input is discarded until the peer closes, so that nothing is reset", async () => {
  const recorder = record("x");
  await using socket = await openAlone([recorder.protocol]);
  socket.send({ opcode: 3 });
  assertEquals((await socket.receiveClose()).code, 1002);
  assertEquals((await socket.peer.readToEnd()).length, 0);
  for (let i = 0; i < 5; i++) {
    socket.peer.send(new Uint8Array(50_000));
    await settle();
  }
  assert(!recorder.reasons.includes("closed"));
  socket.peer.close();
  await recorder.until("closed");
  assert(!recorder.reasons.includes("receive"));
});

// Messages.

Deno.test("messages of every length class come back whole, at every kind of split", async () => {
  await using served = serve([echo], { maxMessageSize: 200_000 });
  for (const chop of [Infinity, 1000, 7, 1]) {
    const socket = await served.open();
    socket.peer.transport.peer.chop(chop);
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 150_000]) {
      if (chop < 1000 && length > 126) continue;
      const payload = new Uint8Array(length).map((_, i) => i * 31);
      socket.send({ opcode: 2, payload });
      const back = await socket.receive();
      assertEquals(back.opcode, 2);
      assert(!back.masked);
      assertEquals(back.payload, payload);
    }
    socket.peer.close();
  }
});

Deno.test("a 10,000-byte frame on a protocol of 4,096 comes with 5,904, 1,808 and 0 left", async () => {
  const left: number[] = [];
  const recorder = record("small", (wsi, reason, _user, data) => {
    if (reason !== "receive") return;
    left.push(wsi.remainingPacketPayload);
    assertEquals(data.every((byte) => byte === 0x61), true);
    assert(wsi.isFinalFragment);
    assert(!wsi.frameIsBinary);
  });
  await using socket = await openAlone([{ ...recorder.protocol, rxBufferSize: 4096 }]);
  socket.peer.transport.peer.chop(777);
  socket.send({ opcode: 1, payload: "a".repeat(10_000) });
  await recorder.until("receive", 3);
  assertEquals(left, [5904, 1808, 0]);
});

Deno.test("many frames in one read are answered in one write", async () => {
  await using socket = await openAlone([echo]);
  let writes = 0;
  const { peer: serverEnd } = socket.peer.transport;
  const write = serverEnd.write.bind(serverEnd);
  serverEnd.write = (bytes) => {
    writes++;
    return write(bytes);
  };
  socket.send(...Array.from({ length: 100 }, () => ({ opcode: 1, payload: "x" })));
  for (let i = 0; i < 100; i++) assertEquals(await socket.receiveText(), "x");
  assertEquals(writes, 1);
});

Deno.test("frames in the same packet as the handshake are not lost", async () => {
  await using served = serve([echo]);
  const { handshake } = await import("../../support/serve.ts");
  const { frame, concat, KEY } = await import("../../support/frames.ts");
  const { WebSocketPeer, readHead } = await import("../../support/serve.ts");
  const peer = await served.dial();
  const first = frame({ opcode: 1, payload: "early", key: KEY });
  peer.send(concat(new TextEncoder().encode(handshake()), first));
  assertEquals(await new WebSocketPeer(peer, await readHead(peer)).receiveText(), "early");
});

// Writing.

Deno.test("every kind of WebSocket write is the frame of its name", async () => {
  const { protocol, wsi } = captive();
  await using socket = await openAlone([protocol]);
  const connection = await wsi;
  assertEquals(connection.write("text"), 4);
  assertEquals(connection.write("é", "text"), 2);
  assertEquals(connection.write(Uint8Array.of(1, 2), "binary"), 2);
  assertEquals(connection.write("a", "text", { fin: false }), 1);
  assertEquals(connection.write("p", "ping"), 1);
  assertEquals(connection.write("b", "continuation", { fin: false }), 1);
  assertEquals(connection.write("c", "continuation"), 1);
  assertEquals(connection.write(new Uint8Array(0), "pong"), 0);
  assertEquals(connection.write("", "text"), 0);
  const frames = [];
  for (let i = 0; i < 9; i++) {
    const { fin, rsv, opcode, payload } = await socket.receive();
    frames.push([fin, rsv, opcode, new TextDecoder("latin1").decode(payload)]);
  }
  assertEquals(frames, [
    [true, 0, 1, "text"],
    [true, 0, 1, "Ã©"],
    [true, 0, 2, "\x01\x02"],
    [false, 0, 1, "a"],
    [true, 0, 9, "p"],
    [false, 0, 0, "b"],
    [true, 0, 0, "c"],
    [true, 0, 10, ""],
    [true, 0, 1, ""],
  ]);
  assertEquals(connection.write(Uint8Array.of(0x03, 0xe9, 0x62), "close"), 3);
  assertEquals(await socket.receiveClose(), { code: 1001, reason: "b" });
  assertEquals(connection.write("late"), -1);
});

Deno.test("HTTP writes on a WebSocket return -1", async () => {
  const { protocol, wsi } = captive();
  await using served = serve([protocol]);
  await served.open();
  const connection = await wsi;
  for (const kind of ["http", "httpHeaders", "httpFinal"] as const) {
    assertEquals(connection.write("x", kind), -1);
  }
  assertEquals(connection.returnHttpStatus(200), 1);
  assertEquals(connection.serveHttpFile("/x"), -1);
  assertEquals(connection.writeHttpHeaders(200, []), -1);
  assertEquals(connection.httpTransactionCompleted(), 1);
});

Deno.test("writes that no peer could understand are refused by name", async () => {
  const { protocol, wsi } = captive();
  await using served = serve([protocol]);
  await served.open();
  const connection = await wsi;
  const refused = (code: string, part: string, run: () => void) => {
    const error = assertThrows(run, LwsError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, part);
  };
  refused("invalid-argument", "126", () => connection.write(new Uint8Array(126), "ping"));
  refused("invalid-argument", "fragmented", () => connection.write("", "pong", { fin: false }));
  refused("invalid-argument", "close", () => connection.write("x", "close"));
  refused("invalid-argument", "seconds", () => connection.setTimeout("userReason", -1));
  refused("invalid-argument", "seconds", () => connection.setTimeout("userReason", 2_147_484));
  connection.setTimeout("userReason", 2_147_483);
  refused("invalid-state", "continue", () => connection.write("x", "continuation"));
  connection.write("a", "text", { fin: false });
  refused("invalid-state", "continuation", () => connection.write("b"));
  refused("invalid-argument", "1005", () => connection.close(1005));
  refused("invalid-argument", "1000", () => connection.close(999));
  refused("invalid-argument", "124", () => connection.close(1000, "x".repeat(124)));
  refused("invalid-argument", "needs a code", () => connection.close(undefined, "x"));
  assertEquals(connection.write(new Uint8Array(125), "ping"), 125);
  assertEquals(connection.close(1000, "x".repeat(123)), 0);
});

Deno.test("allocPadded buffers are sent as they are, once, and as copies from then on", async () => {
  const { protocol, wsi } = captive();
  await using socket = await openAlone([protocol]);
  const connection = await wsi;
  for (const length of [0, 5, 125, 126, 65_536]) {
    const data = allocPadded(length);
    data.fill(7);
    assertEquals(connection.write(data, "binary"), length);
    assertEquals(connection.write(data, "binary"), length);
    assertEquals((await socket.receive()).payload, new Uint8Array(length).fill(7));
    assertEquals((await socket.receive()).payload, new Uint8Array(length).fill(7));
  }
});

Deno.test("what was written is taken: changing the buffer afterwards changes nothing", async () => {
  const { protocol, wsi } = captive();
  await using socket = await openAlone([protocol]);
  const connection = await wsi;
  for (const length of [10, 100_000]) {
    const data = new Uint8Array(length).fill(1);
    connection.write(data, "binary");
    data.fill(2);
    assertEquals((await socket.receive()).payload, new Uint8Array(length).fill(1));
  }
});

// Writeable callbacks and backpressure.

Deno.test("writeable requests merge, never come inside the request, and are one-shot", async () => {
  let inside = false;
  let asked = 0;
  const recorder = record("w", (wsi, reason, _user, _data) => {
    if (reason === "established") {
      inside = true;
      for (let i = 0; i < 3; i++) assertEquals(wsi.callbackOnWritable(), 1);
      inside = false;
    }
    if (reason === "serverWriteable") {
      assert(!inside);
      assert(!wsi.partialBuffered);
      assertEquals(wsi.unsentBytes, 0);
      if (++asked === 1) wsi.callbackOnWritable();
    }
  });
  await using served = serve([recorder.protocol]);
  await served.open();
  await recorder.until("serverWriteable", 2);
  await settle();
  assertEquals(asked, 2);
});

Deno.test("one request is one writeable callback, however much it writes", async () => {
  const recorder = record("w", (wsi, reason, _user, _data) => {
    if (reason === "established") wsi.callbackOnWritable();
    if (reason === "serverWriteable") wsi.write("x");
  });
  await using socket = await openAlone([recorder.protocol]);
  assertEquals(await socket.receiveText(), "x");
  await settle();
  assertEquals(recorder.reasons.filter((each) => each === "serverWriteable").length, 1);
});

Deno.test("what is written after the request leaves before the writeable callback", async () => {
  const recorder = record("w", (wsi, reason, _user, _data) => {
    if (reason === "serverWriteable") assertEquals(wsi.unsentBytes, 0);
    if (reason !== "receive") return;
    wsi.callbackOnWritable();
    wsi.write(new Uint8Array(200_000), "binary");
  });
  await using socket = await openAlone([recorder.protocol]);
  socket.peer.transport.stopReading();
  socket.send({ opcode: 1, payload: "go" });
  await settle();
  assert(!recorder.reasons.includes("serverWriteable"));
  socket.peer.transport.startReading();
  await recorder.until("serverWriteable");
});

Deno.test("a writeable callback waits until the peer has read all", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const recorder = record("w", { established: (wsi) => void resolve(wsi) });
  await using socket = await openAlone([recorder.protocol], { softUnsentBytes: 100_000 });
  const wsi = await promise;
  socket.peer.transport.stopReading();
  wsi.write(new Uint8Array(50_000), "binary");
  wsi.write(new Uint8Array(49_000), "binary");
  assert(!wsi.partialBuffered);
  wsi.write(new Uint8Array(50_000), "binary");
  assert(wsi.partialBuffered);
  wsi.callbackOnWritable();
  await settle();
  assert(!recorder.reasons.includes("serverWriteable"));
  socket.peer.transport.startReading();
  await recorder.until("serverWriteable");
  assertEquals(wsi.unsentBytes, 0);
});

Deno.test("maxUnsentBytes may be unsent; one byte more returns -1 and closes", async () => {
  using log = captureLog();
  const { protocol, wsi } = captive();
  const recorder = record("first");
  await using served = serve([recorder.protocol, protocol], { maxUnsentBytes: 100_000 });
  const socket = await served.open({ protocol: "captive" });
  const connection = await wsi;
  socket.peer.transport.stopReading();
  assertEquals(connection.write(new Uint8Array(100_000 - 10), "binary"), 99_990);
  assertEquals(connection.unsentBytes, 100_000);
  assertEquals(connection.write("", "ping"), -1);
  await recorder.until("wsiDestroy");
  assertEquals(connection.write("x"), -1);
  assertEquals(connection.callbackOnWritable(), -1);
  assertStringIncludes(log.lines[0]!, "maxUnsentBytes");
});

// Flow control and timeouts.

Deno.test("rxFlowControl keeps what was read and delivers it in order, never inside the call", async () => {
  const got: string[] = [];
  let resuming = false;
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const recorder = record("flow", (wsi, reason, _user, data) => {
    if (reason === "established") resolve(wsi);
    if (reason !== "receive") return;
    assert(!resuming);
    got.push(new TextDecoder().decode(data));
    wsi.rxFlowControl(false);
  });
  await using socket = await openAlone([recorder.protocol]);
  const wsi = await promise;
  const frames = ["a", "b", "c", "d"].map((payload) => ({ opcode: 1, payload }));
  socket.send(...frames.slice(0, 3));
  socket.send(frames[3]!);
  await settle();
  assertEquals(got, ["a"]);
  for (let count = 2; count <= 4; count++) {
    resuming = true;
    assertEquals(wsi.rxFlowControl(true), 0);
    resuming = false;
    await recorder.until("receive", count);
    await settle();
    assertEquals(got, ["a", "b", "c", "d"].slice(0, count));
  }
});

Deno.test("receiving that is stopped in established holds even frames of the same packet", async () => {
  const { handshake, readHead } = await import("../../support/serve.ts");
  const { frame, concat, KEY } = await import("../../support/frames.ts");
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const recorder = record("flow", (wsi, reason, _user, _data) => {
    if (reason !== "established") return;
    wsi.rxFlowControl(false);
    resolve(wsi);
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial(concat(
    new TextEncoder().encode(handshake()),
    frame({ opcode: 1, payload: "early", key: KEY }),
  ));
  await readHead(peer);
  await settle();
  assert(!recorder.reasons.includes("receive"));
  (await promise).rxFlowControl(true);
  await recorder.until("receive");
});

Deno.test("setTimeout cuts strictly after its seconds, is replaced and is cancelled", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const recorder = record("t", { established: (wsi) => void resolve(wsi) });
  await using served = serve([recorder.protocol], { kaTime: 0 });
  const socket = await served.open();
  const wsi = await promise;
  wsi.setTimeout("userReason", 10);
  served.clock.advance(9_000);
  wsi.setTimeout("userReason", 10);
  await served.pass(9_990);
  assert(!recorder.reasons.includes("closed"));
  wsi.setTimeout("noPendingTimeout", 0);
  await served.pass(100_000);
  assert(!recorder.reasons.includes("closed"));
  wsi.setTimeout("awaitingPing", 1);
  served.clock.advance(1_100);
  await recorder.until("closed");
  assertEquals((await socket.peer.readToEnd()).length, 0, "no close frame");
});

// Closing (section 7).

Deno.test("close starts the handshake, and the peer's answer ends it cleanly", async () => {
  const infos: unknown[] = [];
  const { protocol, wsi } = captive({
    closed: (_wsi, _user, info) => void infos.push(info),
    receive: () => assert(false, "nothing is delivered while closing"),
  });
  await using socket = await openAlone([protocol]);
  const connection = await wsi;
  assertEquals(connection.close(3000, "enough"), 0);
  assertEquals(connection.close(1000), -1);
  assertEquals(connection.write("more"), -1);
  assertEquals(await socket.receiveClose(), { code: 3000, reason: "enough" });
  socket.send({ opcode: 1, payload: "too late" }, {
    opcode: 8,
    payload: Uint8Array.of(0x0b, 0xb8),
  });
  assertEquals((await socket.peer.readToEnd()).length, 0);
  socket.peer.close();
  await settle();
  assertEquals(infos, [{ code: 3000, reason: "", wasClean: true, cause: "self" }]);
});

Deno.test("a peer that never answers a close is cut after closeTimeoutMs", async () => {
  const infos: unknown[] = [];
  const { protocol, wsi } = captive({ closed: (_wsi, _user, info) => void infos.push(info) });
  await using served = serve([protocol], { closeTimeoutMs: 3_000 });
  const socket = await served.open();
  (await wsi).close(1000, "bye");
  assertEquals((await socket.receiveClose()).code, 1000);
  await served.pass(2_900);
  assertEquals(infos, []);
  await served.pass(200);
  assertEquals(infos, [{ code: 1000, reason: "bye", wasClean: false, cause: "self" }]);
});

Deno.test("a close frame is answered with its code, or none with none (section 5.5.1)", async () => {
  for (const code of [undefined, 1000, 1001, 1007, 1014, 3000, 4999]) {
    const infos: { code: number; wasClean: boolean }[] = [];
    await using socket = await openAlone([
      named("x", { closed: (_wsi, _user, info) => void infos.push(info) }),
    ]);
    const payload = code === undefined ? new Uint8Array(0) : Uint8Array.of(code >> 8, code & 255);
    socket.send({ opcode: 8, payload }, { opcode: 1, payload: "data after close" });
    assertEquals((await socket.receiveClose()).code, code ?? 1005);
    assertEquals((await socket.peer.readToEnd()).length, 0);
    socket.peer.close();
    await settle();
    assertEquals(infos.map((info) => [info.code, info.wasClean]), [[code ?? 1005, true]]);
  }
});

Deno.test("a stopped receiver still sees the answer to its close", async () => {
  const recorder = record("x", (wsi, reason, _user, _data) => {
    if (reason !== "established") return;
    wsi.rxFlowControl(false);
    wsi.close(1000);
  });
  await using socket = await openAlone([recorder.protocol]);
  await socket.receiveClose();
  socket.send({ opcode: 8, payload: Uint8Array.of(3, 0xe8) });
  await socket.peer.readToEnd();
  socket.peer.close();
  await recorder.until("closed");
});

Deno.test("destroy closes every WebSocket with 1001 and waits for the answers", async () => {
  const recorder = record("x");
  const served = serve([recorder.protocol]);
  const sockets = [await served.open(), await served.open()];
  const gone = served.context.destroy();
  for (const socket of sockets) {
    assertEquals((await socket.receiveClose()).code, 1001);
    socket.send({ opcode: 8, payload: Uint8Array.of(3, 0xe9) });
    await socket.peer.readToEnd();
    socket.peer.close();
  }
  await gone;
  assertEquals(recorder.reasons.filter((each) => each === "closed").length, 2);
  assertEquals(recorder.reasons.at(-1), "protocolDestroy");
});

Deno.test("a reset ends the session once, abnormally, and nobody else's", async () => {
  const recorder = record("x");
  await using served = serve([recorder.protocol]);
  const bystander = await served.open();
  (await served.open()).peer.reset(new Error("reset by peer"));
  await recorder.until("wsiDestroy");
  assertEquals(recorder.reasons.filter((each) => each === "closed").length, 1);
  bystander.send({ opcode: 9, payload: "still there" });
  assertEquals((await bystander.receive()).opcode, 10);
});

// What return values and exceptions do (inventory of the newest generation).

const RETURNS: readonly [reason: string, value: number, closes: boolean][] = [
  ["established", 1, true],
  ["established", -1, true],
  ["receive", 1, false],
  ["receive", -1, true],
  ["receivePong", 1, false],
  ["receivePong", -1, true],
  ["serverWriteable", 1, true],
  ["serverWriteable", -1, true],
];

for (const [reason, value, closes] of RETURNS) {
  Deno.test(`${value} from ${reason} ${closes ? "closes" : "is ignored"}`, async () => {
    const recorder = record("x", (wsi, each, _user, _data) => {
      if (each === "receive") wsi.callbackOnWritable();
      if (each !== reason) return;
      wsi.write("last words");
      return value;
    });
    await using served = serve([recorder.protocol]);
    const socket: WebSocketPeer = await served.open();
    socket.send({ opcode: 1, payload: "x" }, { opcode: 10 });
    await recorder.until(reason);
    await settle();
    assertEquals(await socket.receiveText(), "last words");
    if (closes) {
      assertEquals((await socket.peer.readToEnd()).length, 0, "no close frame");
      await recorder.until("closed");
    } else {
      socket.send({ opcode: 9, payload: "alive" });
      assertEquals((await socket.receive()).opcode, 10);
    }
  });
}

for (const reason of ["established", "receive", "receivePong", "serverWriteable", "closed"]) {
  Deno.test(`a callback that throws in ${reason} costs its own connection, with a log line`, async () => {
    using log = captureLog();
    const broken: Protocol = {
      name: "broken",
      callback(wsi, each, _user, _data) {
        if (each === "receive") wsi.callbackOnWritable();
        if (each === reason) throw new Error("a mistake");
      },
    };
    await using served = serve([echo, broken]);
    const bystander = await served.open({ protocol: "echo" });
    const socket = await served.open({ protocol: "broken" });
    socket.send({ opcode: 1, payload: "x" }, { opcode: 10 });
    if (reason === "closed") socket.send({ opcode: 8, payload: Uint8Array.of(3, 0xf3) });
    assertEquals((await socket.receiveClose()).code, 1011);
    socket.peer.close();
    await settle();
    assertStringIncludes(log.lines.join("\n"), `broken: ${reason} threw: Error: a mistake`);
    bystander.send({ opcode: 1, payload: "still here" });
    assertEquals(await bystander.receiveText(), "still here");
  });
}

Deno.test("calls on a connection that has ended return the documented failure", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const recorder = record("x", { wsiDestroy: (wsi) => void resolve(wsi) });
  await using socket = await openAlone([recorder.protocol], {}, { path: "/somewhere" });
  socket.peer.close();
  const wsi = await promise;
  await settle();
  assertEquals(wsi.write("x"), -1);
  assertEquals(wsi.callbackOnWritable(), -1);
  assertEquals(wsi.rxFlowControl(true), -1);
  assertEquals(wsi.close(), -1);
  assertEquals(wsi.hdrTotalLength("host"), 0);
  assertEquals(wsi.hdrCopy("host"), undefined);
  assertEquals(wsi.hdrSnapshot().size, 0);
  assertEquals(wsi.serveHttpFile("/x"), -1);
  assertEquals(wsi.partialBuffered, false);
  assertEquals(wsi.remainingPacketPayload, 0);
  wsi.setTimeout("userReason", 1);
  assertEquals(wsi.uri, "/somewhere");
});
