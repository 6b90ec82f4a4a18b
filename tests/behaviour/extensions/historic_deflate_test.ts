/** The compressions that came before RFC 7692: deflate-frame, its WebKit name, and deflate-stream. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import {
  deflateFrame,
  deflateStream,
  type Extension,
  LwsError,
  permessageDeflate,
  prepareMessage,
  xWebkitDeflateFrame,
} from "../../../mod.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { openAlone, serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const SYNC_FLUSH = 2;
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
const decoder = new TextDecoder();

const flushed = (data: string | Uint8Array) =>
  new Uint8Array(deflateRawSync(data, { finishFlush: SYNC_FLUSH }));
const deflate = (data: string | Uint8Array) => flushed(data).subarray(0, -4);
const inflate = (data: Uint8Array) =>
  new Uint8Array(inflateRawSync(concat(data, TAIL), { finishFlush: SYNC_FLUSH }));

const echo = named("echo", {
  message: (wsi, _user, message) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary"),
});

function agreed(socket: WebSocketPeer): string | undefined {
  return /^sec-websocket-extensions: (.*)$/im.exec(socket.answer)?.[1]?.trimEnd();
}

const offering = (offer: string) => ({ headers: [`Sec-WebSocket-Extensions: ${offer}`] });

const ANSWERS: readonly [offer: string, answer: string | undefined][] = [
  ["deflate-frame", "deflate-frame"],
  ["deflate-frame; no_context_takeover", "deflate-frame; no_context_takeover"],
  ["deflate-frame; max_window_bits=9", "deflate-frame; no_context_takeover"],
  ["deflate-frame; max_window_bits=8", undefined],
  ["deflate-frame; max_window_bits=16", undefined],
  ["deflate-frame; max_window_bits", undefined],
  ["deflate-frame; no_context_takeover; no_context_takeover", undefined],
  ["deflate-frame; no_context_takeover=1", undefined],
  ["deflate-frame; unknown, deflate-frame", "deflate-frame"],
  ["x-webkit-deflate-frame", "x-webkit-deflate-frame"],
  ["x-webkit-deflate-frame; no_context_takeover", "x-webkit-deflate-frame; no_context_takeover"],
  ["deflate-stream", "deflate-stream"],
  ["deflate-stream; level=1", undefined],
  [
    "deflate-frame, permessage-deflate",
    "permessage-deflate; server_no_context_takeover; " +
    "client_no_context_takeover",
  ],
];

for (const [offer, answer] of ANSWERS) {
  Deno.test(`a server answers the offer ${offer} with ${answer ?? "nothing"}`, async () => {
    await using served = serve([echo], {
      extensions: [permessageDeflate(), deflateFrame(), xWebkitDeflateFrame(), deflateStream()],
    });
    assertEquals(agreed(await served.open(offering(offer))), answer);
    await using without = serve([echo], { extensions: [] });
    assertEquals(agreed(await without.open(offering(offer))), undefined);
  });
}

Deno.test("deflate-frame: what the options ask of clients is asked of those without parameters, too", async () => {
  for (
    const [options, answer] of [
      [{ clientNoContextTakeover: true }, "deflate-frame; no_context_takeover"],
      [{ clientMaxWindowBits: 10 }, "deflate-frame; no_context_takeover; max_window_bits=10"],
      [{ serverNoContextTakeover: true, serverMaxWindowBits: 10, threshold: 0 }, "deflate-frame"],
    ] as const
  ) {
    await using served = serve([echo], { extensions: [deflateFrame(options)] });
    assertEquals(agreed(await served.open(offering("deflate-frame"))), answer);
  }
});

for (const make of [deflateFrame, xWebkitDeflateFrame]) {
  const extension = () => make({ threshold: 0 });
  const { name } = extension();

  Deno.test(`${name}: each frame of a message is compressed or plain for itself`, async () => {
    await using socket = await openAlone([echo], { extensions: [extension()] }, offering(name));
    socket.send(
      { opcode: 1, rsv: 4, fin: false, payload: deflate("compressed, ") },
      { opcode: 9, payload: "p" },
      { opcode: 0, fin: false, payload: "plain with half of \u00fc: \u00fc".slice(0, -1) },
      { opcode: 0, rsv: 4, payload: deflate(" and compressed ".repeat(50)) },
    );
    assertEquals((await socket.receive()).opcode, 10);
    const { rsv, payload } = await socket.receive();
    assertEquals(rsv, 4);
    assertEquals(
      decoder.decode(inflate(payload)),
      "compressed, plain with half of \u00fc: " + " and compressed ".repeat(50),
    );
    socket.send({ opcode: 1, payload: "short" });
    const short = await socket.receive();
    assertEquals(decoder.decode(short.rsv === 4 ? inflate(short.payload) : short.payload), "short");
  });

  Deno.test(`${name}: a character may be cut between a compressed and a plain frame`, async () => {
    await using served = serve([echo], { extensions: [extension()] });
    const socket = await served.open(offering(name));
    const bytes = new TextEncoder().encode("a\u20acb");
    socket.send(
      { opcode: 1, rsv: 4, fin: false, payload: deflate(bytes.subarray(0, 2)) },
      { opcode: 0, payload: bytes.subarray(2) },
    );
    const { rsv, payload } = await socket.receive();
    assertEquals(decoder.decode(rsv === 4 ? inflate(payload) : payload), "a\u20acb");
    socket.send(
      { opcode: 1, rsv: 4, fin: false, payload: deflate(bytes.subarray(0, 2)) },
      { opcode: 0, payload: "b" },
    );
    assertEquals((await socket.receiveClose()).code, 1007);
    const cut = await served.open(offering(name));
    cut.send(
      { opcode: 1, rsv: 4, fin: false, payload: deflate("a") },
      { opcode: 0, payload: bytes.subarray(1, 2) },
    );
    assertEquals((await cut.receiveClose()).code, 1007);
  });
}

Deno.test("deflate-stream: headers, control frames and close frames are in the stream", async () => {
  await using served = serve([echo], { extensions: [deflateStream()] });
  const socket = await served.open(offering("deflate-stream"));
  const frames = concat(
    frame({ opcode: 1, payload: "Hello", key: KEY }),
    frame({ opcode: 9, payload: "p", key: KEY }),
    frame({ opcode: 8, payload: Uint8Array.of(3, 232), key: KEY }),
  );
  const bytes = flushed(frames);
  for (const byte of bytes) socket.peer.send(Uint8Array.of(byte));
  const answer = await socket.peer.readToEnd();
  const plain = new Uint8Array(inflateRawSync(answer, { finishFlush: SYNC_FLUSH }));
  const expected = concat(
    frame({ opcode: 1, payload: "Hello" }),
    frame({ opcode: 10, payload: "p" }),
    frame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
  );
  assertEquals(plain, expected);
});

Deno.test("deflate-stream: what is no stream costs its own connection", async () => {
  const codes: number[] = [];
  await using served = serve([
    named("echo", { closed: (_wsi, _user, { code }) => void codes.push(code) }),
  ], { extensions: [deflateStream()] });
  const socket = await served.open(offering("deflate-stream"));
  socket.peer.send(Uint8Array.of(0xff, 0xff, 0xff));
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  assertEquals(codes, [1002]);
});

const ALL: readonly (() => Extension)[] = [
  () => deflateFrame({ threshold: 0 }),
  () =>
    deflateFrame({ threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }),
  () => deflateFrame({ threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }),
  () => xWebkitDeflateFrame({ threshold: 0 }),
  () => deflateStream(),
];

for (const [i, make] of ALL.entries()) {
  Deno.test(`our client and our server exchange messages by ${make().name} (${i})`, async () => {
    const received: (string | Uint8Array)[] = [];
    await using served = serve([echo], { extensions: [make()] });
    const sent: (string | Uint8Array)[] = ["", "a", "x".repeat(200_000), new Uint8Array(70_000)];
    for (let n = 0; n < 20; n++) sent.push(`{"number": ${n}, "text": "the same"}`);
    const client = served.client([named("client", {
      clientEstablished(wsi) {
        for (const each of sent) wsi.write(each, typeof each === "string" ? "text" : "binary");
        wsi.write("in ", "text", { fin: false });
        wsi.write("two frames", "continuation");
        wsi.write(prepareMessage("prepared"));
      },
      message: (_wsi, _user, message) => void received.push(message),
    })], { extensions: [make()] });
    client.clientConnect({ address: "memory", port: 80 });
    const expected = [...sent, "in two frames", "prepared"];
    for (let n = 0; n < 200 && received.length < expected.length; n++) await settle();
    assertEquals(received, expected);
  });
}

Deno.test("deflate-stream: receiving that is stopped holds what was decoded", async () => {
  const got: string[] = [];
  await using served = serve([named("w", {
    message(wsi, _user, message) {
      got.push(message as string);
      wsi.rxFlowControl(false);
      setImmediate(() => wsi.rxFlowControl(true));
    },
  })], { extensions: [deflateStream()] });
  const socket = await served.open(offering("deflate-stream"));
  const texts = Array.from({ length: 50 }, (_, n) => `message ${n} `.repeat(100));
  const stream = flushed(
    concat(...texts.map((payload) => frame({ opcode: 1, payload, key: KEY }))),
  );
  // The later part comes while the earlier one is stopped in its middle.
  const half = stream.length >> 1;
  socket.peer.send(stream.subarray(0, half));
  await settle();
  socket.peer.send(stream.subarray(half));
  for (let n = 0; n < 100 && got.length < texts.length; n++) await settle();
  assertEquals(got, texts);
});

Deno.test("options out of range are refused by name", () => {
  assertThrows(() => deflateStream({ level: 10 }), LwsError, "level");
  assertThrows(() => deflateStream({ x: 1 } as never), LwsError, "x");
  assertThrows(() => deflateFrame({ serverMaxWindowBits: 8 }), LwsError, "serverMaxWindowBits");
  assert(xWebkitDeflateFrame().name === "x-webkit-deflate-frame");
});
