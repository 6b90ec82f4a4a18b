/**
 * Raw DEFLATE for RFC 7692, by the zlib of the runtime. The only way to it that is synchronous and keeps
 * a stream's state is an undocumented part of `node:zlib`, so that it is tried out before it is used, and
 * `zlib_whole` stands by.
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { freeBuffer } from "../base/buffers.ts";
import {
  checkDeflaterOptions,
  checkInflaterOptions,
  type Deflater,
  DEFLATER_CLOSED,
  type DeflaterOptions,
  EMPTY_STORED,
  InflateError,
  type Inflater,
  INFLATER_CLOSED,
  type InflaterOptions,
  NOT_USED_UP,
  TAIL,
  type ZlibCodec,
} from "./zlib_codec.ts";
import { wholeZlibCodec } from "./zlib_whole.ts";

/** The native codec where there is one, else that for whole messages; which one is found out at the first use. */
export const zlibCodec: ZlibCodec = {
  get hasTakeover() {
    return chosenCodec().hasTakeover;
  },
  deflater: (options) => chosenCodec().deflater(options),
  inflater: (options) => chosenCodec().inflater(options),
};

/**
 * The codec on the streams' own handles, `undefined` where these are missing or work otherwise than
 * expected, which a round trip finds out at every call.
 *
 * @param streams what makes the streams; the runtime's unless a test has others
 */
export function nativeZlibCodec(streams: ZlibStreams = RUNTIME_STREAMS): ZlibCodec | undefined {
  const codec: ZlibCodec = {
    hasTakeover: true,
    deflater(options) {
      checkDeflaterOptions(options);
      const { windowBits, level, memLevel } = options;
      const chunkSize = LEAST_CHUNK;
      return new NativeDeflater(
        streams.createDeflateRaw({ windowBits, level, memLevel, chunkSize }),
      );
    },
    inflater(options) {
      checkInflaterOptions(options);
      const { windowBits } = options;
      return new NativeInflater(streams.createInflateRaw({ windowBits, chunkSize: LEAST_CHUNK }));
    },
  };
  try {
    return works(codec) ? codec : undefined;
  } catch {
    return undefined;
  }
}

let chosen: ZlibCodec | undefined;

function chosenCodec(): ZlibCodec {
  return chosen ??= nativeZlibCodec() ?? wholeZlibCodec;
}

/** Makes streams of `node:zlib`. Implemented by that module; tests give streams that work otherwise. */
export interface ZlibStreams {
  createDeflateRaw(options: DeflaterOptions & { readonly chunkSize: number }): unknown;
  createInflateRaw(options: InflaterOptions & { readonly chunkSize: number }): unknown;
}

const RUNTIME_STREAMS: ZlibStreams = { createDeflateRaw, createInflateRaw };

/** The least that zlib streams take for a buffer of their own, which is never used here. */
const LEAST_CHUNK = 64;

/** The undocumented part of a zlib stream. */
interface HandleOwner {
  readonly _handle: Handle;
  /** What a write left: room in the output, and bytes of the input. */
  readonly _writeState: Uint32Array;
}

interface Handle {
  /** Called during a write that fails. */
  onerror: (message: string, errno: number, code: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
  close(): void;
}

/** What went wrong in the write that is under way. */
let failure: string | undefined;

/**
 * One for all streams, as writes are synchronous. There must be one: a stream's own would destroy the
 * stream later, and without any the process ends. It doesn't throw, for that would be inside zlib.
 */
function noteFailure(message: string): void {
  failure = message;
}

/** A stream's handle and write state, once they are what they should be. */
function openHandle(stream: unknown): HandleOwner {
  const owner = stream as Partial<HandleOwner>;
  const { _handle, _writeState } = owner;
  if (typeof _handle?.writeSync !== "function" || !(_writeState instanceof Uint32Array)) {
    throw new Error("zlib streams have no handle that writes synchronously");
  }
  _handle.onerror = noteFailure;
  return { _handle, _writeState };
}

/** Writes, and throws what went wrong from outside of zlib. */
function write(
  handle: Handle,
  input: Uint8Array,
  inputOffset: number,
  inputLength: number,
  output: Uint8Array,
  outputOffset: number,
): void {
  failure = undefined;
  const outputLength = output.length - outputOffset;
  handle.writeSync(
    constants.Z_SYNC_FLUSH,
    input,
    inputOffset,
    inputLength,
    output,
    outputOffset,
    outputLength,
  );
  if (failure !== undefined) throw new InflateError(failure);
}

class NativeDeflater implements Deflater {
  #handle: Handle | undefined;
  readonly #left: Uint32Array;

  constructor(stream: unknown) {
    const { _handle, _writeState } = openHandle(stream);
    this.#handle = _handle;
    this.#left = _writeState;
  }

  deflate(data: Uint8Array): Uint8Array {
    const handle = this.#handle;
    if (handle === undefined) throw new Error(DEFLATER_CLOSED);
    // zlib flushes only once: it would give nothing where the part before has just been flushed.
    if (data.length === 0) return emptyPart();
    const bound = boundFor(data.length);
    let output = outputOf(bound);
    let used = 0;
    let length = 0;
    while (true) {
      write(handle, data, used, data.length - used, output, length);
      used = data.length - this.#left[1]!;
      length = output.length - this.#left[0]!;
      if (length < output.length) break;
      if (length > 4 * bound) throw new Error("zlib's output has no end");
      output = growOutput();
    }
    return new Uint8Array(output.buffer, 0, length);
  }

  reset(): void {
    if (this.#handle === undefined) throw new Error(DEFLATER_CLOSED);
    this.#handle.reset();
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }
}

class NativeInflater implements Inflater {
  /** Without a bound here: each `pull` stops where its output is full, so that its caller can count. */
  most = Infinity;
  #handle: Handle | undefined;
  readonly #left: Uint32Array;
  #input: Uint8Array = EMPTY;
  #position = 0;

  constructor(stream: unknown) {
    const { _handle, _writeState } = openHandle(stream);
    this.#handle = _handle;
    this.#left = _writeState;
  }

  get rest(): Uint8Array {
    return this.#input.subarray(this.#position);
  }

  get held(): number {
    return this.#input.length - this.#position;
  }

  push(data: Uint8Array): void {
    if (this.#handle === undefined) throw new Error(INFLATER_CLOSED);
    if (this.#position < this.#input.length) throw new Error(NOT_USED_UP);
    this.#input = data;
    this.#position = 0;
  }

  pushTail(): void {
    this.push(TAIL);
  }

  keep(): void {
    // TAIL is never changed, and `pull` knows it by its identity.
    if (this.#input === TAIL) return;
    this.#input = this.rest.slice();
    this.#position = 0;
  }

  pull(out: Uint8Array): number {
    const handle = this.#handle;
    if (handle === undefined) throw new Error(INFLATER_CLOSED);
    const input = this.#input;
    let position = this.#position;
    let length = 0;
    let wasReset = false;
    while (length < out.length) {
      const from = position;
      write(handle, input, from, input.length - from, out, length);
      position = input.length - this.#left[1]!;
      length = out.length - this.#left[0]!;
      if (length === out.length || position === input.length) break;
      if (input === TAIL && position === 0) {
        handle.reset();
        position = input.length;
        break;
      }
      // Neither the input nor the room was used up: a stream has ended, maybe at an earlier call, which
      // zlib tells in no other way (section 7.2.3.4).
      if (position === from && wasReset) throw new Error("zlib's input has no end");
      handle.reset();
      wasReset = true;
    }
    this.#position = position;
    // Or an idle connection would hold the read buffer of its last message.
    if (position === input.length) this.#forgetInput();
    return length;
  }

  reset(): void {
    if (this.#handle === undefined) throw new Error(INFLATER_CLOSED);
    this.#handle.reset();
    this.#forgetInput();
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
    this.#forgetInput();
  }

  #forgetInput(): void {
    this.#input = EMPTY;
    this.#position = 0;
  }
}

const FIRST_OUTPUT = 16 * 1024;
/** A larger output is freed at the next call. */
const LARGEST_KEPT = 1024 * 1024;

/** What all deflaters write to, as each output is used before the next one is made. */
let sharedOutput = new Uint8Array(0);

/** Room for at least `length` bytes. */
function outputOf(length: number): Uint8Array<ArrayBuffer> {
  if (sharedOutput.length >= length && sharedOutput.length <= LARGEST_KEPT) return sharedOutput;
  let size = FIRST_OUTPUT;
  while (size < length && size < LARGEST_KEPT) size *= 2;
  freeBuffer(sharedOutput);
  return sharedOutput = new Uint8Array(Math.max(size, length));
}

/** Twice the room, with the same bytes in front. */
function growOutput(): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(2 * sharedOutput.length);
  grown.set(sharedOutput);
  freeBuffer(sharedOutput);
  return sharedOutput = grown;
}

/** More than DEFLATE makes of `length` bytes: then zlib flushes once, in the same write. */
function boundFor(length: number): number {
  return length + (length >>> 3) + (length >>> 6) + 64;
}

function emptyPart(): Uint8Array {
  const output = outputOf(EMPTY_STORED.length);
  output.set(EMPTY_STORED);
  return new Uint8Array(output.buffer, 0, EMPTY_STORED.length);
}

const EMPTY = new Uint8Array(0);

/** Tries out all that the codec is used for, and compares the results; false also when it throws. */
function works(codec: ZlibCodec): boolean {
  const deflater = codec.deflater({ windowBits: 15, level: 6, memLevel: 8 });
  let inflater: Inflater | undefined;
  try {
    inflater = codec.inflater({ windowBits: 15 });
    const message = Uint8Array.from({ length: 200 }, (_, index) => (index * index) % 251);
    const first = deflater.deflate(message).slice();
    const second = deflater.deflate(message).slice();
    deflater.reset();
    const third = deflater.deflate(message).slice();
    return second.length < first.length && isSame(first, third) &&
      inflates(inflater, first, message) && inflates(inflater, second, message) &&
      refuses(inflater, INVALID_BLOCK) &&
      inflates(inflater, FINAL_BLOCK.subarray(0, 3), Uint8Array.of(0x61)) &&
      endsThere(inflater) && inflates(inflater, first, message) &&
      inflates(inflater, FINAL_BLOCK, Uint8Array.of(0x61)) &&
      refuses(inflater, second);
  } finally {
    deflater.close();
    inflater?.close();
  }
}

/** The reserved block type (RFC 1951 section 3.2.3). */
const INVALID_BLOCK = Uint8Array.of(0x07);
/** "a" in a final block, and the tail of a message. */
const FINAL_BLOCK = Uint8Array.of(0x4b, 0x04, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff);

/** Whether `data` inflates to `message`, in two parts. */
function inflates(inflater: Inflater, data: Uint8Array, message: Uint8Array): boolean {
  const out = new Uint8Array(message.length + 1);
  const half = message.length >>> 1;
  inflater.push(data);
  if (half > 0 && inflater.pull(out.subarray(0, half)) !== half) return false;
  const count = half + inflater.pull(out.subarray(half));
  return count === message.length && inflater.rest.length === 0 &&
    isSame(out.subarray(0, count), message);
}

/** Whether a tail is told from a block, behind a final one. */
function endsThere(inflater: Inflater): boolean {
  inflater.pushTail();
  return inflater.pull(new Uint8Array(1)) === 0;
}

/** Whether `data` is found to be no stream; resets the inflater. */
function refuses(inflater: Inflater, data: Uint8Array): boolean {
  try {
    inflater.push(data);
    inflater.pull(new Uint8Array(1000));
    return false;
  } catch (error) {
    inflater.reset();
    return error instanceof InflateError;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
