/** What the extensions that compress share: streams, and both ways of a connection. */

import type { ExtensionSession, IncomingFrame, OutgoingPart } from "../api/extension.ts";
import { DEFAULT_LIMITS } from "../api/limits.ts";
import type { Wsi } from "../api/wsi.ts";
import {
  type Deflater,
  InflatedTooLong,
  type Inflater,
  InflatesTooMuch,
  TAIL,
  type ZlibCodec,
} from "./zlib_codec.ts";

/** The group of all extensions that compress: to compress twice is of no use. */
export const COMPRESSION = "compression";
/** RSV1 as one of the three reserved bits. */
const RSV1 = 4;

/** How a context's connections compress. */
export interface DeflateTuning {
  readonly level: number;
  readonly memLevel: number;
  readonly threshold: number;
  readonly maxInflationRatio: number;
}

/** The agreed parameters as one side sees them: what it sends and what it receives. */
export interface AgreedParams {
  readonly sendWindowBits: number;
  readonly sendContextTakeover: boolean;
  readonly receiveWindowBits: number;
  readonly receiveContextTakeover: boolean;
}

/** Up to so many bytes a message may stand for, whatever it came in. */
const ALWAYS_INFLATED = 64 * 1024;
/** Streams between two messages; more than a few at once need only messages in fragments. */
const MAX_SPARE = 4;

/** The compressors and decompressors of all connections that keep none of their own. */
export class SharedStreams {
  readonly threshold: number;
  readonly maxInflationRatio: number;
  readonly #codec: ZlibCodec;
  readonly #level: number;
  readonly #memLevel: number;
  /** By window bits. */
  readonly #deflaters = new Map<number, Deflater[]>();
  readonly #inflaters = new Map<number, Inflater[]>();

  constructor(codec: ZlibCodec, options: DeflateTuning) {
    this.#codec = codec;
    this.threshold = options.threshold;
    this.maxInflationRatio = options.maxInflationRatio;
    this.#level = options.level;
    this.#memLevel = options.memLevel;
  }

  deflater(windowBits: number): Deflater {
    return this.#deflaters.get(windowBits)?.pop() ??
      this.#codec.deflater({ windowBits, level: this.#level, memLevel: this.#memLevel });
  }

  inflater(windowBits: number): Inflater {
    return this.#inflaters.get(windowBits)?.pop() ?? this.#codec.inflater({ windowBits });
  }

  giveBackDeflater(windowBits: number, deflater: Deflater): void {
    deflater.reset();
    keepSpare(this.#deflaters, windowBits, deflater);
  }

  giveBackInflater(windowBits: number, inflater: Inflater): void {
    inflater.reset();
    keepSpare(this.#inflaters, windowBits, inflater);
  }

  close(): void {
    for (const spares of [...this.#deflaters.values(), ...this.#inflaters.values()]) {
      for (const spare of spares.splice(0)) spare.close();
    }
  }
}

/** Both ways of one connection, on which whole messages are units, or single frames. */
export class DeflateSession implements ExtensionSession {
  readonly reservedBits = RSV1;
  readonly unit: "message" | "frame";
  readonly sharedKey: string;
  readonly #streams: SharedStreams;
  readonly #agreed: AgreedParams;
  /** Of this connection for as long as a message is under way, or for good with context takeover. */
  #deflater: Deflater | undefined;
  #inflater: Inflater | undefined;
  /** How many bytes a message of the peer may have. */
  #most = DEFAULT_LIMITS.maxMessageSize;
  /** Bytes of the message in hand, as they came and as they are inflated. */
  #compressed = 0;
  #inflated = 0;
  #isNew = true;
  #encodes = false;
  #tailIsDue = false;
  #endsUnit = false;

  constructor(streams: SharedStreams, unit: "message" | "frame", agreed: AgreedParams) {
    this.#streams = streams;
    this.unit = unit;
    this.#agreed = agreed;
    this.sharedKey = `deflate ${agreed.sendWindowBits}`;
  }

  begin(wsi: Wsi): void {
    this.#most = wsi.context.limits.maxMessageSize;
  }

  encode({ payload, isFirst, isLast, compress }: OutgoingPart): Uint8Array | undefined {
    const { sendWindowBits, sendContextTakeover } = this.#agreed;
    const isByFrame = this.unit === "frame";
    const begins = isFirst || isByFrame;
    if (begins) this.#encodes = compress ?? payload.length >= this.#streams.threshold;
    if (!this.#encodes) return undefined;
    const deflater = this.#deflater ??= this.#streams.deflater(sendWindowBits);
    const flushed = deflater.deflate(payload);
    if (!isLast && !isByFrame) return flushed;
    const whole = withoutTail(flushed);
    const shrinks = !begins || whole.length < payload.length || payload.length === 0;
    // The peer's window has nothing of a message that is sent plain, so this end's must forget it, too.
    if (!shrinks) deflater.reset();
    if (!sendContextTakeover) {
      this.#deflater = undefined;
      this.#streams.giveBackDeflater(sendWindowBits, deflater);
    }
    return shrinks ? whole : undefined;
  }

  encodeShared(payload: Uint8Array): Uint8Array | undefined {
    const { sendWindowBits } = this.#agreed;
    if (payload.length < this.#streams.threshold) return undefined;
    const deflater = this.#streams.deflater(sendWindowBits);
    const whole = withoutTail(deflater.deflate(payload)).slice();
    this.#streams.giveBackDeflater(sendWindowBits, deflater);
    return whole.length < payload.length ? whole : undefined;
  }

  sentShared(): void {
    // It is in the peer's window and not in this end's: nothing may refer to what is older.
    this.#deflater?.reset();
  }

  push(piece: Uint8Array, endsUnit: boolean, frame?: IncomingFrame): void {
    const inflater = this.#inflater ??= this.#streams.inflater(this.#agreed.receiveWindowBits);
    if (this.#isNew) this.#compressed = this.#inflated = 0;
    this.#isNew = frame === undefined ? endsUnit : frame.isFinal && frame.remaining === 0;
    this.#compressed += piece.length;
    // What is inflated at once must not be more.
    inflater.most = Math.min(this.#most, this.#allowed);
    inflater.push(piece);
    this.#tailIsDue = endsUnit;
    this.#endsUnit = endsUnit;
  }

  keep(): void {
    this.#inflater?.keep();
  }

  get held(): number {
    return this.#inflater?.held ?? 0;
  }

  /** How many bytes the message may stand for by what has come of it. */
  get #allowed(): number {
    return Math.max(ALWAYS_INFLATED, this.#compressed * this.#streams.maxInflationRatio);
  }

  read(target: Uint8Array): number {
    let count: number;
    try {
      count = this.#read(target);
    } catch (error) {
      const isByRatio = error instanceof InflatedTooLong && this.#allowed < this.#most;
      throw isByRatio ? new InflatesTooMuch() : error;
    }
    this.#inflated += count;
    if (this.#inflated > this.#allowed) throw new InflatesTooMuch();
    return count;
  }

  #read(target: Uint8Array): number {
    const inflater = this.#inflater;
    // The unit ended where the target did.
    if (inflater === undefined) return 0;
    let count = inflater.pull(target);
    if (count < target.length && this.#tailIsDue) {
      this.#tailIsDue = false;
      inflater.pushTail();
      count += inflater.pull(target.subarray(count));
    }
    if (count < target.length && this.#endsUnit && !this.#agreed.receiveContextTakeover) {
      this.#inflater = undefined;
      this.#streams.giveBackInflater(this.#agreed.receiveWindowBits, inflater);
    }
    return count;
  }

  close(): void {
    this.#deflater?.close();
    this.#inflater?.close();
    this.#deflater = undefined;
    this.#inflater = undefined;
  }
}

function keepSpare<Stream extends Deflater | Inflater>(
  spares: Map<number, Stream[]>,
  windowBits: number,
  stream: Stream,
): void {
  const list = spares.get(windowBits) ?? [];
  spares.set(windowBits, list);
  if (list.length < MAX_SPARE) list.push(stream);
  else stream.close();
}

/** Section 7.2.1; an empty message is an empty block (section 7.2.3.6). */
function withoutTail(flushed: Uint8Array): Uint8Array {
  return flushed.length > TAIL.length
    ? flushed.subarray(0, flushed.length - TAIL.length)
    : EMPTY_BLOCK;
}

const EMPTY_BLOCK = Uint8Array.of(0);
