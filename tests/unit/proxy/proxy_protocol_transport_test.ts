/** The PROXY protocol in front of connections. */

import { assertEquals, assertRejects } from "@std/assert";
import { ProxyHeaderError, readProxyHeader } from "../../../src/proxy/proxy_protocol.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { readPreface } from "../../../src/transport/first_bytes.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import type { Network, Transport } from "../../../src/api/network.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

const LINE = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";
const SOURCE = { hostname: "203.0.113.9", port: 50_000 };
const DESTINATION = { hostname: "198.51.100.1", port: 443 };
const never = new AbortController().signal;

interface Accepted {
  readonly proxy: MemoryPeer;
  /** The end that was accepted, as it is. */
  readonly raw: Transport;
  readonly transport: Promise<Transport>;
}

function accept(signal = never): Accepted {
  const [raw, far] = memoryPair();
  const transport = readProxyHeader(raw, signal);
  // Whoever awaits it sees a failure; until then it is not unhandled.
  transport.catch(() => {});
  return { proxy: new MemoryPeer(far), raw, transport };
}

async function gone(proxy: MemoryPeer): Promise<void> {
  await proxy.readToEnd();
  proxy.close();
  await proxy.closed;
}

async function refusal({ proxy, transport }: Accepted): Promise<string> {
  const error = await assertRejects(() => transport, ProxyHeaderError);
  await gone(proxy);
  return error.message;
}

/** Both ends behind a header that leaves the addresses as they are. */
async function pairOn(network: Network): Promise<[Transport, Transport]> {
  const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, accepted] = await Promise.all([
    network.connect({ hostname: "127.0.0.1", port: listener.address.port }, never),
    listener.accept(),
  ]);
  listener.close();
  // What a connection begins with has to come from its first owner: the contract's tests are one.
  return Promise.all([saying(client, "PROXY UNKNOWN\r\n"), readProxyHeader(accepted, never)]);
}

/** A transport that has said something before its owner starts it. */
function saying(transport: Transport, text: string): Promise<Transport> {
  return readPreface(transport, {
    request: new TextEncoder().encode(text),
    isComplete: true,
    take: () => 0,
    cutShort: () => new Error("the peer went"),
  }, never);
}

testTransportContract("behind a PROXY header over TCP", () => pairOn(tcpNetwork));
testTransportContract("behind a PROXY header in memory", () => pairOn(new MemoryNetwork()), false);

Deno.test("a proxied connection has the addresses that the proxy names", async () => {
  const { proxy, transport } = accept();
  proxy.send(`${LINE}GET /`);
  const near = new Recorder(await transport);
  assertEquals(near.transport.remoteAddress, SOURCE);
  assertEquals(near.transport.localAddress, DESTINATION);
  await near.untilTaken(5);
  assertEquals(near.text, "GET /");
  await near.write("answer");
  assertEquals(new TextDecoder().decode(await proxy.readBytes(6)), "answer");
  near.transport.close();
  await gone(proxy);
});

Deno.test("a proxy's own connection keeps the socket's addresses", async () => {
  const local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
  for (const header of ["PROXY UNKNOWN\r\n", local]) {
    const { proxy, raw, transport } = accept();
    proxy.send(header);
    const near = await transport;
    assertEquals(near.remoteAddress, raw.remoteAddress);
    assertEquals(near.localAddress, raw.localAddress);
    near.close();
    await gone(proxy);
  }
});

Deno.test("the header may come byte by byte", async () => {
  const { proxy, raw, transport } = accept();
  proxy.transport.peer.chop(1);
  assertEquals<unknown>(proxy.transport.peer, raw);
  proxy.send(`${LINE}x`);
  const near = new Recorder(await transport);
  await near.untilTaken(1);
  assertEquals([near.text, near.transport.remoteAddress], ["x", SOURCE]);
  near.transport.close();
  await gone(proxy);
});

Deno.test("a connection without a header is closed, with not a byte of it served", async () => {
  const accepted = accept();
  accepted.proxy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals(await refusal(accepted), "no PROXY protocol header");
  assertEquals(accepted.proxy.received.length, 0);
});

Deno.test("a connection that ends or breaks before the header is complete is closed", async () => {
  const message = "the connection ended before its PROXY header was complete";
  for (const said of ["", "PROXY TCP4"]) {
    const ended = accept();
    ended.proxy.send(said);
    ended.proxy.end();
    assertEquals(await refusal(ended), message);
    const broken = accept();
    broken.proxy.send(said);
    broken.proxy.reset();
    assertEquals(await refusal(broken), message);
  }
});

Deno.test("a slow proxy is given up when the signal aborts, before or meanwhile", async () => {
  const aborter = new AbortController();
  const { proxy, transport } = accept(aborter.signal);
  proxy.send("PROXY ");
  aborter.abort(new Error("enough"));
  await assertRejects(() => transport, Error, "enough");
  await gone(proxy);
  const late = accept(aborter.signal);
  await assertRejects(() => late.transport, Error, "enough");
  await gone(late.proxy);
});
