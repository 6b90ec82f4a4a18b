/**
 * Raw DEFLATE by documented functions, for runtimes whose zlib keeps no state between calls: each output
 * of a deflater is a stream of its own, and a message is inflated at once, when all of it is there.
 */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { freeBuffer, joined } from "../base/buffers.ts";
import {
  checkDeflaterOptions,
  checkInflaterOptions,
  type Deflater,
  DEFLATER_CLOSED,
  type DeflaterOptions,
  EMPTY_STORED,
  InflatedTooLong,
  InflateError,
  type Inflater,
  INFLATER_CLOSED,
  NOT_USED_UP,
  TAIL,
  type ZlibCodec,
} from "./zlib_codec.ts";

/** Without context takeover, and with {@linkcode Inflater.pushTail} behind each message. */
export const wholeZlibCodec: ZlibCodec = {
  hasTakeover: false,
  deflater(options) {
    checkDeflaterOptions(options);
    return new OneShotDeflater(options);
  },
  inflater(options) {
    checkInflaterOptions(options);
    return new WholeInflater(options.windowBits);
  },
};

class OneShotDeflater implements Deflater {
  readonly #options: DeflaterOptions & { readonly finishFlush: number };
  #isClosed = false;

  constructor({ windowBits, level, memLevel }: DeflaterOptions) {
    this.#options = { windowBits, level, memLevel, finishFlush: constants.Z_SYNC_FLUSH };
  }

  deflate(data: Uint8Array): Uint8Array {
    if (this.#isClosed) throw new Error(DEFLATER_CLOSED);
    if (data.length === 0) return EMPTY_STORED.slice();
    const { buffer, byteOffset, length } = deflateRawSync(data, this.#options);
    return new Uint8Array(buffer, byteOffset, length);
  }

  reset(): void {
    if (this.#isClosed) throw new Error(DEFLATER_CLOSED);
  }

  close(): void {
    this.#isClosed = true;
  }
}

/** What `inflateRawSync` returns when it is asked for `info`. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** `bytesWritten` is what it took of the input: up to the end of the first stream. */
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Streams in one message, each of which costs a call. A sender ends one with a message, or perhaps with
 * a fragment; more of them are an attack that costs its sender two bytes each.
 */
const MOST_STREAMS = 64;
/** What flushes may add to a message of few bytes. */
const INPUT_ROOM = 64 * 1024;
const FIRST_INPUT = 1024;
/** The longest output that zlib can be asked for. */
const LONGEST_OUTPUT = 0x7fff_ffff;

class WholeInflater implements Inflater {
  most = LONGEST_OUTPUT;
  readonly #windowBits: number;
  /** What came of the message, with room behind. */
  #input: Uint8Array<ArrayBuffer> = EMPTY;
  #length = 0;
  #hasTail = false;
  #output: Uint8Array | undefined;
  #position = 0;
  #isClosed = false;

  constructor(windowBits: number) {
    this.#windowBits = windowBits;
  }

  get rest(): Uint8Array {
    return this.#input.subarray(0, this.#length);
  }

  get held(): number {
    return this.#input.length + (this.#output?.length ?? 0);
  }

  push(data: Uint8Array): void {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    if (this.#hasTail) throw new Error(NOT_USED_UP);
    const length = this.#length + data.length;
    // What doesn't get shorter takes little more than it stands for.
    if (length > this.most + this.most / 8 + INPUT_ROOM) throw new InflatedTooLong();
    if (length > this.#input.length) this.#growInput(length);
    this.#input.set(data, this.#length);
    this.#length = length;
  }

  pushTail(): void {
    this.push(TAIL);
    this.#hasTail = true;
  }

  keep(): void {
    // All that was pushed was copied.
  }

  pull(out: Uint8Array): number {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    if (!this.#hasTail) return 0;
    const output = this.#output ??= this.#inflate();
    const count = Math.min(out.length, output.length - this.#position);
    out.set(output.subarray(this.#position, this.#position + count));
    this.#position += count;
    if (count < out.length) this.#forget();
    return count;
  }

  reset(): void {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    this.#forget();
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
  }

  /** All streams of the message, one behind the other (RFC 7692 section 7.2.3.4). */
  #inflate(): Uint8Array {
    const input = this.rest;
    const tail = input.length - TAIL.length;
    const parts: Uint8Array[] = [];
    let room = Math.min(this.most, LONGEST_OUTPUT);
    let position = 0;
    for (let streams = 0; position < input.length; streams++) {
      // RFC 7692 section 7.2.3.4: without a byte behind the final block the tail is no block.
      if (position === tail && streams > 0) break;
      if (streams === MOST_STREAMS) throw new InflateError("too many streams in one message");
      const { buffer, engine } = inflateStream(input.subarray(position), this.#windowBits, room);
      const used = engine.bytesWritten;
      if (!(used > 0)) throw new Error("zlib doesn't say how much it has taken");
      position += used;
      room -= buffer.length;
      parts.push(buffer);
    }
    return parts.length === 1 ? parts[0]! : joined(parts);
  }

  #growInput(length: number): void {
    let size = Math.max(FIRST_INPUT, this.#input.length);
    while (size < length) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.rest);
    freeBuffer(this.#input);
    this.#input = grown;
  }

  #forget(): void {
    freeBuffer(this.#input);
    this.#input = EMPTY;
    this.#length = 0;
    this.#hasTail = false;
    this.#output = undefined;
    this.#position = 0;
  }
}

const LEAST_CHUNK = 1024;
const LARGEST_CHUNK = 64 * 1024;

/** Inflates up to the first final block, or as far as the input goes. */
function inflateStream(input: Uint8Array, windowBits: number, room: number): Inflated {
  try {
    return inflateRawSync(input, {
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: Math.min(LARGEST_CHUNK, Math.max(LEAST_CHUNK, 4 * input.length)),
      // zlib takes no bound of 0; MessageDecoder, which counts, finds the byte that is too many.
      maxOutputLength: Math.max(1, room),
      info: true,
    }) as unknown as Inflated;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") throw new InflatedTooLong();
    throw new InflateError((error as Error).message);
  }
}

const EMPTY = new Uint8Array(0);
