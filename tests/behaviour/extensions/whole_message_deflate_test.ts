/** Compression where zlib keeps no state between calls: whole messages, and no context takeover. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type ContextCreationInfo, type Extension, handlers, type Protocol } from "../../../mod.ts";
import { deflateFrameBy } from "../../../src/extensions/deflate_frame.ts";
import { permessageDeflateBy } from "../../../src/extensions/permessage_deflate.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";
import { acceptance } from "../../compat/support.ts";
import { frame, type FrameOptions } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import type { ReceivedFrame } from "../../support/serve.ts";
import { playServer, readFrame, readHead, serve, settle, TARGET } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const SYNC_FLUSH = 2;
const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false };
const OFFER = { headers: ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"] };
const LONG = "again and again, ".repeat(5_000);

const messageDeflate = () => permessageDeflateBy(wholeZlibCodec, { ...TAKEOVER, threshold: 0 });

/** As a sender leaves it: flushed, and without its tail. */
function deflated(text: string): Uint8Array {
  return Uint8Array.from(deflateRawSync(text, { finishFlush: SYNC_FLUSH }).subarray(0, -4));
}

/** What a frame says, compressed or not. */
function textOf({ rsv, payload }: ReceivedFrame): string {
  return rsv === 4
    ? inflateRawSync(payload, { finishFlush: SYNC_FLUSH }).toString()
    : new TextDecoder().decode(payload);
}

function echo(): { protocol: Protocol; heard: unknown[] } {
  const heard: unknown[] = [];
  const callback = handlers({
    message(wsi, _user, message) {
      heard.push(message);
      wsi.write(message);
    },
    closed: (_wsi, _user, { code, cause }) => void heard.push([code, cause]),
  });
  return { protocol: { name: "echo", callback }, heard };
}

function house(extension: Extension, info: Partial<ContextCreationInfo> = {}) {
  const { protocol, heard } = echo();
  return { served: serve([protocol], { ...info, extensions: [extension] }), heard };
}

Deno.test("a server without state asks both sides to forget, whatever its options are", async () => {
  const { served } = house(messageDeflate());
  await using _served = served;
  const { answer } = await served.open(OFFER);
  assertStringIncludes(
    answer,
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
  );
});

Deno.test("a client without state offers to forget, and wants the server to", async () => {
  for (const [confirms, code] of [[true, undefined], [false, 1]] as const) {
    using _log = captureLog([]);
    const errors: unknown[] = [];
    let isEstablished = false;
    await using played = playServer([named("x", {
      clientEstablished: () => void (isEstablished = true),
      clientConnectionError: () => void errors.push(1),
    })], { extensions: [messageDeflate()] });
    played.context.clientConnect(TARGET);
    const peer = await played.accept();
    const request = await readHead(peer);
    assertStringIncludes(
      request,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits\r\n",
    );
    const answer = `permessage-deflate${confirms ? "; server_no_context_takeover" : ""}`;
    peer.send(await acceptance(request, `Sec-WebSocket-Extensions: ${answer}\r\n`));
    await settle();
    assertEquals([isEstablished, errors[0]], [confirms, code]);
    peer.close();
  }
});

Deno.test("messages come and go, whole, in fragments and between control frames", async () => {
  const { served, heard } = house(messageDeflate());
  await using _served = served;
  const socket = await served.open(OFFER);
  const texts = ["Hello", "", "Hello", LONG, "x".repeat(300_000), "Hello"];
  for (const text of texts) {
    const payload = deflated(text);
    const frames: FrameOptions[] = [{ opcode: 1, rsv: 4, payload }];
    const cut = payload.length >> 1;
    frames.push({ opcode: 1, rsv: 4, fin: false, payload: payload.subarray(0, cut) });
    frames.push({ opcode: 0, fin: false, payload: "" });
    frames.push({ opcode: 0, payload: payload.subarray(cut) });
    for (const each of frames) {
      socket.send(each);
      await settle();
    }
    for (const _ of [1, 2]) {
      assertEquals(textOf(await socket.receive()), heard.at(-1));
    }
  }
  assertEquals(heard, texts.flatMap((text) => [text, text]));
});

Deno.test("what the server sends refers to no message before it", async () => {
  const { served } = house(messageDeflate());
  await using _served = served;
  const socket = await served.open(OFFER);
  for (const _ of [1, 2, 3]) {
    socket.send({ opcode: 1, rsv: 4, payload: deflated(LONG) });
    const received = await socket.receive();
    assertEquals([received.rsv, textOf(received)], [4, LONG]);
  }
});

const FAULTS: readonly [what: string, code: number, payload: Uint8Array][] = [
  ["a message past maxMessageSize", 1009, deflated("x".repeat(1001))],
  ["a message far past maxMessageSize", 1009, deflated("x".repeat(50_000_000))],
  ["much that stands for nothing", 1009, emptyBlocks(100_000)],
  ["what is no stream", 1007, Uint8Array.of(7)],
  ["a stream that refers to the message before", 1007, Uint8Array.of(0xf2, 0, 0x11, 0, 0)],
  ["text that is not UTF-8", 1007, Uint8Array.of(0, 1, 0, 0xfe, 0xff, 0xff, 0)],
  ["streams without end", 1007, new Uint8Array(400).map((_, i) => i % 2 === 0 ? 3 : 0)],
];

function emptyBlocks(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => i % 5 < 3 ? 0 : 0xff);
}

for (const [what, code, payload] of FAULTS) {
  Deno.test(`${what} costs its connection with ${code}, and no other`, async () => {
    const { served, heard } = house(messageDeflate(), { maxMessageSize: 1000 });
    await using _served = served;
    const bystander = await served.open(OFFER);
    const offender = await served.open(OFFER);
    const first = { opcode: 1, rsv: 4, payload: deflated("Hello") };
    offender.send(first);
    assertEquals(textOf(await offender.receive()), "Hello");
    const cut = payload.length >> 1;
    offender.send({ opcode: 1, rsv: 4, fin: false, payload: payload.subarray(0, cut) });
    await settle();
    offender.send({ opcode: 0, payload: payload.subarray(cut) });
    assertEquals((await offender.receiveClose()).code, code);
    offender.peer.close();
    await settle();
    assertEquals(heard, ["Hello", [code, code === 1009 ? "limit" : "protocol"]]);
    bystander.send(first);
    assertEquals(textOf(await bystander.receive()), "Hello");
  });
}

Deno.test("a message is delivered in pieces, which the program may stop", async () => {
  const pieces: number[] = [];
  const protocol: Protocol = {
    name: "x",
    rxBufferSize: 1000,
    callback(wsi, reason, _user, data) {
      if (reason !== "receive") return;
      pieces.push(data.length);
      wsi.rxFlowControl(false);
      setImmediate(() => wsi.rxFlowControl(true));
    },
  };
  await using served = serve([protocol], { extensions: [messageDeflate()] });
  (await served.open(OFFER)).send({ opcode: 1, rsv: 4, payload: deflated("x".repeat(3500)) });
  for (let turn = 0; pieces.length < 4 && turn < 100; turn++) await settle();
  assertEquals(pieces, [1000, 1000, 1000, 500]);
});

Deno.test("deflate-frame: only a client that is asked to forget is agreed with", async () => {
  const payload = deflated("Hello");
  for (
    const [options, isAgreed] of [[{}, false], [{ clientNoContextTakeover: true }, true]] as const
  ) {
    const { served } = house(deflateFrameBy(wholeZlibCodec, { ...options, threshold: 0 }));
    await using _served = served;
    const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: deflate-frame"] });
    assertEquals(socket.answer.includes("deflate-frame; no_context_takeover"), isAgreed);
    if (!isAgreed) continue;
    for (const _ of [1, 2]) {
      socket.send({ opcode: 1, rsv: 4, fin: false, payload }, { opcode: 0, rsv: 4, payload });
      assertEquals(textOf(await socket.receive()), "HelloHello");
    }
  }
});

Deno.test("a client without state reads what a server sends, message by message", async () => {
  const { protocol, heard } = echo();
  await using played = playServer([protocol], { extensions: [messageDeflate()] });
  played.context.clientConnect(TARGET);
  const peer = await played.accept();
  const answer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
  peer.send(await acceptance(await readHead(peer), answer));
  for (const text of ["Hello", LONG]) {
    peer.send(frame({ opcode: 1, rsv: 4, payload: deflated(text) }));
    const received = await readFrame(peer);
    assertEquals([received.masked, textOf(received)], [true, text]);
  }
  assertEquals(heard, ["Hello", LONG]);
  peer.close();
});
