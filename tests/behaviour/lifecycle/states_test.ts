/** That connections go the ways which the tables of states list: each of them, and no other. */

import { assertEquals } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, memoryBroker, type Wsi } from "../../../mod.ts";
import { STATE_TABLES } from "../../../src/connection/states.ts";
import { type FaultyBroker, faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { get } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { acceptOf, readHead, serve, settle } from "../../support/serve.ts";

/** By table the ways that connections are driven, states and events in turn, and what drives them so. */
const WAYS: Record<string, Record<string, () => Promise<void>>> = {
  connection: {
    "OPEN gone GONE": () => served("", (peer) => peer.reset()),
    "OPEN ends FLUSHING gone GONE": () => served("", (peer) => peer.end()),
    "OPEN ends FLUSHING lingers LINGERING gone GONE": () =>
      served("nonsense\r\n\r\n", (peer) => peer.close()),
  },
  "HTTP server": {
    "NEW gone CLOSED": () => served("", (peer) => peer.close()),
    "NEW bytes HEAD gone CLOSED": () => served("GET /", (peer) => peer.close()),
    "NEW bytes HEAD whole RESPOND gone CLOSED": () => served(get("/late"), (peer) => peer.close()),
    "NEW bytes HEAD whole RESPOND answered IDLE gone CLOSED": () =>
      served(get("/"), (peer) => peer.close()),
    "NEW bytes HEAD whole RESPOND answered IDLE bytes HEAD gone CLOSED": () =>
      served(get("/"), async (peer) => {
        peer.send("GET");
        await settle();
        peer.close();
      }),
    "NEW bytes HEAD head BODY gone CLOSED": () => served(post("/late"), (peer) => peer.close()),
    "NEW bytes HEAD head BODY whole RESPOND gone CLOSED": () =>
      served(post("/late") + "abc", (peer) => peer.close()),
    "NEW bytes HEAD head BODY answered DRAIN gone CLOSED": () =>
      served(post("/"), (peer) => peer.close()),
    "NEW bytes HEAD head BODY answered DRAIN whole IDLE gone CLOSED": () =>
      served(post("/"), async (peer) => {
        peer.send("abc");
        await settle();
        peer.close();
      }),
    "NEW bytes HEAD whole RESPOND upgraded UPGRADED": () => opened((peer) => peer.close()),
  },
  WebSocket: {
    "OPEN gone CLOSED": () => opened((peer) => peer.close()),
    "OPEN closeSent CLOSING gone CLOSED": () => opened((peer) => peer.close(), true),
    "OPEN closeReceived CLOSING gone CLOSED": () =>
      opened(async (peer) => {
        // Masked by zeros, with no payload.
        peer.send(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
        await settle();
        peer.close();
      }),
  },
  "client handshake": {
    "CONNECT gone FAILED": () => connected({ port: 81 }, () => {}),
    "CONNECT connected REQUEST gone FAILED": () => connected({}, (peer) => peer.close(), true),
    "CONNECT connected REQUEST asked ANSWER gone FAILED": () =>
      connected({}, async (peer) => {
        await readHead(peer);
        peer.close();
      }),
    "CONNECT connected REQUEST asked ANSWER accepted ESTABLISHED": () =>
      connected({}, async (peer) => {
        const [, key] = /^sec-websocket-key: (\S+)/im.exec(await readHead(peer))!;
        peer.send(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            `Sec-WebSocket-Accept: ${acceptOf(key!)}\r\n\r\n`,
        );
        await settle();
        peer.close();
      }),
    "CONNECT connected REQUEST asked ANSWER refused REFUSED gone FAILED": () =>
      connected({}, async (peer) => {
        await readHead(peer);
        peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno");
        await settle();
        peer.close();
      }),
    "CONNECT connected REQUEST asked ANSWER redirected REDIRECTED again CONNECT gone FAILED": () =>
      connected({ redirects: 1 }, async (peer) => {
        await readHead(peer);
        peer.send("HTTP/1.1 302 Found\r\nLocation: ws://server:81/\r\n\r\n");
        await peer.readToEnd();
        peer.close();
      }),
    "CONNECT connected REQUEST asked ANSWER redirected REDIRECTED gone FAILED": leftBetween,
    "CONNECT proxy PROXY gone FAILED": () =>
      connected({ proxy: "proxy:80" }, (peer) => peer.close()),
    "CONNECT proxy PROXY connected REQUEST asked ANSWER gone FAILED": () =>
      connected({ proxy: "proxy:80" }, async (peer) => {
        await letThrough(peer);
        await readHead(peer);
        peer.close();
      }),
    "CONNECT proxy PROXY tls TLS gone FAILED": () =>
      connected({ proxy: "proxy:80", ssl: 1 }, async (peer) => {
        await letThrough(peer);
        peer.close();
      }),
    "CONNECT tls TLS connected REQUEST asked ANSWER accepted ESTABLISHED": secured,
  },
  topic: {
    "OPENING left GONE": () =>
      subscribed(({ wsi, broker }) => {
        broker.hold("subscribe");
        wsi.subscribe("t");
        wsi.unsubscribe("t");
      }),
    "OPENING opened LIVE left CLOSING lingered GONE": () =>
      subscribed(async ({ wsi, pass }) => {
        await wsi.subscribe("t");
        wsi.unsubscribe("t");
        await pass(6_000);
      }),
    "OPENING opened LIVE left CLOSING joined LIVE missed REPAIRING repaired LIVE left CLOSING missed GONE":
      () =>
        subscribed(async ({ wsi, broker }) => {
          await wsi.subscribe("t");
          wsi.unsubscribe("t");
          await wsi.subscribe("t");
          broker.interrupt();
          await settle();
          wsi.unsubscribe("t");
          broker.interrupt();
        }),
    "OPENING opened LIVE missed REPAIRING left GONE": () =>
      subscribed(async ({ wsi, broker }) => {
        await wsi.subscribe("t");
        broker.stop();
        wsi.unsubscribe("t");
      }),
  },
};

for (const { name, steps } of STATE_TABLES) {
  const ways = WAYS[name]!;
  const step = new RegExp(`^debug: (?:connection \\d+|"t"): ${name} (\\w+) → (\\w+) \\((\\w+)\\)$`);

  for (const [way, drive] of Object.entries(ways)) {
    Deno.test(`${name}: ${way}`, async () => {
      using log = captureLog(["err", "debug"]);
      await drive();
      const gone = log.lines.map((line) => step.exec(line)).filter((each) => each !== null);
      const words = gone.flatMap(([, , to, event]) => [event, to]);
      assertEquals([gone[0]?.[1], ...words].join(" "), way);
      assertEquals(log.lines.filter((line) => line.startsWith("err")), []);
    });
  }

  Deno.test(`${name}: these are all the ways that are listed`, () => {
    const gone = Object.keys(ways).flatMap(edges);
    const listed = Object.entries(steps).flatMap(([state, events]) =>
      Object.entries(events).map(([event, target]) => `${state} ${event} ${target}`)
    );
    assertEquals([...new Set(gone)].sort(), listed.sort());
  });
}

/** The steps of a way: a state, an event and the next state of each. */
function edges(way: string): string[] {
  const words = way.split(" ");
  return words.flatMap((_, i) => i % 2 === 0 && i > 0 ? [words.slice(i - 2, i + 1).join(" ")] : []);
}

const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n`;

/** A WebSocket and its broker, whose subscriptions the test makes. */
async function subscribed(
  drive: (
    rig: { wsi: Wsi; broker: FaultyBroker; pass: (ms: number) => Promise<void> },
  ) => void | Promise<void>,
): Promise<void> {
  const broker = faultyBroker(memoryBroker({ historySize: 1 }));
  await using context = serve([record("x").protocol], { broker });
  await context.open();
  const [wsi] = context.context.connections();
  await drive({ wsi: wsi!, broker, pass: context.pass });
  await settle();
}

/** A connection of HTTP that says this first; what asks for `/late` gets no answer. */
async function served(
  said: string,
  then: (peer: MemoryPeer) => void | Promise<void>,
): Promise<void> {
  const { protocol, until } = record("http", (wsi, reason, _user, data) => {
    if (reason === "http" && data !== "/late") return void wsi.respond(200, "yes");
  });
  await using server = serve([protocol]);
  const peer = await server.dial(said);
  await settle();
  await then(peer);
  await until("wsiDestroy");
}

/** A WebSocket, which the server may close. */
async function opened(
  then: (peer: MemoryPeer) => void | Promise<void>,
  closes = false,
): Promise<void> {
  const { protocol, until } = record("x", (wsi, reason, _user, _data) => {
    if (reason === "established" && closes) wsi.close();
  });
  await using server = serve([protocol]);
  const { peer } = await server.open();
  await settle();
  await then(peer);
  await until("wsiDestroy");
}

interface Route {
  readonly port?: number;
  readonly proxy?: string;
  readonly ssl?: 1;
  readonly redirects?: number;
}

/** A client of a server, or a proxy, which is played by hand; the program may leave before it asks. */
async function connected(
  { port = 80, proxy, ssl, redirects = 0 }: Route,
  then: (peer: MemoryPeer) => void | Promise<void>,
  leaves = false,
): Promise<void> {
  const { protocol, until } = record("x", (wsi, reason, _user, _data) => {
    if (reason === "clientAppendHandshakeHeader" && leaves) wsi.close();
  });
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "server", port: 80 });
  const context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    network,
    protocols: [protocol],
    ...(proxy === undefined ? {} : { httpProxyAddress: proxy }),
  });
  const tls = ssl === undefined ? {} : { ssl };
  context.clientConnect({ address: "server", port, redirects, ...tls });
  if (port === 80) await then(new MemoryPeer(await listener.accept() as MemoryTransport));
  await until("wsiDestroy");
  listener.close();
  await context.destroy();
}

/** A client that is redirected, and closed before it connects again. */
async function leftBetween(): Promise<void> {
  const { protocol } = record("x");
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "server", port: 80 });
  const port = CONTEXT_PORT_NO_LISTEN;
  const context = createContext({ port, network, protocols: [protocol], service: "manual" });
  const serve = async () => {
    await settle();
    await context.service(0);
    await settle();
  };
  const wsi = context.clientConnect("ws://server/");
  await serve();
  const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
  await serve();
  await readHead(peer);
  peer.send("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n");
  await serve();
  wsi.close();
  await serve();
  listener.close();
  await context.destroy();
}

async function letThrough(proxy: MemoryPeer): Promise<void> {
  await readHead(proxy);
  proxy.send("HTTP/1.1 200 OK\r\n\r\n");
  await settle();
}

/** A client and a server that speak TLS. */
async function secured(): Promise<void> {
  const { ca, localhost } = await makeCertificates();
  const server = record("x");
  const client = record("x", { clientEstablished: (wsi) => void wsi.close() });
  await using both = serve([server.protocol], {
    sslCertFilepath: localhost.cert,
    sslPrivateKeyFilepath: localhost.key,
  });
  both.client([client.protocol], {
    sslCaFilepath: ca.cert,
    options: { disableOsCaCerts: true },
  }).clientConnect({ address: "localhost", port: 80, ssl: 1 });
  await client.until("wsiDestroy");
}
