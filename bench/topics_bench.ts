/** A message to many: by a topic, and by a loop over connections that writes it prepared. */

import {
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  handlers,
  prepareMessage,
  type StreamConn,
  type Wsi,
} from "../mod.ts";

const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);
const CONNECTIONS = 1000;
const DATA = new Uint8Array(125);

/** Asks to become a WebSocket, and takes all that it is sent. */
class TakingConn implements StreamConn {
  readonly localAddr = {};
  readonly remoteAddr = {};
  #hasAsked = false;

  read(buffer: Uint8Array): Promise<number> {
    if (this.#hasAsked) return new Promise(() => {});
    this.#hasAsked = true;
    buffer.set(REQUEST);
    return Promise.resolve(REQUEST.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const all: Wsi[] = [];
const callback = handlers({ established: (wsi) => void all.push(wsi) });
const context = createContext({
  port: CONTEXT_PORT_NO_LISTEN,
  protocols: [{ name: "taking", callback }],
  kaTime: 0,
});
for (let i = 0; i < CONNECTIONS; i++) context.adopt(new TakingConn());
while (all.length < CONNECTIONS) await new Promise((resolve) => setImmediate(resolve));
for (const [i, wsi] of all.entries()) {
  wsi.subscribe("all");
  wsi.subscribe(`own ${i}`);
}

/** All that was written leaves. */
function flushed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const group = `125 bytes to ${CONNECTIONS}`;

// Only a function that is marked so is waited for.
Deno.bench("a loop of write(prepared)", { group, baseline: true }, async () => {
  const message = prepareMessage(DATA);
  for (const wsi of all) wsi.write(message);
  await flushed();
});

Deno.bench("one topic", { group }, async () => {
  context.publish("all", DATA);
  await flushed();
});

Deno.bench("a topic of its own each", { group }, async () => {
  for (let i = 0; i < CONNECTIONS; i++) context.publish(`own ${i}`, DATA);
  await flushed();
});
