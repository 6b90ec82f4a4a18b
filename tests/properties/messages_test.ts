/** What was sent is what arrives, in order, however it was cut, compressed and read. */

import { assertEquals } from "@std/assert";
import { createDeflateRaw } from "node:zlib";
import { permessageDeflate } from "../../mod.ts";
import type { FrameOptions } from "../support/frames.ts";
import type { WebSocketPeer } from "../support/serve.ts";
import {
  agreedBits,
  bytes,
  checkAsync,
  concat,
  cutAt,
  cuts,
  fc,
  inflate,
  promptly,
  readSizes,
  stage,
  SYNC_FLUSH,
  TAIL,
} from "./support.ts";
import {
  bothReads,
  bothSizes,
  checkingPieces,
  compression,
  data,
  exchange,
  rxBufferSize,
  some,
  windowBits,
} from "./exchange.ts";
import { named } from "../support/named.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

Deno.test("our client and our server: what is sent arrives, both ways, without compression", async () => {
  const given = fc.tuple(some, some, bothSizes, bothReads);
  await checkAsync({ seed: 21, numRuns: 120 }, given, async ([up, down, sizes, reads]) => {
    await exchange([undefined, undefined], up, down, sizes, reads);
  });
});

Deno.test("our client and our server: what is sent arrives, both ways, compressed", async () => {
  const given = fc.tuple(compression, some, some, bothSizes, bothReads);
  await checkAsync({ seed: 22, numRuns: 250 }, given, async ([options, up, down, sizes, reads]) => {
    await exchange(options, up, down, sizes, reads);
  });
});

Deno.test("our client and our server: where one side has no compression, nothing is lost", async () => {
  const given = fc.tuple(compression, fc.boolean(), some, some, bothReads);
  await checkAsync(
    { seed: 23, numRuns: 60 },
    given,
    async ([[server, client], atServer, up, down, reads]) => {
      const options = atServer ? [server, undefined] as const : [undefined, client] as const;
      await exchange(options, up, down, [1024, 1024], reads);
    },
  );
});

// A peer that is played by hand, with node:zlib.

const echo = named("echo", {
  message: (wsi, _user, message) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary"),
});

interface Played {
  readonly data: string | Uint8Array;
  readonly isPlain: boolean;
  readonly shares: readonly number[];
  /** Pings behind the first fragment. */
  readonly pings: readonly Uint8Array[];
  /** Flushes inside the message, which make more blocks of it. */
  readonly flushes: readonly number[];
}

const played: fc.Arbitrary<Played> = fc.record({
  data,
  isPlain: fc.constantFrom(false, false, false, false, true),
  shares: cuts(5),
  pings: fc.array(bytes(20), { maxLength: 2 }),
  flushes: cuts(2),
});

interface PeerStyle {
  readonly windowBits: number;
  readonly level: number;
  readonly memLevel: number;
  /** Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED. */
  readonly strategy: number;
}

/**
 * The payloads of compressed messages. With takeover one stream has them all, else each message has
 * one of its own.
 */
async function compressAll(
  messages: readonly Played[],
  style: PeerStyle,
  takeover: boolean,
): Promise<Uint8Array[]> {
  const payloads: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  const begin = () => {
    const made = createDeflateRaw({ ...style });
    made.on("data", (part: Uint8Array) => void parts.push(new Uint8Array(part)));
    return made;
  };
  let stream = begin();
  for (const { data, flushes, isPlain } of messages) {
    const whole = typeof data === "string" ? encoder.encode(data) : data;
    if (isPlain) {
      payloads.push(whole);
      continue;
    }
    for (const part of cutAt(whole, flushes)) {
      if (part.length > 0) stream.write(part);
      await new Promise<void>((resolve) => stream.flush(SYNC_FLUSH, resolve));
    }
    const flushed = concat(...parts);
    parts = [];
    // zlib has nothing to say about nothing (RFC 7692 section 7.2.3.6).
    payloads.push(flushed.length > 4 ? flushed.subarray(0, -4) : Uint8Array.of(0));
    if (takeover) continue;
    stream.close();
    stream = begin();
  }
  stream.close();
  return payloads;
}

function framesOf(message: Played, payload: Uint8Array): FrameOptions[] {
  const parts = cutAt(payload, message.shares);
  const opcode = typeof message.data === "string" ? 1 : 2;
  return parts.flatMap((part, i): FrameOptions[] => [
    {
      opcode: i === 0 ? opcode : 0,
      rsv: i === 0 && !message.isPlain ? 4 : 0,
      fin: i === parts.length - 1,
      payload: part,
    },
    ...(i > 0 ? [] : message.pings.map((ping) => ({ opcode: 9, payload: ping }))),
  ]);
}

/** Inflates what comes in with a takeover, from the beginning each time. */
class Mirror {
  #stream: Uint8Array = new Uint8Array(0);
  #length = 0;
  readonly #bits: number;
  readonly #takeover: boolean;

  constructor(answer: string) {
    this.#bits = agreedBits(answer, "server_max_window_bits");
    this.#takeover = !answer.includes("server_no_context_takeover");
  }

  take(payload: Uint8Array): Uint8Array {
    if (!this.#takeover) return inflate(concat(payload, TAIL), this.#bits);
    this.#stream = concat(this.#stream, payload, TAIL);
    const all = inflate(this.#stream, this.#bits);
    const own = all.subarray(this.#length);
    this.#length = all.length;
    return own;
  }
}

/** The next message, past the answers to pings. */
async function nextMessage(socket: WebSocketPeer, mirror: Mirror): Promise<string | Uint8Array> {
  for (;;) {
    const { fin, opcode, rsv, payload } = await promptly("an echo", socket.receive());
    if (opcode === 10) continue;
    if (opcode === 8) throw new Error(`closed: ${payload.toHex()}`);
    assertEquals([fin, opcode, rsv & 3], [true, opcode === 1 ? 1 : 2, 0]);
    const whole = rsv === 4 ? mirror.take(payload) : payload;
    return opcode === 1 ? decoder.decode(whole) : whole;
  }
}

const style: fc.Arbitrary<PeerStyle> = fc.record({
  windowBits,
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  strategy: fc.integer({ min: 0, max: 4 }),
});

/** A client's offer, which a server with these options has to agree to. */
const terms = fc.record({
  server: fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: windowBits,
    clientMaxWindowBits: windowBits,
    level: fc.integer({ min: 0, max: 9 }),
    threshold: fc.constant(0),
  }),
  params: fc.subarray(["client_no_context_takeover", "server_no_context_takeover"]),
  offeredBits: fc.option(fc.integer({ min: 8, max: 15 })),
});

Deno.test("a peer with node:zlib: what it compresses and cuts as it likes comes back the same", async () => {
  const given = fc.tuple(
    terms,
    style,
    fc.array(played, { minLength: 1, maxLength: 5 }),
    rxBufferSize,
    readSizes,
  );
  await checkAsync(
    { seed: 24, numRuns: 250 },
    given,
    async ([{ server, params, offeredBits }, own, messages, size, reads]) => {
      await using staged = stage(
        checkingPieces({ ...echo, rxBufferSize: size }),
        { extensions: [permessageDeflate(server)] },
        reads,
      );
      const offer = ["permessage-deflate", "client_max_window_bits", ...params];
      if (offeredBits !== null) offer.push(`server_max_window_bits=${offeredBits}`);
      // A server whose zlib can't keep to 8 declines, and takes the offer behind.
      const fallback = "permessage-deflate; client_max_window_bits";
      const socket = await staged.open([
        `Sec-WebSocket-Extensions: ${offer.join("; ")}, ${fallback}`,
      ]);
      const { answer } = socket;
      if (!answer.includes("permessage-deflate")) throw new Error(`no extension: ${answer}`);
      const bits = Math.min(own.windowBits, agreedBits(answer, "client_max_window_bits"));
      const takeover = !answer.includes("client_no_context_takeover") &&
        !params.includes("client_no_context_takeover");
      const payloads = await compressAll(messages, { ...own, windowBits: bits }, takeover);
      socket.send(...messages.flatMap((message, i) => framesOf(message, payloads[i]!)));
      const mirror = new Mirror(answer);
      for (const { data } of messages) {
        const back = await nextMessage(socket, mirror);
        // An array of its own, as fast-check's and TextEncoder's differ in nothing but that.
        assertEquals(back, typeof data === "string" ? data : new Uint8Array(data));
      }
    },
  );
});

Deno.test("a peer without compression: what it cuts as it likes comes back the same", async () => {
  const given = fc.tuple(
    fc.array(played, { minLength: 1, maxLength: 5 }),
    fc.boolean(),
    rxBufferSize,
    readSizes,
  );
  await checkAsync(
    { seed: 25, numRuns: 100 },
    given,
    async ([messages, hasExtension, size, reads]) => {
      const info = hasExtension ? { extensions: [permessageDeflate()] } : {};
      await using staged = stage(checkingPieces({ ...echo, rxBufferSize: size }), info, reads);
      const socket = await staged.open();
      const plain = messages.map((message) => ({ ...message, isPlain: true }));
      const payloads = await compressAll(plain, {
        windowBits: 15,
        level: 1,
        memLevel: 8,
        strategy: 0,
      }, false);
      socket.send(...plain.flatMap((message, i) => framesOf(message, payloads[i]!)));
      const mirror = new Mirror(socket.answer);
      for (const { data } of messages) {
        const back = await nextMessage(socket, mirror);
        assertEquals(back, typeof data === "string" ? data : new Uint8Array(data));
      }
    },
  );
});
