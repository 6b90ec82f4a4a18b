/** The clients of the soak: a round of all features for each line of the input, and silence behind it. */

import { CONTEXT_PORT_NO_LISTEN, createContext, permessageDeflate, type Wsi } from "../../mod.ts";
import { resumeClient } from "../../src/resume/mod.ts";
import { answerLines, sample } from "./sampling.ts";
import { type ClientOrder, contextOptions, type Feature } from "./order.ts";

const order = JSON.parse(Deno.args[0]!) as ClientOrder;
const { ports: [plainPort, securePort], ca, roundMs } = order;
const plainUrl = `127.0.0.1:${plainPort}`;

const context = createContext({
  port: CONTEXT_PORT_NO_LISTEN,
  ...contextOptions(order),
  sslCaFilepath: ca,
  extensions: [
    permessageDeflate({ serverNoContextTakeover: false, clientNoContextTakeover: false }),
  ],
});
const counts: Record<string, number> = {};

/** A connection with some echoes, and a closing handshake. */
async function echoes(url: string): Promise<void> {
  const wsi = await context.dial(url, { protocol: "echo", serverName: "localhost" });
  wsi.write("ping", "ping");
  const messages = wsi.messages();
  for (let i = 0; i < 20; i++) {
    const message = "lorem ipsum ".repeat(1 + 7 ** (i % 5));
    await wsi.send(message);
    if ((await messages.next()).value !== message) throw new Error("another echo");
  }
  await closed(wsi, messages);
}

async function closed(wsi: Wsi, messages: AsyncIterableIterator<unknown, undefined>) {
  wsi.close(1000);
  while (!(await messages.next()).done) { /* What was on the way. */ }
}

async function rooms(): Promise<void> {
  const topic = `/room/${Math.floor(Math.random() * 20)}`;
  const wsi = await context.dial(`ws://${plainUrl}${topic}`, { protocol: "room" });
  const messages = wsi.messages();
  await messages.next();
  wsi.write("hello");
  await messages.next();
  await closed(wsi, messages);
}

async function resumed(): Promise<void> {
  const client = resumeClient(`ws://${plainUrl}/`);
  await new Promise<void>((resolve) => {
    client.subscribe("/room/1", { onBegin: () => resolve(), onMessage() {} });
  });
  client.close();
}

/** Pages, files, ranges and uploads over connections that are kept. */
async function http(): Promise<void> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 4 });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://${plainUrl}${path}`, { client, ...init });
    return (await response.arrayBuffer()).byteLength;
  };
  await Promise.all([
    ask("/page"),
    ask("/files/data.bin"),
    ask("/files/data.bin", { headers: { range: "bytes=1000-50000" } }),
    ask("/files/data.bin", { headers: { range: "bytes=0-9,20-29" } }),
    ask("/files/nothing"),
    ask("/upload", { method: "POST", body: new Uint8Array(200_000) }),
  ]);
}

async function refused(): Promise<void> {
  const options = [{ protocol: "refused" }, { protocol: "echo", origin: "http://elsewhere.test" }];
  for (const option of options) {
    await context.dial(`ws://${plainUrl}/`, option).then(
      () => Promise.reject(new Error("it was let in")),
      () => {},
    );
  }
  // A server that is not there, again and again.
  const signal = AbortSignal.timeout(100);
  const retry = { delaysMs: [10] };
  await context.dial("ws://127.0.0.1:1/", { retry, signal }).catch(() => {});
}

/** What a round has of a feature at most, where not as much as goes. */
const MOST: Readonly<Partial<Record<Feature, number>>> = {
  // The runtime keeps what belongs to a handshake of TLS that broke off, some 10 KiB, until its own timer, which is
  // 10 s behind that of the header: a heap would tell how many there were of late, that is how busy the machine was.
  garbage: 5,
};

/** Peers that speak nothing that is spoken here, or break off. */
async function garbage(): Promise<void> {
  for (const port of [plainPort, securePort]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const half = "GET / HTTP/1.1\r\nhost: here\r\nupgrade: websocket\r\n";
    const bytes = Math.random() < 0.5
      ? new TextEncoder().encode(half)
      : crypto.getRandomValues(new Uint8Array(500));
    await conn.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ROUNDS: Readonly<Partial<Record<Feature, () => Promise<void>>>> = {
  plain: () => echoes(`ws://${plainUrl}/`),
  tls: () => echoes(`wss://127.0.0.1:${securePort}/`),
  rooms,
  resumed,
  http,
  refused,
  garbage,
};

await answerLines(async () => {
  const until = performance.now() + roundMs;
  await Promise.all(
    order.features.map(async (name) => {
      const run = ROUNDS[name];
      if (run === undefined) return;
      for (let left = MOST[name] ?? Infinity; left > 0 && performance.now() < until; left--) {
        await run();
        counts[name] = (counts[name] ?? 0) + 1;
      }
    }),
  );
  return { sample: await sample([context]), counts };
});
await context.destroy();
