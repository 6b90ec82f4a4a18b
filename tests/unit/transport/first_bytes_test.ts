import { assertEquals } from "@std/assert";
import {
  firstByteOf,
  PeekedTransport,
  TLS_HANDSHAKE_RECORD,
} from "../../../src/transport/first_bytes.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { TlsClient } from "../../../src/tls/client.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

const certificates = await makeCertificates();

testTransportContract("a peeked TCP connection", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    tcpNetwork.connect(listener.address, new AbortController().signal),
    listener.accept(),
  ]);
  listener.close();
  return [near, new PeekedTransport(far, firstByteOf)];
});

async function closeBoth(...ends: Recorder[]): Promise<void> {
  for (const end of ends) {
    end.transport.close();
    await end.until(() => end.count("close") === 1);
  }
}

Deno.test("the first byte is seen, and all bytes come afterwards, also those that came since", async () => {
  const [near, far] = memoryPair();
  const client = new Recorder(near);
  const peeked = new PeekedTransport(far, firstByteOf);
  await client.write("GET");
  assertEquals(await peeked.found, 0x47);
  await client.write(" /");
  const server = new Recorder(peeked);
  assertEquals(server.offers.length, 0);
  await server.untilTaken(5);
  assertEquals(server.text, "GET /");
  await closeBoth(client, server);
});

Deno.test("what is looked for may take more bytes, and all of them come afterwards", async () => {
  const [near, far] = memoryPair();
  const client = new Recorder(near);
  const looks: number[] = [];
  const peeked = new PeekedTransport(far, (bytes) => {
    looks.push(bytes.length);
    return bytes.length < 5 ? undefined : "five";
  });
  await client.write("he");
  await client.write("llo");
  assertEquals(await peeked.found, "five");
  assertEquals(looks.at(-1), 5);
  const server = new Recorder(peeked);
  await server.untilTaken(5);
  assertEquals(server.text, "hello");
  await closeBoth(client, server);
});

Deno.test("a transport that is paused before it is started stays paused", async () => {
  const [near, far] = memoryPair();
  const client = new Recorder(near);
  const peeked = new PeekedTransport(far, firstByteOf);
  await client.write("x");
  assertEquals(await peeked.found, 0x78);
  peeked.pause();
  const server = new Recorder(peeked);
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(server.text, "");
  peeked.resume();
  await server.untilTaken(1);
  await closeBoth(client, server);
});

Deno.test("a connection that ends or breaks without a byte has none, and its handler hears why", async () => {
  for (const how of ["end", "close", "reset"] as const) {
    const [near, far] = memoryPair();
    const client = new Recorder(near);
    const peeked = new PeekedTransport(far, firstByteOf);
    near[how]();
    assertEquals(await peeked.found, undefined);
    const server = new Recorder(peeked);
    const event = how === "reset" ? "close" : "end";
    assertEquals(server.events, []);
    await server.until(() => server.count(event) === 1);
    await closeBoth(client, server);
  }
});

Deno.test("a connection that is closed before it says anything has no first byte", async () => {
  const [near, far] = memoryPair();
  const client = new Recorder(near);
  const peeked = new PeekedTransport(far, firstByteOf);
  peeked.close();
  assertEquals(await peeked.found, undefined);
  await client.until(() => client.count("end") === 1);
  await closeBoth(client);
});

Deno.test("TLS begins with a handshake record, and goes on from there", async () => {
  const server = new TlsServer({ identity: certificates.localhost });
  const [near, far] = memoryPair();
  const handshake = new TlsClient({ ca: [certificates.ca.cert] })
    .secure(near, { serverName: "localhost" });
  const peeked = new PeekedTransport(far, firstByteOf);
  assertEquals(await peeked.found, TLS_HANDSHAKE_RECORD);
  const [clientEnd, serverEnd] = await Promise.all([handshake.done, server.secure(peeked).done]);
  const client = new Recorder(clientEnd);
  const other = new Recorder(serverEnd);
  await client.write("hello");
  await other.untilTaken(5);
  await closeBoth(client, other);
});
