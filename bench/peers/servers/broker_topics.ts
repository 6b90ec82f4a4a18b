/**
 * A context with many topics that says when all of them come again after a restart of the broker's server:
 * `broker_topics.ts redis 6379 20000`.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, type StreamConn } from "../../../mod.ts";
import { type BrokerId, brokerOf } from "./broker_ways.ts";

const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);
const RETRY_MS = 5;

const [id, port, count] = Deno.args as [BrokerId, string, string];
const topics = Array.from({ length: Number(count) }, (_, i) => `topic.${i}`);

/** Whether something has been sent to the connection. */
let isSent = false;

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
    isSent = true;
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const context = createContext({
  port: CONTEXT_PORT_NO_LISTEN,
  kaTime: 0,
  broker: brokerOf(id, Number(port), 100),
  topics: { maxPerConnection: topics.length, brokerTimeoutMs: 60_000 },
  protocols: [{
    name: "taking",
    callback: handlers({
      async established(wsi) {
        await Promise.all(topics.map((topic) => wsi.subscribe(topic)));
        console.log("subscribed");
      },
      brokerUp: untilLast,
    }),
  }],
});
context.adopt(new TakingConn());
await new Promise(() => {});

/** They come in their order, so that the last one says it of all. */
async function untilLast(): Promise<void> {
  for (isSent = false; !isSent;) {
    await context.publish(topics.at(-1)!, "?").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  console.log("live");
}
