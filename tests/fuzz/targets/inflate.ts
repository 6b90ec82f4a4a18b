/** Compressed messages, frames and streams, as they are inflated in front of the program. */

import { constants, deflateRawSync } from "node:zlib";
import type { Extension, ExtensionSession } from "../../../src/api/extension.ts";
import type { Wsi } from "../../../src/api/wsi.ts";
import type { Failure } from "../../../src/core/websocket/close.ts";
import { type FrameFacts, FrameParser } from "../../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../../src/core/websocket/frame_rules.ts";
import { parseExtensions } from "../../../src/core/websocket/extension_header.ts";
import { deflateFrameBy } from "../../../src/extensions/deflate_frame.ts";
import { deflateStream } from "../../../src/extensions/deflate_stream.ts";
import {
  type DecodedMessageHandler,
  MessageDecoder,
} from "../../../src/extensions/message_decoder.ts";
import { permessageDeflateBy } from "../../../src/extensions/permessage_deflate.ts";
import {
  type DecodedStreamHandler,
  StreamDecoder,
} from "../../../src/extensions/stream_decoder.ts";
import { nativeZlibCodec } from "../../../src/extensions/zlib.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";
import { concat, frame, type FrameOptions } from "../../support/frames.ts";
import type { Dice } from "../dice.ts";
import { inflating, receive } from "../oracles/ws.ts";
import { MessageInflater } from "../oracles/zlib.ts";
import { pump, sameHoweverSplit } from "../splits.ts";
import { expect, expectSame, type Target } from "../target.ts";
import { readFrames } from "./frame_events.ts";
import { makeFrames, makePayload } from "./frames.ts";

const SETUP_BYTES = 2;
const PIECE_SIZES = [65_536, 1, 7, 1000];
const LIMITS = [20_000, 100, 5000, 60_000];
/** Pieces of one message at most: what expands a thousandfold may come byte by byte, and be stopped behind each. */
const MOST_PIECES = 4000;

const codec = nativeZlibCodec()!;
const keeps = { serverNoContextTakeover: false, clientNoContextTakeover: false };

/** Those of a context: all of its connections share their streams, of which none may learn of another's. */
const EXTENSIONS: readonly { readonly extension: Extension; readonly offer: string }[] = [
  { extension: permessageDeflateBy(codec), offer: "permessage-deflate" },
  { extension: permessageDeflateBy(codec, keeps), offer: "permessage-deflate" },
  { extension: permessageDeflateBy(wholeZlibCodec), offer: "permessage-deflate" },
  {
    extension: deflateFrameBy(codec, { clientNoContextTakeover: true }),
    offer: "deflate-frame; no_context_takeover",
  },
  { extension: deflateFrameBy(codec), offer: "deflate-frame" },
  {
    extension: deflateFrameBy(wholeZlibCodec, { clientNoContextTakeover: true }),
    offer: "deflate-frame; no_context_takeover",
  },
  { extension: deflateStream(), offer: "deflate-stream" },
  {
    extension: permessageDeflateBy(codec, { ...keeps, clientMaxWindowBits: 9 }),
    offer: "permessage-deflate; client_max_window_bits",
  },
];
const TAKING_OVER = 1;
const WHOLE = 2;
const STREAM = 6;
/** The first three: messages, whose windows have 32 KiB. */
const isCompared = (kind: number) => kind < 3;

interface Decoded {
  readonly wholes: readonly string[];
  readonly open: string;
  readonly failure: Failure | undefined;
}

/** What stands between the parser and the program, put together as a connection has it. */
class Input implements DecodedMessageHandler, DecodedStreamHandler {
  mayGoOn = true;
  isListening = true;
  readonly wholes: string[] = [];
  failure: Failure | undefined;
  #open: string | undefined;
  #pieces = 0;
  readonly #stopEvery: number;
  readonly #session: ExtensionSession;
  readonly #parser: FrameParser;
  readonly #messages: MessageDecoder | undefined;
  readonly #stream: StreamDecoder | undefined;

  constructor(session: ExtensionSession, pieceSize: number, most: number, stopEvery: number) {
    this.#session = session;
    this.#stopEvery = stopEvery;
    const { unit, reservedBits } = session;
    const rules = new FrameRules({
      masked: false,
      pieceSize,
      limits: { maxFramePayload: 1_000_000, maxFragments: 1000, maxEmptyFragments: 1000 },
      reservedBits,
      frameBits: unit === "frame" ? reservedBits : 0,
      checksText: unit !== "frame",
      pace: { mayGoOn: () => this.mayGoOn },
    });
    this.#parser = new FrameParser(rules, {
      onData: (piece) => this.#onData(piece),
      onControl: (opcode, payload) => this.wholes.push(`c${opcode} ${payload.toHex()}`),
      onFail: (failure) => this.onFail(failure),
    });
    if (unit === "stream") this.#stream = new StreamDecoder(session, this);
    else this.#messages = new MessageDecoder(session, false, this, pieceSize, most);
  }

  get open(): string {
    return this.#open ?? "";
  }

  get isHolding(): boolean {
    const holds = this.#messages?.isStopped === true || this.#stream?.isHolding === true;
    return this.isListening && holds;
  }

  take(bytes: Uint8Array): number {
    if (!this.isListening) return bytes.length;
    this.mayGoOn = true;
    if (this.#messages?.isStopped) {
      this.#messages.resume();
      if (!this.mayGoOn || !this.isListening) return 0;
    }
    return this.#stream?.take(bytes) ?? this.parse(bytes);
  }

  resume(): void {
    this.mayGoOn = this.isListening;
    this.#messages?.resume();
    this.#stream?.resume();
  }

  parse(bytes: Uint8Array): number {
    return this.isListening ? this.#parser.parse(bytes) : bytes.length;
  }

  #onData(piece: Uint8Array): void {
    const isCoded = this.#parser.reservedBits > 0 || this.#session.unit === "frame";
    if (this.#messages !== undefined && isCoded) this.#messages.take(piece, this.#parser);
    else this.#note(piece, this.#parser);
  }

  onDecoded(piece: Uint8Array): void {
    this.#note(piece, this.#messages!);
  }

  #note(piece: Uint8Array, { isFirstPiece, isBinary, isFinal, remaining }: FrameFacts): void {
    expect("something comes behind the failure", this.failure === undefined);
    expect("isFirstPiece is wrong", isFirstPiece === (this.#open === undefined));
    this.#open = (this.#open ?? "") + piece.toHex();
    if (++this.#pieces % this.#stopEvery === 0) this.#stop();
    if (!isFinal || remaining > 0) return;
    this.wholes.push(`${isBinary ? "binary" : "text"} ${this.#open}`);
    this.#open = undefined;
  }

  #stop(): void {
    this.mayGoOn = false;
    this.#parser.stop();
  }

  pieceDone(): boolean {
    return this.mayGoOn;
  }

  onFail(failure: Failure): void {
    expect("two failures", this.failure === undefined);
    this.failure = failure;
    // As a connection that is being closed delivers nothing more.
    this.mayGoOn = this.isListening = false;
    this.#parser.stop();
  }

  close(): void {
    this.#parser.release();
    this.#session.close();
  }
}

function limitOf(setup: number): number {
  return Math.min(LIMITS[setup >> 2 & 3]!, MOST_PIECES * PIECE_SIZES[setup & 3]!);
}

function decode(input: Uint8Array, reads: readonly Uint8Array[]): Decoded {
  const [kind = 0, setup = 0] = input;
  const { extension, offer } = EXTENSIONS[kind & 7]!;
  const { session } = extension.accept(parseExtensions(offer)!)!;
  const maxMessageSize = limitOf(setup);
  session.begin?.({ context: { limits: { maxMessageSize } } } as unknown as Wsi);
  const stopEvery = [Infinity, 1, 2, 5][setup >> 4 & 3]!;
  const taking = new Input(session, PIECE_SIZES[setup & 3]!, maxMessageSize, stopEvery);
  try {
    pump(reads, (bytes) => {
      const taken = taking.take(bytes);
      const goesOn = (taken > 0 && taken < bytes.length) || !taking.mayGoOn;
      return { taken, goesOn: goesOn && taking.isListening };
    });
    for (let steps = 0; taking.isHolding; steps++) {
      taking.resume();
      if (steps > 300_000) throw new Error("it never comes to an end");
    }
    const { wholes, open, failure } = taking;
    return { wholes, open, failure };
  } finally {
    taking.close();
  }
}

/**
 * What is wrong may show sooner, and then something else may be said of it. Of a stream nothing comes of the read in
 * which it breaks, whatever stands in front.
 */
function toldOf({ wholes, open, failure }: Decoded, isStream: boolean): string {
  if (failure === undefined) return `${wholes.join("\n")}\n${open}`;
  return isStream ? "failed" : `${wholes.filter(isData).join("\n")}\nfailed`;
}

function isData(event: string): boolean {
  return !event.startsWith("c");
}

/** The messages as they are on the wire, still compressed; undefined when a frame is broken. */
function rawMessages(
  wire: Uint8Array,
): { wholes: readonly string[]; failure?: Failure | undefined } {
  const options = {
    masked: false,
    pieceSize: 1_000_000,
    limits: { maxFramePayload: 1_000_000, maxFragments: 1000, maxEmptyFragments: 1000 },
    reservedBits: 4,
  };
  const setup = { options, stopEvery: Infinity, pauseEvery: Infinity };
  const make = (
    given: ConstructorParameters<typeof FrameRules>[0] & {
      handler: ConstructorParameters<typeof FrameParser>[1];
    },
  ) => new FrameParser(new FrameRules(given), given.handler);
  return readFrames(make, setup, [wire]);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The events that zlib as documented makes of them, up to the first that is wrong. */
function expectedOf(wire: Uint8Array, takesOver: boolean, most: number) {
  const inflater = new MessageInflater(takesOver, most);
  const { wholes, failure } = rawMessages(wire);
  const events: string[] = [];
  for (const event of wholes) {
    const [kind, coded, hex] = event.split(" ") as [string, string, string];
    if (coded !== "rsv4") {
      events.push(event.replace(/^(ping|pong)/, (name) => name === "ping" ? "c9" : "c10"));
      continue;
    }
    const data = inflater.message(Uint8Array.fromHex(hex));
    if (typeof data === "string") return { events, failure: data, inflater };
    try {
      if (kind === "text") decoder.decode(data);
    } catch {
      return { events, failure: "no text", inflater };
    }
    events.push(`${kind} ${data.toHex()}`);
  }
  return { events, failure, inflater };
}

/** The first has a small window. */
const DEFLATERS = [[9, 6], [15, 0], [15, 1], [15, 9]].map(([windowBits, level]) =>
  codec.deflater({ windowBits: windowBits!, level: level!, memLevel: 8 })
);

function makeCompressed(dice: Dice, kind: number): Uint8Array {
  const unit = kind === STREAM ? "stream" : isCompared(kind) || kind === 7 ? "message" : "frame";
  const deflater = DEFLATERS[kind === 7 ? 0 : 1 + dice.below(3)]!;
  deflater.reset();
  const coded = (data: Uint8Array, mayEnd: boolean): Uint8Array => {
    if (mayEnd && dice.once(12)) {
      const whole = new Uint8Array(deflateRawSync(data));
      return dice.once(2) ? whole : concat(whole, Uint8Array.of(0));
    }
    if (dice.once(60)) {
      const flush = { finishFlush: constants.Z_FULL_FLUSH };
      return new Uint8Array(deflateRawSync(new Uint8Array(dice.below(100_000)), flush)).slice(
        0,
        -4,
      );
    }
    return deflater.deflate(data).slice(0, -4);
  };
  let frames: FrameOptions[] = makeFrames(dice);
  if (unit === "message") {
    frames = dice.times(1 + dice.small(5), () => {
      const isText = dice.once(2);
      const data = dice.once(8)
        ? new Uint8Array(dice.below(3000)).fill(0x62)
        : makePayload(dice, isText);
      const payload = coded(data, true);
      const cut = dice.once(3) ? dice.below(payload.length + 1) : payload.length;
      const opcode = isText ? 1 : 2;
      const first: FrameOptions = {
        opcode,
        rsv: dice.once(25) ? 0 : 4,
        payload: payload.slice(0, cut),
      };
      if (cut === payload.length) return [first];
      const ping: FrameOptions[] = dice.once(4) ? [{ opcode: 9, payload: "p" }] : [];
      const rest: FrameOptions = {
        opcode: 0,
        rsv: dice.once(30) ? 4 : 0,
        payload: payload.slice(cut),
      };
      return [{ ...first, fin: false }, ...ping, rest];
    }).flat();
  } else if (unit === "frame") {
    frames = frames.map((each) => {
      if (each.opcode > 2 || dice.once(5)) return each;
      return { ...each, rsv: 4, payload: coded(each.payload as Uint8Array, true) };
    });
  }
  const wire = concat(...frames.map(frame));
  const result = unit === "stream" ? deflater.deflate(wire).slice() : wire;
  return result;
}

const inflate: Target = {
  name: "inflate",
  covers:
    "extensions/{zlib,zlib_whole,deflate_session,message_decoder,stream_decoder}: permessage-deflate, " +
    "deflate-frame and deflate-stream, with and without takeover, both codecs, small windows and limits; messages " +
    "against zlib as documented, and every 16th against Receiver and PerMessageDeflate of npm:ws",
  words: [[0, 0, 0xff, 0xff], [0xc1, 0x01, 0], [0xc2, 1, 7], [0x40, 0], [3, 0], [0x4b, 4, 0], [
    1,
    0,
    0,
    0xff,
    0xff,
  ]]
    .map((bytes) => Uint8Array.from(bytes)),
  make(dice) {
    const kind = dice.once(2) ? dice.below(2) : dice.below(8);
    const setup = dice.once(2) ? 0 : dice.below(64);
    return concat(Uint8Array.of(kind, setup), makeCompressed(dice, kind));
  },
  check(input, dice) {
    const kind = (input[0] ?? 0) & 7;
    const most = limitOf(input[1] ?? 0);
    const wire = input.subarray(SETUP_BYTES);
    const told = sameHoweverSplit(
      wire,
      dice,
      (reads) => decode(input, reads),
      (decoded) => toldOf(decoded, kind === STREAM),
    );
    const { wholes, failure } = told;
    const result = `${kind} ${wholes.length} ${failure}`;
    if (!isCompared(kind)) return result;
    const takesOver = kind === TAKING_OVER;
    const expected = expectedOf(wire, takesOver, most);
    const isFailure = expected.failure !== undefined;
    // A message that has not ended may be broken already, and what is between its frames is not heard then.
    const heard = (events: readonly string[]) =>
      (failure === undefined ? events : events.filter(isData)).join("\n");
    expectSame("what zlib makes of it", heard(wholes), heard(expected.events));
    expect(`${expected.failure} is not told`, !isFailure || failure !== undefined);
    if (failure !== undefined || isFailure || expected.inflater.hasEnded || !dice.once(16)) {
      return result;
    }
    return compareWithWs(wire, kind, most, wholes).then(() => result);
  },
};

/** Whole messages that are well alone: what a close frame ends, and lets npm:ws inflate no more, stands last. */
async function compareWithWs(
  wire: Uint8Array,
  kind: number,
  most: number,
  wholes: readonly string[],
): Promise<void> {
  const own = inflating(false, kind === TAKING_OVER, most);
  try {
    const { events, failure, message } = await receive(wire, {
      isServer: false,
      maxPayload: most,
      inflating: own,
    });
    const end = wholes.findIndex((event) => event.startsWith("c8"));
    const until = (end < 0 ? wholes : wholes.slice(0, end))
      .map((event) => event.replace(/^c9/, "ping").replace(/^c10/, "pong"));
    const theirs = events.filter((event) => !event.startsWith("close"));
    // Its limit counts what is announced, compressed or not.
    const heard = failure === 1009 ? until.slice(0, theirs.length) : until;
    expectSame(`what npm:ws inflates ${message}`, heard.join("\n"), theirs.join("\n"));
    // It doesn't wait for the byte of a close frame that has one.
    const isShortClose = /payload length 1$/.test(message);
    // Nor for the end of a message, which that codec inflates as a whole.
    const isUnended = failure === 1007 && kind === WHOLE;
    const isAllowed = failure === undefined || failure === 1009 || end >= 0 || isShortClose ||
      isUnended;
    expect(`npm:ws fails with ${failure}: ${message}`, isAllowed);
  } finally {
    own.cleanup();
  }
}

export const INFLATE_TARGETS: readonly Target[] = [inflate];
