/** Pings are answered, each of them, also while a write is under way (RFC 6455 section 5.5.2). */

import { assert, assertEquals } from "@std/assert";
import { deflateStream, type Extension, handlers, type Protocol, type Wsi } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { openAlone, serve, settle, type WebSocketPeer } from "../../support/serve.ts";

/** More than a network in memory holds. */
const MUCH = new Uint8Array(200_000);
const decoder = new TextDecoder();

function keeping(): { protocol: Protocol; all: Wsi[]; pongs: string[] } {
  const all: Wsi[] = [];
  const pongs: string[] = [];
  const keep = (_wsi: Wsi, _user: unknown, payload: Uint8Array) =>
    void pongs.push(decoder.decode(payload));
  const callback = handlers({
    established: (wsi) => void all.push(wsi),
    clientEstablished: (wsi) => void all.push(wsi),
    receivePong: keep,
    clientReceivePong: keep,
  });
  return { protocol: { name: "x", callback }, all, pongs };
}

/** Frames up to and with the one whose payload is `last`, as opcodes and texts. */
async function framesUpTo(socket: WebSocketPeer, last: string): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const { opcode, payload } = await socket.receive();
    texts.push(payload.length === MUCH.length ? "much" : `${opcode} ${decoder.decode(payload)}`);
    if (texts.at(-1) === last) return texts;
  }
}

Deno.test("pings that come while a write is under way are all answered, in their order", async () => {
  const { protocol, all } = keeping();
  await using socket = await openAlone([protocol]);
  socket.peer.transport.stopReading();
  all[0]!.write(MUCH);
  await settle();
  for (let i = 0; i < 10; i++) {
    socket.send({ opcode: 9, payload: `${i}` });
    await settle();
  }
  socket.peer.transport.startReading();
  const expected = ["much", ...Array.from({ length: 10 }, (_, i) => `10 ${i}`)];
  assertEquals(await framesUpTo(socket, "10 9"), expected);
  all[0]!.write("next");
  assertEquals(await socket.receiveText(), "next");
});

Deno.test("at most 4 KiB of pongs wait, and the oldest make room", async () => {
  const { protocol, all } = keeping();
  await using served = serve([protocol]);
  // 32 frames of 127 bytes fit, or 2,048 empty ones.
  for (
    const [sent, length, answered] of [[32, 125, 32], [33, 125, 32], [500, 125, 32], [
      2_049,
      0,
      2_048,
    ]]
  ) {
    const socket = await served.open();
    socket.peer.transport.stopReading();
    const wsi = all.at(-1)!;
    wsi.write(MUCH);
    await settle();
    const name = (i: number) => String(i).padStart(length!, "-").slice(0, length);
    for (let i = 0; i < sent!; i++) socket.send({ opcode: 9, payload: name(i) });
    await settle();
    socket.peer.transport.startReading();
    assertEquals((await socket.receive()).payload.length, MUCH.length);
    for (let i = sent! - answered!; i < sent!; i++) {
      const { opcode, payload } = await socket.receive();
      assertEquals([opcode, decoder.decode(payload)], [10, name(i)]);
    }
    await settle();
    wsi.write("next");
    assertEquals(await socket.receiveText(), "next");
    socket.peer.close();
  }
});

Deno.test("a peer that only pings and never reads is held to 4 KiB, and not cut", async () => {
  const { protocol, all } = keeping();
  await using socket = await openAlone([protocol], { maxUnsentBytes: 1024 });
  socket.peer.transport.stopReading();
  await settle();
  for (let i = 0; i < 3_000; i++) socket.send({ opcode: 9, payload: "p".repeat(125) });
  await settle();
  assert(all[0]!.unsentBytes <= 4 * 1024, `${all[0]!.unsentBytes}`);
  socket.send({ opcode: 9, payload: "latest" });
  await settle();
  socket.peer.transport.startReading();
  assertEquals((await framesUpTo(socket, "10 latest")).at(-1), "10 latest");
});

Deno.test("pongs go before what waits, so that a peer that is sent much is answered", async () => {
  const { protocol, all } = keeping();
  await using socket = await openAlone([protocol]);
  const wsi = all[0]!;
  socket.peer.transport.stopReading();
  for (let i = 0; i < 5; i++) wsi.write(MUCH);
  await settle();
  socket.send({ opcode: 9, payload: "alive?" });
  await settle();
  wsi.write("behind");
  socket.peer.transport.startReading();
  assertEquals(
    await framesUpTo(socket, "1 behind"),
    ["much", "10 alive?", "much", "much", "much", "much", "1 behind"],
  );
});

Deno.test("pongs that wait go before the answer to a close frame", async () => {
  const { protocol, all } = keeping();
  await using socket = await openAlone([protocol]);
  socket.peer.transport.stopReading();
  all[0]!.write(MUCH);
  await settle();
  socket.send({ opcode: 9, payload: "1" }, { opcode: 9, payload: "2" }, { opcode: 8 });
  await settle();
  socket.peer.transport.startReading();
  assertEquals(await framesUpTo(socket, "8 "), ["much", "10 1", "10 2", "8 "]);
});

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };
const WAYS: readonly [name: string, info: object, isTls: boolean, extensions: () => Extension[]][] =
  [
    ["plain", {}, false, () => []],
    ["TLS", TLS, true, () => []],
    ["deflate-stream", {}, false, () => [deflateStream()]],
  ];

for (const [name, info, isTls, extensions] of WAYS) {
  for (const pinger of ["client", "server"] as const) {
    Deno.test(`${name}: a ${pinger} that pings in a row hears every pong, in its order`, async () => {
      const server = keeping();
      const client = keeping();
      await using served = serve([server.protocol], { ...info, extensions: extensions() });
      const trust = { sslCaFilepath: made.ca.cert, options: { disableOsCaCerts: true } };
      served.client([client.protocol], { ...(isTls ? trust : {}), extensions: extensions() })
        .clientConnect({ address: "localhost", port: 80, ssl: isTls ? 1 : 0 });
      const mine = pinger === "client" ? client : server;
      const other = pinger === "client" ? server : client;
      while (mine.all.length === 0 || other.all.length === 0) await settle();
      const expected: string[] = [];
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 10; i++) {
          const payload = `${round} ${i}`;
          expected.push(payload);
          mine.all[0]!.write(payload, "ping");
          // Each by itself, while the answers before are on their way.
          await Promise.resolve();
          if (i % 3 === round) other.all[0]!.write(MUCH);
        }
        await settle();
      }
      while (mine.pongs.length < expected.length) await settle();
      assertEquals(mine.pongs, expected);
    });
  }
}
