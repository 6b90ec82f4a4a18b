import { assert, assertEquals } from "@std/assert";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { TlsClient } from "../../../src/tls/client.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { Recorder } from "../../support/transport_contract.ts";

const certificates = await makeCertificates();
const server = new TlsServer({ identity: certificates.localhost });
const client = new TlsClient({ ca: [certificates.ca.cert] });

/** A raw connection, and the handshake that the server has begun on it. */
async function half() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  return { conn, handshake: server.secure(new StreamTransport(accepted)) };
}

async function failureOf(done: Promise<unknown>): Promise<LwsError> {
  const error = await done.then(() => undefined, (error) => error);
  assert(error instanceof LwsError);
  return error;
}

Deno.test("a peer that resets in the middle of the handshake costs its own connection", async () => {
  const { conn, handshake } = await half();
  await conn.write(Uint8Array.fromHex("1603010200"));
  conn.close();
  assertEquals((await failureOf(handshake.done)).code, "connection-closed");
});

Deno.test("a peer that speaks plain HTTP is answered with an alert, and the end", async () => {
  const { conn, handshake } = await half();
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  assertEquals((await failureOf(handshake.done)).code, "tls-handshake-failed");
  const answer = new Uint8Array(100);
  const count = await conn.read(answer);
  // RFC 8446 section 6: an alert record, fatal.
  assertEquals([answer[0], answer[5]], [0x15, 2]);
  assertEquals(count, 7);
  assertEquals(await conn.read(answer), null);
  conn.close();
});

Deno.test("a peer that resets an established connection breaks it, with the reason", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
  const [clientEnd, serverEnd] = await Promise.all([
    client.secure(new StreamTransport(conn), { serverName: "localhost" }).done,
    accepting.then((accepted) => server.secure(accepted).done),
  ]);
  listener.close();
  const far = new Recorder(serverEnd);
  far.whenDrained = () => serverEnd.write(new Uint8Array(100_000));
  serverEnd.write(new Uint8Array(100_000));
  // Closing with unread input resets the connection.
  clientEnd.close();
  await far.until(() => far.count("close") === 1);
  assert(far.closeError instanceof Error);
});

for (const reader of ["server", "client"] as const) {
  Deno.test(`over TCP, a ${reader} that stops reading stops the sender, and loses nothing`, async () => {
    const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
    const [inner, accepted] = await Promise.all([
      tcpNetwork.connect(listener.address, new AbortController().signal),
      listener.accept(),
    ]);
    listener.close();
    const ends = await Promise.all([
      client.secure(inner, { serverName: "localhost" }).done,
      server.secure(accepted).done,
    ]);
    if (reader === "client") ends.reverse();
    const sender = new Recorder(ends[0]);
    const stopped = new Recorder(ends[1]);
    stopped.keeps = false;
    stopped.transport.pause();
    // More than the buffers of any system hold on the way.
    const size = 64 * 1024 * 1024;
    sender.transport.write(new Uint8Array(size));
    // A word the other way comes through, and so has whatever else could.
    await stopped.write("stop");
    await sender.untilTaken(4);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(sender.count("drain"), 0);
    assertEquals(stopped.takenLength, 0);
    stopped.transport.resume();
    await stopped.untilTaken(size);
    await sender.until(() => sender.count("drain") === 1);
    for (const end of [sender, stopped]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
  });
}
