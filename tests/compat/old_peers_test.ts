/** Clients and servers of libwebsockets 0.6 to 1.6, played byte for byte. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createDeflateRaw, createInflateRaw } from "node:zlib";
import type { Transform } from "node:stream";
import { concat, frame } from "../support/frames.ts";
import {
  HANDSHAKE_ACCEPT,
  HANDSHAKE_KEY,
  readHead,
  serve,
  WebSocketPeer,
} from "../support/serve.ts";
import { deflateFrame, deflateStream, permessageDeflate, xWebkitDeflateFrame } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { Callback, Face, Rig } from "./support.ts";
import { acceptance, DEC15, FACES, FEB11, MAR13, OCT12, on, rig } from "./support.ts";

/** How the clients of each release ask, but for what they offer. */
const RELEASES: Readonly<Record<string, (extensions: string) => string>> = {
  "0.6": (extensions) =>
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Key: ${HANDSHAKE_KEY}\r\nSec-WebSocket-Origin: localhost\r\n` +
    `Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Extensions: ${extensions}\r\n` +
    "Sec-WebSocket-Version: 13\r\n\r\n",
  "1.22": (extensions) =>
    "GET / HTTP/1.1\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nHost: localhost\r\n" +
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Key: ${HANDSHAKE_KEY}\r\nOrigin: localhost\r\n` +
    `Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Extensions: ${extensions}\r\n` +
    "Sec-WebSocket-Version: 13\r\n\r\n",
  "1.6": (extensions) =>
    "GET / HTTP/1.1\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nHost: localhost\r\n" +
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Key: ${HANDSHAKE_KEY}\r\nOrigin: http://localhost\r\n` +
    `Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Extensions: ${extensions}\r\n` +
    "Sec-WebSocket-Version: 13\r\n\r\n",
};

const talk = { name: "talk", callback: (() => 0) as Callback };

/** The answer's `Sec-WebSocket-Extensions`, as strictly as those clients read it. */
function chosen(answer: string): string | undefined {
  assertMatch(answer, /^HTTP\/1\.1 101 /);
  assertStringIncludes(answer, HANDSHAKE_ACCEPT);
  return /^Sec-WebSocket-Extensions: (.*)\r$/m.exec(answer)?.[1];
}

for (const [release, request] of Object.entries(RELEASES)) {
  for (const face of FACES) {
    Deno.test(`${face.name}: a client of ${release} without extensions, with its empty line, is taken`, async () => {
      await using server = rig(face, { protocols: [talk] });
      assertEquals(chosen(await server.pump(readHead(await server.dial(request(""))))), undefined);
    });
  }

  Deno.test(`a client of ${release} without extensions, with its empty line, is taken, whatever the server has`, async () => {
    for (const extensions of [[], [permessageDeflate(), deflateFrame(), deflateStream()]]) {
      await using served = serve([{ name: "talk", callback: () => 0 }], {
        allowedOrigins: ["*"],
        extensions,
      });
      assertEquals(chosen(await readHead(await served.dial(request("")))), undefined);
    }
  });
}

/** One side's zlib as libwebsockets had it: one stream, each frame flushed, its tail cut off. */
class FlateWindow implements Disposable {
  readonly #deflater = createDeflateRaw();
  readonly #inflater = createInflateRaw();

  deflate(text: string): Promise<Uint8Array> {
    return through(this.#deflater, new TextEncoder().encode(text), (whole) => whole.slice(0, -4));
  }

  async inflate(payload: Uint8Array): Promise<string> {
    const whole = concat(payload, Uint8Array.of(0, 0, 255, 255));
    return new TextDecoder().decode(await through(this.#inflater, whole, (each) => each));
  }

  [Symbol.dispose](): void {
    this.#deflater.close();
    this.#inflater.close();
  }
}

function through(
  stream: Transform & { flush(kind: number, done: () => void): void },
  bytes: Uint8Array,
  finish: (whole: Uint8Array) => Uint8Array,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const parts: Uint8Array[] = [];
  const take = (part: Uint8Array) => void parts.push(part);
  stream.on("data", take).once("error", reject);
  stream.write(bytes);
  stream.flush(2, () => {
    stream.off("data", take).off("error", reject);
    resolve(finish(concat(...parts)));
  });
  return promise;
}

const LONG = "what was said before is in the window of both sides ".repeat(40);

/** Sends what refers to earlier frames, and reads what comes back. */
async function exchange(
  socket: WebSocketPeer,
  pump: <T>(promise: Promise<T>) => Promise<T>,
): Promise<void> {
  using peer = new FlateWindow();
  for (let n = 0; n < 3; n++) {
    socket.send({ opcode: 1, rsv: 4, payload: await peer.deflate(LONG) });
    const { rsv, payload } = await pump(socket.receive());
    assertEquals(rsv, 4);
    assertEquals(await peer.inflate(payload), LONG);
  }
}

const echoing = (face: Face) => {
  let text = "";
  const callback = on("RECEIVE", (wsi, _user, input, len) => {
    text += new TextDecoder().decode(input.subarray(0, len));
    if (!wsi.isFinalFragment || wsi.remainingPacketPayload > 0) return 0;
    face.call("write", wsi, text, text.length, face.api.LWS_WRITE_TEXT);
    text = "";
  });
  return { name: "talk", callback };
};

const internal = (face: Face) =>
  face === OCT12 ? face.api.libwebsocket_internal_extensions : face.call("get_internal_extensions");

for (const face of [MAR13, DEC15]) {
  for (
    const [offer, answer] of [
      ["deflate-frame", "deflate-frame"],
      ["x-webkit-deflate-frame", "x-webkit-deflate-frame"],
      ["x-webkit-deflate-frame,deflate-frame", "deflate-frame"],
      ["deflate-frame; no_context_takeover", "deflate-frame"],
    ] as const
  ) {
    Deno.test(`${face.name}: the built-in extensions answer the offer ${offer} with ${answer} alone, and keep the peer's window`, async () => {
      await using server = rig(face, { protocols: [echoing(face)], extensions: internal(face) });
      const peer = await server.dial(RELEASES["1.6"]!(offer));
      const head = await server.pump(readHead(peer));
      assertEquals(chosen(head), answer);
      await exchange(new WebSocketPeer(peer, head), server.pump);
    });
  }

  Deno.test(`${face.name}: a client offers the built-in extensions without parameters, and takes an answer without`, async () => {
    const seen: string[] = [];
    const callback: Callback = (wsi, reason, _user, input, len) => {
      if (reason === "CLIENT_ESTABLISHED") {
        for (let n = 0; n < 2; n++) {
          face.call("write", wsi, LONG, LONG.length, face.api.LWS_WRITE_TEXT);
        }
      }
      if (reason === "CLIENT_RECEIVE") seen.push(new TextDecoder().decode(input.subarray(0, len)));
    };
    await using client = rig(face, {
      port: face.api.CONTEXT_PORT_NO_LISTEN,
      protocols: [{ name: "talk", callback, rx_buffer_size: 65_536 }],
      extensions: internal(face),
    });
    const { peer, request, listener } = await asked(face, client);
    const offered = /^Sec-WebSocket-Extensions: (.*)\r$/m.exec(request)?.[1];
    assertEquals(offered, "deflate-frame, x-webkit-deflate-frame");
    const fields = "Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Extensions: deflate-frame\r\n";
    peer.send(await acceptance(request, fields));
    using theirs = new FlateWindow();
    const socket = new WebSocketPeer(peer, "");
    for (let n = 0; n < 2; n++) {
      const { rsv, payload } = await client.pump(socket.receive());
      assertEquals([rsv, await theirs.inflate(payload)], [4, LONG]);
      peer.send(frame({ opcode: 1, rsv: 4, payload: await theirs.deflate(LONG) }));
    }
    await client.until(() => seen.length === 2);
    assertEquals(seen, [LONG, LONG]);
    peer.close();
    listener.close();
  });
}

Deno.test("oct12: a client of 0.6 with deflate-stream is answered with it alone", async () => {
  await using server = rig(OCT12, { protocols: [talk], extensions: internal(OCT12) });
  const peer = await server.dial(RELEASES["0.6"]!("deflate-stream"));
  assertEquals(chosen(await server.pump(readHead(peer))), "deflate-stream");
});

for (const make of [deflateFrame, xWebkitDeflateFrame]) {
  const { name } = make();

  Deno.test(`${name} answers an offer without parameters without, and keeps the peer's window`, async () => {
    let text = "";
    await using served = serve([{
      name: "talk",
      callback(wsi, reason, _user, data) {
        if (reason !== "receive") return;
        text += new TextDecoder().decode(data);
        if (!wsi.isFinalFragment || wsi.remainingPacketPayload > 0) return;
        wsi.write(text, "text");
        text = "";
      },
    }], { extensions: [permessageDeflate(), make()] });
    const peer = await served.dial(RELEASES["1.6"]!(name));
    const head = await readHead(peer);
    assertEquals(chosen(head), name);
    await exchange(new WebSocketPeer(peer, head), (promise) => promise);
  });
}

/** Has a client connect, and answers with what it asks. */
async function asked(face: Face, client: Rig) {
  const listener = client.network.listen({ hostname: "h", port: 80 });
  void face.call("client_connect", client.context, "h", 80, 0, "/", "h", null, "talk", -1);
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  return { peer, listener, request: await client.pump(readHead(peer)) };
}

FACES.test("a client takes an answer with an empty line of extensions", async (face) => {
  const seen: string[] = [];
  await using client = rig(face, {
    port: face.api.CONTEXT_PORT_NO_LISTEN,
    protocols: [{ name: "talk", callback: (_wsi, reason) => void seen.push(reason) }],
    ...(face === FEB11 ? {} : { extensions: internal(face) }),
  });
  const { peer, request, listener } = await asked(face, client);
  const fields = "Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Extensions: \r\n";
  peer.send(await acceptance(request, fields));
  await client.until(() => seen.includes("CLIENT_ESTABLISHED"));
  peer.close();
  listener.close();
});
