/** A whole echo: read, parse, callback, write, over a connection that costs nothing itself. */

import { CONTEXT_PORT_NO_LISTEN, createContext, type Protocol, type StreamConn } from "../mod.ts";
import { concat, frame, KEY } from "../tests/support/frames.ts";

const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);
const TURNS = 1000;

const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, "binary");
  },
};

/** Reads the same frames again and again, as often as it is told to. */
class RepeatingConn implements StreamConn {
  readonly localAddr = {};
  readonly remoteAddr = {};
  readonly #frames: Uint8Array;
  #rest: Uint8Array = REQUEST;
  #turns = 0;
  #resume = () => {};
  #rested = () => {};

  constructor(frames: Uint8Array) {
    this.#frames = frames;
  }

  /** Resolves when the frames have been read so many times. */
  run(turns: number): Promise<void> {
    this.#turns = turns;
    this.#resume();
    return new Promise((resolve) => this.#rested = resolve);
  }

  read(buffer: Uint8Array): Promise<number> {
    if (this.#rest.length > 0) return Promise.resolve(this.#fill(buffer));
    if (this.#turns === 0) {
      this.#rested();
      return new Promise((resolve) => this.#resume = () => resolve(this.read(buffer)));
    }
    this.#turns--;
    this.#rest = this.#frames;
    return Promise.resolve(this.#fill(buffer));
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  #fill(buffer: Uint8Array): number {
    const part = this.#rest.subarray(0, buffer.length);
    buffer.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }
}

const context = createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [echo] });

for (const [count, length] of [[1, 125], [16, 125], [1, 16_384]] as const) {
  const payload = new Uint8Array(length);
  const frames = concat(
    ...Array.from({ length: count }, () => frame({ opcode: 2, payload, key: KEY })),
  );
  const conn = new RepeatingConn(frames);
  context.adopt(conn);
  Deno.bench(`${TURNS} reads of ${count} × ${length} bytes`, async () => {
    // Only a function that is marked so is waited for.
    await conn.run(TURNS);
  });
}
