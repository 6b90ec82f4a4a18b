/** No memory for one buffer after the other: the connection that needs it ends, and nothing else. */

import { assert, assertEquals } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import { createContext, permessageDeflate } from "../../../mod.ts";
import { failing, noMemory } from "../../support/faults/failing.ts";
import { frame, KEY } from "../../support/frames.ts";
import { named } from "../../support/named.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake } from "../../support/serve.ts";

/** Buffers that only what is large here takes. */
const LARGE = 2048;
const MESSAGE = new Uint8Array(150_000).fill(97);
/** Node's constant for a flush to a byte boundary. */
const SYNC_FLUSH = 2;
const deflated = new Uint8Array(deflateRawSync(MESSAGE, { finishFlush: SYNC_FLUSH }).slice(0, -4));
const half = MESSAGE.subarray(75_000);

const TRAFFIC = {
  "a message in one frame": frame({ opcode: 1, payload: MESSAGE, key: KEY }),
  "a message in two frames": Uint8Array.from([
    ...frame({ opcode: 1, payload: half, fin: false, key: KEY }),
    ...frame({ opcode: 0, payload: half, key: KEY }),
  ]),
  "a compressed message": frame({ opcode: 1, rsv: 4, payload: deflated, key: KEY }),
};

/** A WebSocket by hand, that counts bytes and makes no large buffers. */
class RawPeer {
  readonly #conn: Deno.TcpConn;
  readonly #room = new Uint8Array(64 * 1024);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open(port: number): Promise<RawPeer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const peer = new RawPeer(conn);
    const headers = ["Sec-WebSocket-Extensions: permessage-deflate"];
    const opening = new TextEncoder().encode(handshake({ protocol: "echo", headers }));
    assert(await peer.say(opening, 12));
    return peer;
  }

  /** Whether so many bytes come back before the end. */
  async say(bytes: Uint8Array, least: number): Promise<boolean> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
      for (let read = 0; read < least;) {
        const count = await this.#conn.read(this.#room);
        if (count === null) return false;
        read += count;
        if (this.#room[0] === 0x88) return false;
      }
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.#conn.close();
  }
}

for (const [what, bytes] of Object.entries(TRAFFIC)) {
  Deno.test(`no memory for any buffer that ${what} needs ends its connection alone`, async () => {
    using _log = captureLog([]);
    const ended: string[] = [];
    await using server = createContext({
      ...LOOPBACK,
      extensions: [permessageDeflate({ threshold: 1000 })],
      protocols: [named("echo", {
        message: (wsi, _user, message) => void wsi.write(`${message.length}`, "text"),
        closed: (_wsi) => void ended.push("closed"),
      })],
    });
    const healthy = await RawPeer.open(server.port);
    const small = frame({ opcode: 1, payload: new Uint8Array(1), key: KEY });
    let opened = 0;
    for (let at = 1;; at++) {
      assert(at < 100, "it needs fewer buffers");
      const victim = await RawPeer.open(server.port);
      opened++;
      const isIt = ([length]: readonly unknown[]) => typeof length === "number" && length >= LARGE;
      let failed;
      {
        using fault = failing(globalThis, "Uint8Array", { at, isIt, error: noMemory });
        const isAnswered = await victim.say(bytes, 8);
        failed = fault.failed;
        if (failed === 0) assert(isAnswered);
      }
      assert(await healthy.say(small, 3));
      victim.close();
      if (failed === 0) break;
    }
    assert(opened > 1, "a buffer at least failed");
    healthy.close();
    await server.destroy();
    assertEquals(ended.length, opened + 1);
  });
}
