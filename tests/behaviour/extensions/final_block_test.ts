/** Compressed messages whose sender ends its stream, and puts no byte behind (RFC 7692 section 7.2.3.4). */

import { assertEquals } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { Extension } from "../../../mod.ts";
import { deflateFrame, handlers, permessageDeflate, xWebkitDeflateFrame } from "../../../mod.ts";
import { DeflateSession, SharedStreams } from "../../../src/extensions/deflate_session.ts";
import { nativeZlibCodec } from "../../../src/extensions/zlib.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { acceptance } from "../../compat/support.ts";
import { frame, type FrameOptions } from "../../support/frames.ts";
import { readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

const SYNC_FLUSH = 2;
const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false };
const LONG = "again and again, ".repeat(500);

/** Ended by a final block, as `deflateRawSync` does; with the byte behind that the section wants. */
const ended = (text: string) => new Uint8Array(deflateRawSync(text));
const padded = (text: string) => Uint8Array.of(...ended(text), 0);
const flushed = (text: string) =>
  new Uint8Array(deflateRawSync(text, { finishFlush: SYNC_FLUSH }).subarray(0, -4));

const MESSAGES: readonly [payload: Uint8Array, text: string][] = [
  [flushed("first"), "first"],
  [ended("second"), "second"],
  [flushed("third"), "third"],
  [ended(""), ""],
  [ended(LONG), LONG],
  [padded("sixth"), "sixth"],
  [ended("seventh"), "seventh"],
  [ended("eighth"), "eighth"],
  [flushed(LONG), LONG],
];
const TEXTS = MESSAGES.map(([, text]) => text);

const FRAMES: readonly FrameOptions[] = MESSAGES.map(([payload]) => ({
  opcode: 1,
  rsv: 4,
  payload,
}));
/** The same messages in two frames each, cut in their middle and at their end. */
const FRAGMENTS: readonly FrameOptions[] = MESSAGES.flatMap(([payload], index) => {
  const cut = index % 2 === 0 ? payload.length : payload.length >> 1;
  return [
    { opcode: 1, rsv: 4, fin: false, payload: payload.subarray(0, cut) },
    { opcode: 0, payload: payload.subarray(cut) },
  ];
});

const EXTENSIONS: readonly [name: string, make: () => Extension, frames: typeof FRAMES][] = [
  ["permessage-deflate", () => permessageDeflate(TAKEOVER), FRAMES],
  ["permessage-deflate", () => permessageDeflate(TAKEOVER), FRAGMENTS],
  ["deflate-frame", () => deflateFrame(TAKEOVER), FRAMES],
  ["x-webkit-deflate-frame", () => xWebkitDeflateFrame(TAKEOVER), FRAMES],
];

function hearing(): { callback: ReturnType<typeof handlers>; heard: unknown[] } {
  const heard: unknown[] = [];
  const callback = handlers({
    message: (_wsi, _user, message) => void heard.push(message),
    closed: (_wsi, _user, { code }) => void heard.push(code),
  });
  return { callback, heard };
}

for (const [name, make, frames] of EXTENSIONS) {
  const how = frames === FRAMES ? "whole" : "in fragments";

  Deno.test(`a server with takeover reads what follows a final block: ${name}, ${how}`, async () => {
    const { callback, heard } = hearing();
    await using served = serve([{ name: "x", callback }], { extensions: [make()] });
    const socket = await served.open({ headers: [`Sec-WebSocket-Extensions: ${name}`] });
    for (const each of frames) {
      socket.send(each);
      await settle();
    }
    assertEquals(heard, TEXTS);
  });

  Deno.test(`a client with takeover reads what follows a final block: ${name}, ${how}`, async () => {
    const { callback, heard } = hearing();
    await using served = serve([{ name: "none", callback() {} }]);
    const listener = served.network.listen({ hostname: "server", port: 81 });
    served.client([{ name: "x", callback }], { extensions: [make()] })
      .clientConnect({ address: "server", port: 81 });
    const peer = new MemoryPeer(await listener.accept() as never);
    const request = await readHead(peer);
    peer.send(await acceptance(request, `Sec-WebSocket-Extensions: ${name}\r\n`));
    const socket = new WebSocketPeer(peer, "");
    for (const { key: _, ...each } of frames) {
      socket.peer.send(frame(each));
      await settle();
    }
    assertEquals(heard, TEXTS);
    peer.close();
    listener.close();
  });
}

for (const codec of [nativeZlibCodec()!, wholeZlibCodec]) {
  const which = codec === wholeZlibCodec ? "whole messages" : "native";
  for (const unit of ["message", "frame"] as const) {
    Deno.test(`${which}: a session reads what follows a final block, whatever room there is: ${unit}`, () => {
      for (const size of [1, 6, 7, 100, 20_000]) {
        for (const receiveContextTakeover of [true, false]) {
          const streams = new SharedStreams(codec, {
            level: 1,
            memLevel: 8,
            threshold: 0,
            maxInflationRatio: Infinity,
          });
          const agreed = {
            sendWindowBits: 15,
            sendContextTakeover: true,
            receiveWindowBits: 15,
            receiveContextTakeover,
          };
          const session = new DeflateSession(streams, unit, agreed);
          for (const [payload, text] of MESSAGES) {
            const target = new Uint8Array(size);
            const decoder = new TextDecoder();
            session.push(payload, true);
            let got = "";
            for (let count = size; count === size;) {
              count = session.read(target);
              got += decoder.decode(target.subarray(0, count), { stream: true });
            }
            assertEquals(got, text, `${size}`);
          }
          session.close();
          streams.close();
        }
      }
    });
  }
}
