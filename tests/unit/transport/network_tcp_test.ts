import { assert, assertEquals, assertRejects } from "@std/assert";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import type { Transport } from "../../../src/api/network.ts";
import { testTransportContract } from "../../support/transport_contract.ts";

async function tcpPair(): Promise<[Transport, Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const target = { hostname: "127.0.0.1", port: listener.address.port };
  const [client, server] = await Promise.all([
    tcpNetwork.connect(target, new AbortController().signal),
    listener.accept(),
  ]);
  listener.close();
  return [client, server];
}

testTransportContract("TCP", tcpPair);

Deno.test("TCP: both ends know both addresses", async () => {
  const [client, server] = await tcpPair();
  assertEquals(client.localAddress, server.remoteAddress);
  assertEquals(client.remoteAddress, server.localAddress);
  assertEquals(client.remoteAddress.hostname, "127.0.0.1");
  assert(client.localAddress.port > 0);
  client.close();
  server.close();
});

Deno.test("TCP: accept rejects once the listener is closed, and a second close is harmless", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await assertRejects(() => accepting);
});

Deno.test("TCP: a peer's reset closes the transport once, and no promise escapes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const transport = new StreamTransport(accepted);
  let closes = 0;
  const closed = new Promise<void>((resolve) =>
    transport.start({
      onBytes: (bytes) => bytes.length,
      onDrain() {
        transport.write(new Uint8Array(100_000));
      },
      onEnd() {},
      onClose() {
        closes++;
        resolve();
      },
    })
  );
  transport.write(new Uint8Array(100_000));
  // Closing with unread input resets the connection.
  conn.close();
  await closed;
  transport.close();
  await Promise.resolve();
  assertEquals(closes, 1);
});

Deno.test("TCP: connecting stops when its signal aborts", async () => {
  const aborter = new AbortController();
  aborter.abort(new Error("enough"));
  await assertRejects(() => tcpNetwork.connect({ hostname: "127.0.0.1", port: 9 }, aborter.signal));
});
