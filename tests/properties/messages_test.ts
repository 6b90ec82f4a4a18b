/** What was sent is what arrives, in order, however it was cut, compressed and read. */

import { assertEquals } from "@std/assert";
import { createDeflateRaw } from "node:zlib";
import type { Extension, PermessageDeflateOptions, Protocol, Wsi } from "../../mod.ts";
import { allocPadded, handlers, permessageDeflate, prepareMessage } from "../../mod.ts";
import type { FrameOptions } from "../support/frames.ts";
import type { WebSocketPeer } from "../support/serve.ts";
import {
  agreedBits,
  anyText,
  bytes,
  checkAsync,
  compressible,
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
  until,
} from "./support.ts";
import { named } from "../support/named.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const windowBits = fc.integer({ min: 9, max: 15 });
const rxBufferSize = fc.constantFrom(1, 5, 100, 1024, 65_536);

/** The protocol itself, which throws where what it is told of a piece can't be so. */
function checkingPieces(protocol: Protocol): Protocol {
  const { callback } = protocol;
  const inMessage = new WeakSet<Wsi>();
  return {
    ...protocol,
    callback(...args) {
      const [wsi, reason, , data] = args;
      if (reason === "receive" || reason === "clientReceive") {
        if (wsi.isFirstFragment === inMessage.has(wsi)) throw new Error("isFirstFragment is wrong");
        const { length } = data;
        if (length > protocol.rxBufferSize!) throw new Error(`a piece of ${length} bytes`);
        if (wsi.isFinalFragment && wsi.remainingPacketPayload === 0) inMessage.delete(wsi);
        else inMessage.add(wsi);
      }
      return callback!.apply(protocol, args);
    },
  };
}

// Our client and our server.

interface Sent {
  readonly data: string | Uint8Array;
  /** Where the sender cuts it into fragments; `undefined`: it is written as it is. */
  readonly shares: readonly number[] | undefined;
  readonly compress: boolean | undefined;
  /** How a message that is not cut is written. */
  readonly how: "plain" | "padded" | "prepared";
  /** The payloads of pings behind its first fragment, or behind the message. */
  readonly pings: readonly Uint8Array[];
}

const data = fc.oneof<fc.Arbitrary<string | Uint8Array>[]>(anyText(3000), compressible(3000));

const sent: fc.Arbitrary<Sent> = fc.record({
  data,
  shares: fc.option(cuts(3), { nil: undefined, freq: 2 }),
  compress: fc.constantFrom(undefined, undefined, undefined, true, false),
  how: fc.constantFrom("plain", "plain", "padded", "prepared"),
  pings: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, {
    arbitrary: fc.array(bytes(125), { maxLength: 2 }),
    weight: 1,
  }),
});

function write(wsi: Wsi, { data, shares, compress, how, pings }: Sent): void {
  const kind = typeof data === "string" ? "text" : "binary";
  const whole = typeof data === "string" ? encoder.encode(data) : data;
  const options = compress === undefined ? {} : { compress };
  const ping = () => {
    for (const payload of pings) wsi.write(payload, "ping");
  };
  if (shares !== undefined) {
    const parts = cutAt(whole, shares);
    for (const [i, part] of parts.entries()) {
      const fin = i === parts.length - 1;
      wsi.write(part, i === 0 ? kind : "continuation", { ...options, fin });
      if (i === 0) ping();
    }
    return;
  }
  if (how === "prepared") wsi.write(prepareMessage(data));
  else if (how === "padded") {
    const padded = allocPadded(whole.length);
    padded.set(whole);
    wsi.write(padded, kind, options);
  } else wsi.write(data, kind, options);
  ping();
}

/** What has to arrive, in order; fragments of a message come behind the pings between them. */
function expectedOf(all: readonly Sent[]): unknown[] {
  return all.flatMap(({ data, shares, pings }) => {
    const pinged = pings.map((payload) => ["ping", payload]);
    return shares !== undefined && shares.length > 0 ? [...pinged, data] : [data, ...pinged];
  });
}

/** A protocol that sends all at once and writes down what arrives. */
function exchanger(
  name: string,
  size: number,
  sends: readonly Sent[],
  arrived: unknown[],
): Protocol {
  const begin = (wsi: Wsi) => {
    for (const each of sends) write(wsi, each);
  };
  const ping = (_wsi: Wsi, _user: unknown, payload: Uint8Array) =>
    void arrived.push(["ping", payload.slice()]);
  return checkingPieces({
    name,
    rxBufferSize: size,
    callback: handlers({
      established: begin,
      clientEstablished: begin,
      receivePing: ping,
      clientReceivePing: ping,
      message: (_wsi, _user, message) => void arrived.push(message),
      closed: (_wsi, _user, { code, reason }) => void arrived.push(["closed", code, reason]),
      clientConnectionError: () => void arrived.push(["no connection"]),
    }),
  });
}

/** Options of both sides that can come to terms; `undefined`: no extension there. */
const compression = fc.tuple(
  fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: windowBits,
    clientMaxWindowBits: windowBits,
    level: fc.integer({ min: 0, max: 9 }),
    threshold: fc.constantFrom(0, 0, 0, 100),
  }),
  fc.integer({ min: 0, max: 6 }),
  fc.boolean(),
).map((
  [server, wider, takesOver],
): [PermessageDeflateOptions, PermessageDeflateOptions] => [server, {
  ...server,
  // The client asks for no less than the server grants.
  serverMaxWindowBits: Math.min(15, server.serverMaxWindowBits + wider),
  clientMaxWindowBits: 15 - wider,
  serverNoContextTakeover: server.serverNoContextTakeover && takesOver,
}]);

const extensionsOf = (
  options: PermessageDeflateOptions | undefined,
): { extensions: Extension[] } => ({
  extensions: options === undefined ? [] : [permessageDeflate(options)],
});

async function exchange(
  options: readonly [PermessageDeflateOptions | undefined, PermessageDeflateOptions | undefined],
  up: readonly Sent[],
  down: readonly Sent[],
  sizes: readonly [number, number],
  reads: readonly [readonly number[], readonly number[]],
): Promise<void> {
  const atServer: unknown[] = [];
  const atClient: unknown[] = [];
  await using staged = stage(
    exchanger("server", sizes[0], down, atServer),
    extensionsOf(options[0]),
    ...reads,
  );
  staged.connect(exchanger("client", sizes[1], up, atClient), extensionsOf(options[1]));
  const [expectedUp, expectedDown] = [expectedOf(up), expectedOf(down)];
  const isDone = () =>
    atServer.length >= expectedUp.length && atClient.length >= expectedDown.length;
  await until("messages are missing", isDone).catch((error) => {
    // What is missing says more, so that it comes first.
    assertEquals(atServer, expectedUp, "client to server");
    assertEquals(atClient, expectedDown, "server to client");
    throw error;
  });
  assertEquals(atServer, expectedUp, "client to server");
  assertEquals(atClient, expectedDown, "server to client");
}

/** At times all of it again, so that a window that is kept has something to refer to. */
const some = fc.tuple(fc.array(sent, { maxLength: 5 }), fc.boolean()).map(([all, twice]) =>
  twice ? [...all, ...all] : all
);
const bothSizes = fc.tuple(rxBufferSize, rxBufferSize);
const bothReads = fc.tuple(readSizes, readSizes);

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
