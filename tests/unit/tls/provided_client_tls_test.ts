/** Transports as stream connections. */

import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import type { Transport } from "../../../src/api/network.ts";
import { TransportConn } from "../../../src/tls/provided_client_tls.ts";
import { settle } from "../../support/serve.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

async function tcpPair(): Promise<[Transport, Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const pair = await Promise.all([
    tcpNetwork.connect(listener.address, new AbortController().signal),
    listener.accept(),
  ]);
  listener.close();
  return pair;
}

// There and back: a transport over a connection over a transport keeps all the rules. Over TCP, as the
// network in memory gives all of a write at once to who reads any of it.
testTransportContract("a transport over a connection over a transport", async () => {
  const [near, far] = await tcpPair();
  return [
    new StreamTransport(new TransportConn(near)),
    new StreamTransport(new TransportConn(far)),
  ];
}, false);

function bench(): { conn: TransportConn; peer: Recorder; end(): Promise<void> } {
  const [near, far] = memoryPair();
  const conn = new TransportConn(near);
  const peer = new Recorder(far);
  return {
    conn,
    peer,
    async end() {
      conn.close();
      far.close();
      await peer.until(() => peer.count("close") === 1);
      await settle();
    },
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (words: string) => new TextEncoder().encode(words);

Deno.test("a read takes what its buffer holds, and the next one the rest", async () => {
  const { conn, peer, end } = bench();
  await peer.write("abcdef");
  const buffer = new Uint8Array(4);
  assertEquals([await conn.read(buffer), text(buffer)], [4, "abcd"]);
  assertEquals([await conn.read(buffer), text(buffer.subarray(0, 2))], [2, "ef"]);
  await end();
});

Deno.test("nobody reads ahead of the program", async () => {
  const [near, far] = await tcpPair();
  const conn = new TransportConn(near);
  const peer = new Recorder(far);
  peer.transport.write(new Uint8Array(16 * 1024 * 1024));
  await conn.read(new Uint8Array(10));
  await settle();
  assertEquals(peer.count("drain"), 0);
  conn.close();
  far.close();
  await peer.until(() => peer.count("close") === 1);
});

Deno.test("a second read at the same time is refused, and the first goes on", async () => {
  const { conn, peer, end } = bench();
  const buffer = new Uint8Array(4);
  const first = conn.read(buffer);
  await assertRejects(() => conn.read(new Uint8Array(4)), Error, "another read");
  await peer.write("abcd");
  assertEquals([await first, text(buffer)], [4, "abcd"]);
  await end();
});

Deno.test("writes at the same time leave in order, and each says when", async () => {
  const { conn, peer, end } = bench();
  const counts = await Promise.all([
    conn.write(bytesOf("one,")),
    conn.write(bytesOf("two,")),
    conn.write(bytesOf("three")),
  ]);
  assertEquals(counts, [4, 4, 5]);
  await peer.untilTaken(13);
  assertEquals(peer.text, "one,two,three");
  await end();
});

Deno.test("what was written may change at once, a Buffer's bytes as well", async () => {
  const { conn, peer, end } = bench();
  const before = conn.write(bytesOf("-"));
  const buffer = Buffer.from("safe");
  await before;
  const writing = conn.write(buffer);
  await Promise.resolve();
  await Promise.resolve();
  buffer.fill(0);
  await writing;
  await peer.untilTaken(5);
  assertEquals(peer.text, "-safe");
  await end();
});

Deno.test("closeWrite ends the sending half behind all writes, and reading goes on", async () => {
  const { conn, peer, end } = bench();
  const writing = conn.write(bytesOf("last"));
  await conn.closeWrite();
  await writing;
  await peer.until(() => peer.count("end") === 1);
  assertEquals(peer.text, "last");
  await peer.write("more");
  assertEquals(await conn.read(new Uint8Array(9)), 4);
  await end();
});

Deno.test("the peer's end is null, time and again, and writing goes on", async () => {
  const { conn, peer, end } = bench();
  peer.transport.end();
  assertEquals(await conn.read(new Uint8Array(1)), null);
  assertEquals(await conn.read(new Uint8Array(1)), null);
  assertEquals(await conn.write(bytesOf("still")), 5);
  await peer.untilTaken(5);
  await end();
});

Deno.test("close ends a read under way with null, and all that comes later rejects", async () => {
  const { conn, end } = bench();
  const reading = conn.read(new Uint8Array(1));
  conn.close();
  conn.close();
  assertEquals(await reading, null);
  await assertRejects(() => conn.read(new Uint8Array(1)), Error, "closed");
  await assertRejects(() => conn.write(bytesOf("x")), Error, "closed");
  await end();
});

Deno.test("close rejects a write that waits, and those behind it", async () => {
  const { conn, peer, end } = bench();
  peer.transport.pause();
  const writes = [conn.write(new Uint8Array(16 * 1024 * 1024)), conn.write(bytesOf("x"))];
  await settle();
  conn.close();
  const results = await Promise.allSettled(writes);
  assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
  await end();
});
