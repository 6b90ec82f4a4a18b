/** `maxInflationRatio`: how much a compressed message may stand for. */

import { assertEquals, assertThrows } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { Extension, PermessageDeflateOptions } from "../../../mod.ts";
import { deflateFrame, LwsError, permessageDeflate } from "../../../mod.ts";
import { permessageDeflateBy } from "../../../src/extensions/permessage_deflate.ts";
import { nativeZlibCodec } from "../../../src/extensions/zlib.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";
import { frame, type FrameOptions, KEY } from "../../support/frames.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { acceptOf, playServer, readHead, serve, settle, TARGET } from "../../support/serve.ts";

const CODECS = { native: nativeZlibCodec()!, whole: wholeZlibCodec };
const REFUSED = "1009 limit";
const KIB = 1024;

/** A message as its sender leaves it, with as many bytes behind as make its ratio what it should be. */
function compressed(length: number): Uint8Array {
  const options = { level: 9, finishFlush: 2 };
  return new Uint8Array(deflateRawSync(new Uint8Array(length), options).subarray(0, -4));
}

const BOMB = compressed(200 * KIB);
/** At the limit, and one past it. */
const RATIO = 200 * KIB / BOMB.length;

/** What becomes of frames that a server or a client of ours is sent. */
async function outcome(
  isClient: boolean,
  extension: Extension,
  frames: readonly FrameOptions[],
): Promise<string> {
  const heard: string[] = [];
  const hear = (_wsi: unknown, _user: unknown, message: string | Uint8Array) =>
    void heard.push(String(message.length));
  const protocol = named("x", {
    message: hear,
    closed: (_wsi, _user, { code, cause }) => void heard.push(`${code} ${cause}`),
  });
  const info = { kaTime: 0, extensions: [extension] };
  const { name } = extension;
  if (!isClient) {
    await using served = serve([protocol], info);
    const { peer } = await served.open({ headers: [`Sec-WebSocket-Extensions: ${name}`] });
    for (const each of frames) peer.send(frame({ key: KEY, ...each }));
    await settle();
    peer.close();
    await settle();
  } else {
    await using served = playServer([protocol], info);
    served.context.clientConnect(TARGET);
    const peer = await served.accept();
    const key = /^sec-websocket-key: (.*)\r$/im.exec(await readHead(peer))![1]!;
    peer.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptOf(key)}\r\nSec-WebSocket-Extensions: ${name}` +
        `${name === "permessage-deflate" ? "; server_no_context_takeover" : ""}\r\n\r\n`,
    );
    for (const each of frames) peer.send(frame(each));
    await settle();
    peer.close();
    await settle();
  }
  return heard[0]!;
}

for (const [name, codec] of Object.entries(CODECS)) {
  for (const isClient of [false, true]) {
    const to = (options: PermessageDeflateOptions, frames: readonly FrameOptions[]) =>
      outcome(isClient, permessageDeflateBy(codec, options), frames);

    Deno.test(`${name}, ${isClient ? "client" : "server"}: a message past the ratio is refused with 1009, one at it is not`, async () => {
      using _log = captureLog([]);
      const bomb = [{ opcode: 2, rsv: 4, payload: BOMB }];
      assertEquals(await to({}, bomb), String(200 * KIB));
      assertEquals(await to({ maxInflationRatio: RATIO }, bomb), String(200 * KIB));
      assertEquals(await to({ maxInflationRatio: RATIO * 0.9999 }, bomb), REFUSED);
      const half = BOMB.length >> 1;
      const parts = [
        { opcode: 2, rsv: 4, fin: false, payload: BOMB.subarray(0, half) },
        { opcode: 0, payload: BOMB.subarray(half) },
      ];
      assertEquals(await to({ maxInflationRatio: 100 }, parts), REFUSED);
    });

    Deno.test(`${name}, ${isClient ? "client" : "server"}: up to 64 KiB any ratio is taken, one byte past it not`, async () => {
      using _log = captureLog([]);
      const of = (length: number) => [{ opcode: 2, rsv: 4, payload: compressed(length) }];
      assertEquals(await to({ maxInflationRatio: 1 }, of(64 * KIB)), String(64 * KIB));
      assertEquals(await to({ maxInflationRatio: 1 }, of(64 * KIB + 1)), REFUSED);
    });
  }
}

Deno.test("each message is judged by itself, but not each frame of deflate-frame", async () => {
  using _log = captureLog([]);
  const payload = compressed(40 * KIB);
  const whole = { opcode: 2, rsv: 4, payload };
  const options = { maxInflationRatio: 10 };
  const each = [whole, whole, whole];
  assertEquals(await outcome(false, permessageDeflate(options), each), String(40 * KIB));
  assertEquals(await outcome(false, deflateFrame(options), each), String(40 * KIB));
  const parts = [{ ...whole, fin: false }, { opcode: 0, rsv: 4, payload }];
  assertEquals(await outcome(false, deflateFrame(options), parts), REFUSED);
});

Deno.test("maxInflationRatio is a number from 1", () => {
  for (const maxInflationRatio of [0, 0.99, -1, NaN, "10" as unknown as number]) {
    assertThrows(() => permessageDeflate({ maxInflationRatio }), LwsError, "maxInflationRatio");
  }
  for (const maxInflationRatio of [1, 1.5, Infinity]) permessageDeflate({ maxInflationRatio });
});
