/** That programs of then meet no limit that C had not, unless they ask for one. */

import { assertEquals, assertMatch } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import { useHost } from "../../src/compat/calls/creation.ts";
import { nov10 } from "../../src/compat/mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { handshake, readHead, settle, WebSocketPeer } from "../support/serve.ts";
import type { Callback, Face, Rig } from "./support.ts";
import { DEC15, FACES, MAR13, rig, SINCE_MAR13 } from "./support.ts";

const MIB = 1024 * 1024;

/** A server that adds up what it gets, and sends much when it is told to. */
function counting(face: Face) {
  const got = { bytes: 0, isWhole: false, written: 0, closed: 0 };
  const callback: Callback = (wsi, reason, _user, _input, len) => {
    if (reason === "RECEIVE" || reason === "HTTP_BODY") got.bytes += len;
    if (reason === "CLOSED") got.closed++;
    if (reason === "HTTP_BODY_COMPLETION") got.isWhole = true;
    if (reason === "RECEIVE" && len === 1) {
      const kind = face.api.LWS_WRITE_BINARY;
      const many = new Uint8Array(17 * MIB);
      for (let n = 0; n < 2; n++) {
        got.written += face.call("write", wsi, many, many.length, kind) as number;
      }
    }
    return 0;
  };
  return { got, protocols: [{ name: "talk", callback }] };
}

/** Sends in pieces, which are served in between. */
async function sendAll(server: Rig, socket: WebSocketPeer, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length; start += MIB) {
    socket.peer.send(bytes.subarray(start, start + MIB));
    await server.settle();
  }
}

/** A frame with a masking key of zeros, whose payload is zeros. */
function zeros(length: number): Uint8Array {
  const header = 14;
  const bytes = new Uint8Array(header + length);
  bytes.set([0x82, 0xff]);
  new DataView(bytes.buffer).setUint32(6, length);
  return bytes;
}

for (const face of FACES) {
  Deno.test(`${face.name}: a frame of 17 MiB is received, and two are written to a peer that reads later`, async () => {
    const { got, protocols } = counting(face);
    await using server = rig(face, { protocols });
    const socket = await server.open({ protocol: "talk" });
    await sendAll(server, socket, zeros(17 * MIB));
    await server.until(() => got.bytes === 17 * MIB);
    socket.send({ opcode: 1, payload: "w" });
    await server.settle();
    assertEquals(got.written, face === MAR13 || face === DEC15 ? 34 * MIB : 0);
    for (let n = 0; n < 2; n++) {
      assertEquals((await server.pump(socket.receive())).payload.length, 17 * MIB);
    }
    assertEquals(got.closed, 0);
  });

  Deno.test(`${face.name}: limits bound what they name`, async () => {
    const { got, protocols } = counting(face);
    const limits = { maxFramePayload: 4, maxBodySize: undefined };
    await using server = rig(face, { protocols, limits });
    const socket = await server.open({ protocol: "talk" });
    socket.send({ opcode: 2, payload: "four" }, { opcode: 2, payload: "fives" });
    assertEquals((await server.pump(socket.receiveClose())).code, 1009);
    assertEquals(got.bytes, 4);
  });
}

SINCE_MAR13.test("a compressed message of 3 MiB is received", async (face) => {
  const { got, protocols } = counting(face);
  const extensions = face.call("get_internal_extensions") as never[];
  await using server = rig(face, { protocols, extensions });
  const headers = ["Sec-WebSocket-Extensions: deflate-frame"];
  const socket = await server.open({ protocol: "talk", headers });
  const payload = deflateRawSync(new Uint8Array(3 * MIB), { finishFlush: 2 }).subarray(0, -4);
  socket.send({ opcode: 2, rsv: 4, payload: new Uint8Array(payload) });
  await server.until(() => got.bytes === 3 * MIB || got.closed > 0);
  assertEquals(got.bytes, 3 * MIB);
});

Deno.test("dec15: a body of 11 MiB is received, and one past a limit that was asked for is not", async () => {
  const post = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${11 * MIB}\r\n\r\n`;
  const { got, protocols } = counting(DEC15);
  await using server = rig(DEC15, { protocols });
  const peer = await server.dial(post);
  await sendAll(server, new WebSocketPeer(peer, ""), new Uint8Array(11 * MIB));
  await server.until(() => got.isWhole);
  assertEquals(got.bytes, 11 * MIB);
  await using bounded = rig(DEC15, { protocols, limits: { maxBodySize: 11 * MIB - 1 } });
  assertMatch(await bounded.pump(readHead(await bounded.dial(post))), / 413 /);
});

Deno.test("nov10: a frame of 17 MiB is received, and limits bound what they name", async () => {
  for (const limits of [null, { maxFramePayload: 17 * MIB - 1 }]) {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    useHost({ network, clock });
    let received = 0;
    const callback: nov10.libwebsocket_callback = (_wsi, reason, _user, _data, len) => {
      if (reason === nov10.LWS_CALLBACK_RECEIVE) received += len;
    };
    const given = [80, callback, 13, 0, null, null, -1, -1, limits] as const;
    const context = nov10.serverContext(nov10.libwebsocket_create_server(...given))!;
    const peer = await network.dial(80);
    peer.send(handshake());
    const socket = new WebSocketPeer(peer, await readHead(peer));
    peer.send(zeros(17 * MIB));
    if (limits === null) {
      for (let n = 0; n < 1000 && received < 17 * MIB; n++) await settle();
    } else assertEquals((await socket.receiveClose()).code, 1009);
    assertEquals(received, limits === null ? 17 * MIB : 0);
    peer.close();
    const end = context.destroy();
    await settle();
    clock.advance(60_000);
    await end;
    useHost({});
  }
});
