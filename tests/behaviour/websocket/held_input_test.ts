/** What a peer sent before it ended its stream, while the program stops receiving in its middle. */

import { assertEquals } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { Extension, Wsi } from "../../../mod.ts";
import { deflateFrame, deflateStream, permessageDeflate } from "../../../mod.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

const PIECE = 4096;
const PIECES = 6;
const SYNC_FLUSH = 2;

/** Messages of zeros, which compressed are a few bytes. */
const zeros = new Uint8Array(PIECE * PIECES);
const flushed = (bytes: Uint8Array) => deflateRawSync(bytes, { finishFlush: SYNC_FLUSH });
const message = (payload: Uint8Array, rsv: number) => frame({ opcode: 2, rsv, payload, key: KEY });
const compressed = message(flushed(zeros).subarray(0, -4), 4);

const CODECS: Record<string, readonly [extension: () => Extension, sent: Uint8Array]> = {
  "permessage-deflate": [permessageDeflate, concat(compressed, compressed)],
  "deflate-frame": [deflateFrame, concat(compressed, compressed)],
  "deflate-stream": [deflateStream, flushed(concat(message(zeros, 0), message(zeros, 0)))],
};

/** How receiving is stopped and taken up again. */
const STOPS: Record<string, (wsi: Wsi) => void> = {
  "at once": (wsi) => void wsi.rxFlowControl(true),
  "in a microtask": (wsi) => queueMicrotask(() => wsi.rxFlowControl(true)),
  later: (wsi) => void setImmediate(() => wsi.rxFlowControl(true)),
};

for (const [codec, [extension, sent]] of Object.entries(CODECS)) {
  const open = { headers: [`Sec-WebSocket-Extensions: ${codec}`] };

  for (const [when, goOn] of Object.entries(STOPS)) {
    Deno.test(`what is held back is told before the end, gone on with ${when}: ${codec}`, async () => {
      let taken = 0;
      const { protocol, until } = record("http", (wsi, reason, _user, data) => {
        if (reason !== "receive") return;
        taken += (data as Uint8Array).length;
        wsi.rxFlowControl(false);
        goOn(wsi);
      });
      await using served = serve([{ ...protocol, rxBufferSize: PIECE }], {
        extensions: [extension()],
      });
      const { peer } = await served.open(open);
      peer.send(sent);
      peer.end();
      await until("closed");
      assertEquals(taken, 2 * zeros.length);
    });
  }

  Deno.test(`who asks for the end is told nothing more, stopped or not: ${codec}`, async () => {
    for (const last of [1, PIECES - 1, PIECES]) {
      for (const stops of [false, true]) {
        let count = 0;
        const { protocol, until } = record("http", (...[wsi, reason]) => {
          if (reason !== "receive") return;
          if (stops) wsi.rxFlowControl(false);
          if (stops) wsi.rxFlowControl(true);
          if (++count === last) return -1;
        });
        await using served = serve([{ ...protocol, rxBufferSize: PIECE }], {
          extensions: [extension()],
        });
        const { peer } = await served.open(open);
        peer.send(sent);
        await until("closed");
        assertEquals(count, last);
      }
    }
  });
}

Deno.test("a client that stops receiving before it is connected gets all once it goes on, and nothing before", async () => {
  const seen: string[] = [];
  const server = record("x", (wsi, reason, _user, _data) => {
    if (reason === "established") wsi.write("first");
    if (reason === "receive") wsi.write("second");
  });
  await using served = serve([server.protocol]);
  const client = record("x", (wsi, reason, _user, data) => {
    if (reason === "clientEstablished") wsi.write("hello");
    if (reason === "clientReceive") seen.push(new TextDecoder().decode(data as Uint8Array));
  });
  const context = served.client([client.protocol]);
  const wsi = context.clientConnect({ address: "localhost", port: 80, protocol: "x" });
  wsi.rxFlowControl(false);
  await client.until("clientEstablished");
  await server.until("receive");
  await settle();
  assertEquals(seen, []);
  wsi.rxFlowControl(true);
  await settle();
  assertEquals(seen, ["first", "second"]);
});
