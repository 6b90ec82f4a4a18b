/** Contexts whose connections begin with a header of the PROXY protocol. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ContextCreationInfo, type Protocol } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { captureLog, record } from "../../support/recorder.ts";
import {
  handshake,
  readHead,
  readResponse,
  serve,
  type Served,
  settle,
  WebSocketPeer,
} from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";

const LINE = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";
/** Version 2, for 203.0.113.9 port 50000. */
const BLOCK = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
  ...[0x21, 0x11, 0, 12],
  ...[203, 0, 113, 9, 198, 51, 100, 1, 50_000 >> 8, 50_000 & 255, 443 >> 8, 443 & 255],
);
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

const page = named("page", {
  http: (wsi) => reply(wsi, 200, wsi.peerAddresses.ip),
  message: (wsi, _user, message) => void wsi.write(message),
});

const behind = (protocols: readonly Protocol[], info: Partial<ContextCreationInfo> = {}) =>
  serve(protocols, { proxyProtocol: true, ...info });

/** Serves what waits, where the program has to ask for that. */
async function pump({ context }: Served, service: string): Promise<void> {
  await settle();
  for (let i = 0; service !== "automatic" && i < 10; i++) await context.service(0);
  await settle();
}

for (const [version, header] of [[1, LINE], [2, BLOCK]] as const) {
  Deno.test(`version ${version} names the peer to the filter, to requests and to WebSockets`, async () => {
    const seen: unknown[] = [];
    const recorder = record("x", (wsi, reason, _user, data) => {
      if (reason === "filterNetworkConnection") {
        seen.push(wsi.context.peerAddresses(data as number));
      }
      if (reason === "established") seen.push(wsi.peerAddresses);
    });
    await using served = behind([recorder.protocol]);
    const peer = await served.dial(header);
    peer.send(handshake());
    assertStringIncludes(await readHead(peer), "101");
    const address = { name: "", ip: "203.0.113.9", port: 50_000 };
    assertEquals(seen, [address, address]);
    peer.close();
  });
}

Deno.test("a header that comes byte by byte, and bytes that come with it, are read", async () => {
  await using served = behind([page]);
  const peer = await served.dial();
  for (const character of LINE) {
    peer.send(character);
    await settle();
  }
  peer.send(GET);
  assertEquals((await readResponse(peer)).body.includes("203.0.113.9"), true);
  peer.close();

  const other = await served.dial(LINE + handshake());
  const socket = new WebSocketPeer(other, await readHead(other));
  socket.send({ opcode: 1, payload: "through" });
  assertEquals(await socket.receiveText(), "through");
  other.close();
});

Deno.test("UNKNOWN leaves the socket's own address, as health checks want it", async () => {
  await using served = behind([page]);
  const peer = await served.dial(`PROXY UNKNOWN\r\n${GET}`);
  assertStringIncludes((await readResponse(peer)).body, "127.0.0.1");
  peer.close();
});

Deno.test("who sends no header is dropped without an answer, and the log says so", async () => {
  using log = captureLog(["warn"]);
  const recorder = record("x");
  await using served = behind([recorder.protocol]);
  const peer = await served.dial(GET);
  assertEquals((await peer.readToEnd()).length, 0);
  assertEquals(recorder.reasons, ["protocolInit"]);
  assertStringIncludes(log.lines.join(), "without a PROXY header: no PROXY protocol header");
  peer.close();
});

Deno.test("without proxyProtocol a header is no request", async () => {
  await using served = serve([page]);
  const peer = await served.dial(LINE + GET);
  assertStringIncludes(await readHead(peer), "HTTP/1.1 501");
  peer.close();
});

Deno.test("a header may take headerTimeoutMs and no longer, and the request as long again", async () => {
  using log = captureLog(["warn"]);
  await using served = behind([page], { headerTimeoutMs: 1_000 });
  const late = await served.dial();
  const prompt = await served.dial();
  await settle();
  late.send(LINE.slice(0, -1));
  served.clock.advance(900);
  prompt.send(LINE);
  await settle();
  assert(!late.ended);
  served.clock.advance(200);
  assertEquals((await late.readToEnd()).length, 0);
  assertStringIncludes(log.lines.join(), "none came within 1000 ms");
  served.clock.advance(700);
  prompt.send(GET);
  assertStringIncludes((await readResponse(prompt)).body, "203.0.113.9");
  late.close();
  prompt.close();
});

for (const service of ["automatic", "manual", "external"] as const) {
  const info = { service, proxyProtocol: true };

  Deno.test(`${service}: connections whose header is awaited count for maxConnections`, async () => {
    using _log = captureLog([]);
    const recorder = record("x");
    await using served = serve([recorder.protocol], { ...info, maxConnections: 2 });
    const filtered = () =>
      recorder.reasons.filter((each) => each === "filterNetworkConnection").length;
    const [first, second, third] = [await served.dial(), await served.dial(), await served.dial()];
    await pump(served, service);
    for (const peer of [second, third, first]) peer.send(LINE);
    await pump(served, service);
    assertEquals(filtered(), 2, "the third waits in the backlog");
    first.close();
    await pump(served, service);
    assertEquals(filtered(), 3);
    second.close();
    third.close();
    await pump(served, service);
  });

  Deno.test(`${service}: the last one that there is room for is served once its header comes`, async () => {
    const recorder = record("x");
    await using served = serve([recorder.protocol], { ...info, maxConnections: 2 });
    const [first, last] = [await served.dial(), await served.dial()];
    for (const [index, peer] of [first, last].entries()) {
      await pump(served, service);
      peer.send(LINE);
      await pump(served, service);
      const { reasons } = recorder;
      assertEquals(reasons.filter((each) => each === "wsiCreate").length, index + 1);
    }
    first.close();
    last.close();
    await pump(served, service);
  });

  Deno.test(`${service}: who is refused, or sends no header, leaves room for the next`, async () => {
    using _log = captureLog([]);
    const recorder = record("x", (...[, reason]) => reason === "filterNetworkConnection" ? 1 : 0);
    await using served = serve([recorder.protocol], { ...info, maxConnections: 1 });
    const peers = [];
    for (const said of [LINE, "nonsense", LINE, LINE]) {
      const peer = await served.dial();
      peers.push(peer);
      peer.send(said);
    }
    for (const peer of peers) {
      await pump(served, service);
      assertEquals((await peer.readToEnd()).length, 0);
      peer.close();
    }
    const { reasons } = recorder;
    assertEquals(reasons.filter((each) => each === "filterNetworkConnection").length, 3);
  });

  Deno.test(`${service}: destroying closes who is still to send a header, and who waits to be served`, async () => {
    const recorder = record("x");
    await using served = serve([recorder.protocol], info);
    const silent = await served.dial();
    const waiting = await served.dial();
    await settle();
    waiting.send(LINE);
    await settle();
    const closed = served.context.destroy();
    for (const peer of [silent, waiting]) {
      assertEquals((await peer.readToEnd()).length, 0);
      peer.close();
    }
    await closed;
  });
}

Deno.test("manual: a connection that waits to be served is closed by destroy, PROXY header or not", async () => {
  await using served = serve([page], { service: "manual" });
  const peer = await served.dial();
  await settle();
  const closed = served.context.destroy();
  assertEquals((await peer.readToEnd()).length, 0);
  peer.close();
  await closed;
});

Deno.test("manual: nothing of a proxied connection is told before it is serviced", async () => {
  const recorder = record("x");
  await using served = serve([recorder.protocol], { service: "manual", proxyProtocol: true });
  const peer = await served.dial(LINE + handshake());
  await settle();
  assertEquals(recorder.reasons.includes("filterNetworkConnection"), false);
  await pump(served, "manual");
  assertStringIncludes(await readHead(peer), "101");
  peer.close();
});

Deno.test("maxConnectionsPerAddress counts by the header's addresses", async () => {
  await using served = behind([page], { maxConnectionsPerAddress: 1 });
  const first = await served.dial(LINE);
  const second = await served.dial(LINE);
  assertEquals((await second.readToEnd()).length, 0);
  const other = await served.dial(LINE.replace("203.0.113.9", "203.0.113.10") + GET);
  assertStringIncludes((await readResponse(other)).body, "203.0.113.10");
  first.close();
  await settle();
  const again = await served.dial(LINE + GET);
  assertStringIncludes((await readResponse(again)).body, "203.0.113.9");
  for (const peer of [second, other, again]) peer.close();
});

Deno.test("maxConnectionsPerAddress counts a /64 of IPv6, and IPv4 that is mapped as IPv4", async () => {
  await using served = behind([page], { maxConnectionsPerAddress: 2 });
  const dial = (source: string) =>
    served.dial(`PROXY TCP6 ${source} 2001:db8::1 56324 443\r\n` + GET);
  const isServed = async (source: string, peer = dial(source)) => {
    const { body } = await readResponse(await peer);
    assertStringIncludes(body, source);
    return await peer;
  };
  const first = await isServed("2001:db8:1:2::1");
  const peers = [first, await isServed("2001:db8:1:2:ffff::9")];
  const third = await dial("2001:db8:1:2::1:1");
  assertEquals((await third.readToEnd()).length, 0);
  peers.push(third, await isServed("2001:db8:1:3::1"), await isServed("::ffff:203.0.113.9"));
  peers.push(await served.dial(LINE));
  const mapped = await dial("::ffff:203.0.113.9");
  assertEquals((await mapped.readToEnd()).length, 0);
  peers.push(mapped, await isServed("::ffff:203.0.113.10"));
  first.close();
  await settle();
  peers.push(await isServed("2001:db8:1:2::7"));
  for (const peer of peers) peer.close();
});

Deno.test("peers of a unix socket have no address, and maxConnectionsPerAddress does not count them", async () => {
  await using served = serve([page], {
    port: 0,
    socketPath: "/run/page",
    maxConnectionsPerAddress: 1,
  });
  const never = new AbortController().signal;
  const target = { hostname: "", port: 0, path: "/run/page" };
  for (let i = 0; i < 3; i++) {
    const peer = new MemoryPeer(await served.network.connect(target, never));
    peer.send(GET);
    assertEquals((await readResponse(peer)).head.startsWith("HTTP/1.1 200"), true);
    // Kept open until all are there.
    if (i === 2) peer.close();
  }
});

Deno.test("the header's address stands in front of a trusted X-Forwarded-For", async () => {
  await using served = behind([page], { trustProxy: ["203.0.113.9"] });
  const peer = await served.dial(
    `${LINE}GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n`,
  );
  assertStringIncludes((await readResponse(peer)).body, "192.0.2.7");
  peer.close();
});
