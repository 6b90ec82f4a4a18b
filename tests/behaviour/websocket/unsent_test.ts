/** How much may be unsent, what counts, and what is said of a write that is too much. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  allocPadded,
  deflateStream,
  type Extension,
  handlers,
  permessageDeflate,
  prepareMessage,
  type Wsi,
} from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { dialAlone, openAlone, readHead, serve, settle } from "../../support/serve.ts";

const MIB = 1024 * 1024;
const HARD = 4 * MIB;
const ALONE = 16 * MIB;

async function connected(extensions: readonly Extension[] = [], info = {}) {
  const all: Wsi[] = [];
  const keep = (wsi: Wsi) => void all.push(wsi);
  const lengths: number[] = [];
  const callback = handlers({
    established: keep,
    clientEstablished: keep,
    receive(wsi, _user, piece) {
      if (wsi.isFirstFragment) lengths.push(0);
      lengths[lengths.length - 1]! += piece.length;
    },
  });
  const protocols = [{ name: "x", callback, rxBufferSize: 65_536 }];
  const served = serve(protocols, { extensions, maxMessageSize: 2 * ALONE, ...info });
  const limits = { extensions, maxFramePayload: 2 * ALONE };
  served.client(protocols, limits).clientConnect({ address: "memory", port: 80 });
  while (all.length < 2) await settle();
  return {
    served,
    server: all.find((wsi) => !wsi.isClient)!,
    client: all.find((wsi) => wsi.isClient)!,
    lengths,
  };
}

/** What does not compress. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)));
  }
  return bytes;
}

const STACKS: readonly [string, () => Extension[]][] = [
  ["plain", () => []],
  ["permessage-deflate", () => [permessageDeflate({ level: 1 })]],
  ["deflate-stream", () => [deflateStream()]],
];

for (const [name, extensions] of STACKS) {
  for (const side of ["server", "client"] as const) {
    Deno.test(`${side}, ${name}: one write of 16 MiB is taken when nothing else is unsent, a byte more is not`, async () => {
      using log = captureLog();
      const data = noise(ALONE + 1);
      for (const [length, taken] of [[ALONE, ALONE], [ALONE + 1, -1]] as const) {
        const pair = await connected(extensions(), { maxMessageSize: MIB });
        await using _served = pair.served;
        assertEquals(pair[side].write(data.subarray(0, length)), taken);
      }
      assertEquals(log.lines.length, 1);
      assertStringIncludes(log.lines[0]!, `a write of ${ALONE + 1} bytes is above maxUnsentBytes`);
      assertEquals(log.lines[0]!.includes("too slowly"), false);
    });
  }
}

Deno.test("one write may have maxMessageSize, or maxUnsentBytes, where that is more than 16 MiB", async () => {
  using _log = captureLog([]);
  for (
    const info of [{ maxMessageSize: ALONE + 5 }, {
      maxMessageSize: MIB,
      maxUnsentBytes: ALONE + 15,
    }]
  ) {
    for (const [length, taken] of [[ALONE + 5, ALONE + 5], [ALONE + 6, -1]] as const) {
      const { served, server } = await connected([], info);
      await using _served = served;
      assertEquals(server.write(new Uint8Array(length)), taken);
    }
  }
});

Deno.test("prepared and padded messages of 16 MiB are taken alone, too, and a byte more is not", async () => {
  using _log = captureLog([]);
  for (const make of [(length: number) => prepareMessage(new Uint8Array(length)), allocPadded]) {
    for (const [length, taken] of [[ALONE, ALONE], [ALONE + 1, -1]] as const) {
      const { served, server } = await connected([], { maxMessageSize: MIB });
      await using _served = served;
      assertEquals(server.write(make(length)), taken);
    }
  }
});

Deno.test("behind another write maxUnsentBytes may be unsent, and a byte more is not taken", async () => {
  using log = captureLog();
  for (const [more, taken] of [[0, HARD - 30], [1, -1]] as const) {
    const { served, server } = await connected();
    await using _served = served;
    await settle();
    assertEquals(server.write(new Uint8Array(18)), 18);
    // Ten bytes of header.
    assertEquals(server.write(new Uint8Array(HARD - 30 + more)), taken);
    if (more === 0) assertEquals(server.unsentBytes, HARD);
  }
  assertEquals(log.lines.length, 1);
  assertStringIncludes(log.lines[0]!, "the peer reads too slowly, maxUnsentBytes (4194304)");
});

Deno.test("a write above the limit behind another one is told from a peer that reads too slowly", async () => {
  using log = captureLog();
  const { served, server } = await connected();
  await using _served = served;
  server.write("first");
  assertEquals(server.write(new Uint8Array(HARD + 1)), -1);
  assertStringIncludes(log.lines[0]!, `a write of ${HARD + 1} bytes is above maxUnsentBytes`);
  assertStringIncludes(log.lines[0]!, "only be when nothing else is unsent");
});

Deno.test("what no program wrote stands against no write: the answer to the handshake, pongs, probes", async () => {
  const taken: number[] = [];
  const big = new Uint8Array(5 * MIB);
  const callback = handlers({
    established: (wsi) => void taken.push(wsi.write(big)),
    receivePing: (wsi) => void taken.push(wsi.write(big)),
  });
  await using served = serve([{ name: "x", callback }], { kaTime: 5, kaProbes: 2, kaInterval: 5 });
  const socket = await served.open();
  assertEquals((await socket.receive()).payload.length, big.length);
  await settle();
  // The pong is queued before the callback.
  socket.send({ opcode: 9, payload: "x" });
  assertEquals((await socket.receive()).opcode, 10);
  assertEquals((await socket.receive()).payload.length, big.length);
  assertEquals(taken, [big.length, big.length]);
});

Deno.test("pings and a close behind one long write cut nobody: all of it arrives", async () => {
  const all: Wsi[] = [];
  const callback = handlers({
    established: (wsi) => void all.push(wsi),
    receive: (wsi) => void wsi.write(new Uint8Array(10 * MIB)),
    receivePong: (wsi) => void wsi.close(1000, "done"),
  });
  await using socket = await openAlone([{ name: "x", callback }]);
  socket.send({ opcode: 1, payload: "go" }, { opcode: 9, payload: "x" }, { opcode: 10 });
  assertEquals((await socket.receive()).payload.length, 10 * MIB);
  assertEquals((await socket.receive()).opcode, 10);
  assertEquals(await socket.receiveClose(), { code: 1000, reason: "done" });
});

Deno.test("the body of an answer may be one long write behind its head, also behind earlier answers", async () => {
  const callback = handlers({
    http(wsi, _user, path) {
      const length = Number(path.slice(1));
      wsi.writeHttpHeaders(200, [["content-length", String(length)]]);
      wsi.write(new Uint8Array(length), "httpFinal");
    },
  });
  await using peer = await dialAlone([{ name: "http", callback }]);
  const lengths = [3, 5 * MIB, 100_000, 6 * MIB, 16 * MIB, ...new Array(20).fill(MIB)];
  peer.send(lengths.map((each) => `GET /${each} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  for (const length of lengths) {
    await readHead(peer);
    assertEquals((await peer.readBytes(length)).length, length);
  }
  peer.close();
});

Deno.test("a padded buffer that is transferred before it has left ends its connection, and no other", async () => {
  using log = captureLog();
  const { served, server } = await connected();
  await using _served = served;
  const bystander = await served.open();
  server.write("first");
  for (const length of [100_000, 5_000]) {
    const padded = allocPadded(length);
    server.write(padded);
    padded.buffer.transfer();
  }
  await settle();
  assertEquals(server.write("later"), -1);
  assertEquals(log.lines.filter((line) => line.includes("was transferred")).length, 1);
  bystander.send({ opcode: 9, payload: "fine" });
  assertEquals((await bystander.receive()).opcode, 10);
});
