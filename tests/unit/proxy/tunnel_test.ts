/** Tunnels through proxies that are played by hand. */

import { assertEquals, assertRejects } from "@std/assert";
import { TunnelError } from "../../../src/proxy/tunnel.ts";
import { openTunnel } from "../../../src/proxy/tunnel.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { Relay } from "../../../src/service/relay.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { type Network, type Transport, writeAndDrain } from "../../../src/api/network.ts";
import { type ConnectProxy, connectProxy } from "../../support/connect_proxy.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

const LIMITS = { maxHeaderBytes: 500, maxHeaderFields: 10 };
const REQUEST = { host: "example.com", port: 443 };
const AGREED = "HTTP/1.1 200 Connection established\r\n\r\n";
const never = new AbortController().signal;

function endsWithBlankLine(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes).endsWith("\r\n\r\n");
}

interface Asked {
  /** The proxy, after it has read the request. */
  readonly proxy: MemoryPeer;
  readonly head: string;
  readonly tunnel: Promise<Transport>;
}

async function ask(signal = never, request: typeof REQUEST = REQUEST): Promise<Asked> {
  const [near, far] = memoryPair();
  const tunnel = openTunnel(near, request, LIMITS, signal);
  // Whoever awaits it sees a failure; until then it is not unhandled.
  tunnel.catch(() => {});
  const proxy = new MemoryPeer(far);
  const head = new TextDecoder().decode(await proxy.readUntil(endsWithBlankLine));
  return { proxy, head, tunnel };
}

/** Waits until the proxy sees that the other end closed, and closes too. */
async function gone(proxy: MemoryPeer): Promise<void> {
  await proxy.readToEnd();
  proxy.close();
  await proxy.closed;
}

/** What a refused tunnel says; the transport has to be closed. */
async function refusal({ proxy, tunnel }: Asked): Promise<TunnelError> {
  const error = await assertRejects(() => tunnel, TunnelError);
  await gone(proxy);
  return error;
}

// The contract of every transport.

/** The proxy's end, which agrees, and is the far end of the tunnel from then on. */
class AgreeingProxy extends Relay {
  readonly #agreed: (tunnel: Transport) => void;

  constructor(inner: Transport, agreed: (tunnel: Transport) => void) {
    super(inner);
    this.#agreed = agreed;
    inner.start(this);
  }

  override onDrain(): void {
    if (this.owner === undefined) this.#agreed(this);
    super.onDrain();
  }

  protected override onEarlyBytes(bytes: Uint8Array): number {
    if (!endsWithBlankLine(bytes)) return 0;
    this.inner.pause();
    writeAndDrain(this.inner, new TextEncoder().encode(AGREED), this);
    return bytes.length;
  }
}

async function tunnelPair(network: Network): Promise<[Transport, Transport]> {
  const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    network.connect({ hostname: "127.0.0.1", port: listener.address.port }, never),
    listener.accept(),
  ]);
  listener.close();
  const agreed = new Promise<Transport>((resolve) => void new AgreeingProxy(far, resolve));
  return Promise.all([openTunnel(near, REQUEST, LIMITS, never), agreed]);
}

testTransportContract("a tunnel over TCP", () => tunnelPair(tcpNetwork));
testTransportContract("a tunnel in memory", () => tunnelPair(new MemoryNetwork()), false);

// The handshake.

Deno.test("the proxy is asked for host and port, with credentials where there are some", async () => {
  const asked = await ask(never, { ...REQUEST, ...{ credentials: "a:b" } });
  assertEquals(
    asked.head,
    "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic YTpi\r\n\r\n",
  );
  asked.proxy.send(AGREED);
  (await asked.tunnel).close();
  await gone(asked.proxy);
});

Deno.test("bytes that come with the answer are the tunnel's first", async () => {
  const { proxy, tunnel } = await ask();
  proxy.send(`HTTP/1.1 100 Continue\r\n\r\n${AGREED}welcome `);
  const near = new Recorder(await tunnel);
  await near.untilTaken(8);
  proxy.send("inside");
  await near.untilTaken(14);
  assertEquals(near.text, "welcome inside");
  await near.write("thanks");
  assertEquals(new TextDecoder().decode(await proxy.readBytes(6)), "thanks");
  proxy.close();
  await near.until(() => near.count("end") === 1);
  near.transport.close();
  await near.until(() => near.count("close") === 1);
});

Deno.test("what the proxy sends before the tunnel has an owner waits, and so does its end", async () => {
  const { proxy, tunnel } = await ask();
  proxy.send(`${AGREED}last words`);
  proxy.end();
  const transport = await tunnel;
  await new Promise((resolve) => setImmediate(resolve));
  const near = new Recorder(transport);
  await near.until(() => near.count("end") === 1);
  assertEquals(near.text, "last words");
  transport.close();
  await near.until(() => near.count("close") === 1);
});

Deno.test("a connection that breaks before the tunnel has an owner is told to the owner", async () => {
  const { proxy, tunnel } = await ask();
  proxy.send(AGREED);
  const transport = await tunnel;
  const error = new Error("on purpose");
  proxy.transport.peer.reset(error);
  await proxy.closed;
  const near = new Recorder(transport);
  assertEquals(near.events, [], "not from inside start");
  await near.until(() => near.count("close") === 1);
  assertEquals(near.closeError, error);
});

Deno.test("the tunnel is open only once the request has left", async () => {
  const [near, far] = memoryPair({ capacity: 0 });
  far.stopReading();
  const events: string[] = [];
  const tunnel = openTunnel(near, REQUEST, LIMITS, never);
  tunnel.then(() => events.push("open"));
  const proxy = new MemoryPeer(far);
  proxy.send(AGREED);
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(events, []);
  far.startReading();
  (await tunnel).close();
  await gone(proxy);
});

Deno.test("a proxy that refuses is an error with its status, and the transport is closed", async () => {
  const asked = await ask();
  asked.proxy.send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nbody");
  const error = await refusal(asked);
  assertEquals(error.message, "the proxy answered 407 Proxy Authentication Required");
  assertEquals(error.status, 407);
});

Deno.test("a proxy that babbles is an error with the first byte that shows it", async () => {
  const asked = await ask();
  asked.proxy.send("SSH-2.0-OpenSSH\r\n");
  const { message } = await refusal(asked);
  assertEquals(message, "the proxy's answer can't be read: the answer is not HTTP/1.1");
});

Deno.test("a proxy that goes on and on is cut at the head's limit", async () => {
  const start = "HTTP/1.1 200 OK\r\nX: ";
  const atLimit = await ask();
  atLimit.proxy.send(`${start}${"x".repeat(500 - start.length - 4)}\r\n\r\n`);
  (await atLimit.tunnel).close();
  await gone(atLimit.proxy);
  const pastLimit = await ask();
  for (let sent = 0; sent <= 500; sent += 100) {
    pastLimit.proxy.send(sent === 0 ? start : "x".repeat(100));
  }
  const { message } = await refusal(pastLimit);
  assertEquals(message, "the proxy's answer can't be read: the head is too long");
});

Deno.test("a proxy that closes, or breaks, before it answered is an error", async () => {
  for (const said of ["", "HTTP/1.1 200 OK\r\n"]) {
    const ended = await ask();
    ended.proxy.send(said);
    ended.proxy.end();
    const { message } = await refusal(ended);
    assertEquals(message, "the proxy closed the connection before it answered");
  }
  const broken = await ask();
  broken.proxy.transport.peer.reset(new Error("a cable"));
  const { message } = await refusal(broken);
  assertEquals(message, "the connection to the proxy broke: a cable");
});

Deno.test("a slow proxy is given up when the signal aborts, and not after it agreed", async () => {
  const aborter = new AbortController();
  const asked = await ask(aborter.signal);
  asked.proxy.send("HTTP/1.1 200 O");
  aborter.abort(new Error("enough"));
  await assertRejects(() => asked.tunnel, Error, "enough");
  await gone(asked.proxy);

  const late = new AbortController();
  const agreed = await ask(late.signal);
  agreed.proxy.send(AGREED);
  const near = new Recorder(await agreed.tunnel);
  late.abort();
  agreed.proxy.send("still");
  await near.untilTaken(5);
  near.transport.close();
  await near.until(() => near.count("close") === 1);
});

Deno.test("a signal that lives on is left alone once the tunnel is open, or refused", async () => {
  for (const answer of [AGREED, "HTTP/1.1 403 No\r\n\r\n"]) {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...rest: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, rest);
    };
    signal.removeEventListener = (...rest: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, rest);
    };
    const { proxy, tunnel } = await ask(signal);
    assertEquals(listeners, 1);
    proxy.send(answer);
    await tunnel.then((transport) => transport.close(), () => {});
    assertEquals(listeners, 0);
    await gone(proxy);
  }
});

Deno.test("whoever aborted before, or asks for what can't be asked, has the transport closed", async () => {
  const cases = [
    [AbortSignal.abort(new Error("enough")), REQUEST, "enough"],
    [never, { host: "a b", port: 1 }, "no proxy can be asked"],
  ] as const;
  for (const [signal, request, message] of cases) {
    const [near, far] = memoryPair();
    const proxy = new MemoryPeer(far);
    await assertRejects(() => openTunnel(near, request, LIMITS, signal), Error, message);
    await gone(proxy);
    assertEquals(proxy.received.length, 0);
  }
});

// Through a proxy on real sockets.

async function throughProxy(
  proxy: ConnectProxy,
  port: number,
  credentials?: string,
): Promise<Transport> {
  const target = { hostname: "127.0.0.1", port: proxy.port };
  const transport = await tcpNetwork.connect(target, never);
  return openTunnel(transport, { host: "127.0.0.1", port, credentials }, LIMITS, never);
}

Deno.test("a tunnel through a proxy reaches the server behind it, and back", async () => {
  const credentials = "ä:p@ss";
  await using proxy = connectProxy({ credentials });
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  const [client, server] = await Promise.all([
    throughProxy(proxy, port, credentials),
    listener.accept(),
  ]);
  const near = new Recorder(client);
  const far = new Recorder(server);
  await near.write("hello");
  await far.untilTaken(5);
  await far.write("x".repeat(300_000));
  await near.untilTaken(300_000);
  assertEquals([far.text, near.text.length], ["hello", 300_000]);
  near.transport.end();
  await far.until(() => far.count("end") === 1);
  for (const end of [near, far]) {
    end.transport.close();
    await end.until(() => end.count("close") === 1);
  }
  listener.close();
  assertEquals(proxy.requests.length, 1);
});

Deno.test("a proxy on real sockets refuses wrong credentials, and what it likes", async () => {
  await using strict = connectProxy({ credentials: "a:b" });
  await assertRejects(
    () => throughProxy(strict, 9, "a:c"),
    TunnelError,
    "the proxy answered 407 Proxy Authentication Required",
  );
  await using closed = connectProxy({ refusal: "HTTP/1.0 403 Not for you\r\n\r\n" });
  await assertRejects(
    () => throughProxy(closed, 9),
    TunnelError,
    "the proxy answered 403 Not for you",
  );
});
