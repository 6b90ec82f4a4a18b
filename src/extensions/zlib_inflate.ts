/** Inflating (RFC 1951) in plain TypeScript, for runtimes whose zlib keeps no state between calls. */

import { freeBuffer } from "../base/buffers.ts";
import { InflateError, type Inflater, INFLATER_CLOSED, NOT_USED_UP, TAIL } from "./zlib_codec.ts";

// The states of an inflater: what it does next.
const BLOCK_HEADER = 0;
const STORED_LENGTH = 1;
const STORED_BYTES = 2;
const TABLE_SIZES = 3;
const TABLE_CODE = 4;
const TABLE_LENGTHS = 5;
const TABLE_REPEAT = 6;
const SYMBOL = 7;
const LENGTH_BITS = 8;
const DISTANCE = 9;
const DISTANCE_BITS = 10;
const COPY = 11;
const BROKEN = 12;

// The block types (section 3.2.3).
const STORED = 0;
const FIXED = 1;
const DYNAMIC = 2;

const END_OF_BLOCK = 256;
const FIRST_LENGTH = 257;
const LITERAL_SYMBOLS = 286;
const DISTANCE_SYMBOLS = 30;
/** Bits of the longest code for literals, lengths and distances. */
const LONGEST_CODE = 15;

// Section 3.2.5.
// deno-fmt-ignore
const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
  131, 163, 195, 227, 258];
// deno-fmt-ignore
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
// deno-fmt-ignore
const DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
  2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
// deno-fmt-ignore
const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12,
  12, 13, 13];
/** The order in which the lengths of the code for code lengths come (section 3.2.7). */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// The code lengths that stand for several (section 3.2.7).
const REPEAT_LAST = 16;
const REPEAT_ZERO = 17;
const REPEAT_ZERO_LONG = 18;

/**
 * An {@linkcode Inflater} that stops and goes on at any bit of the input and any byte of the output. It
 * holds the window and a block's codes, and neither before it needs them.
 */
export class PlainInflater implements Inflater {
  readonly #windowSize: number;
  #isClosed = false;

  #input: Uint8Array = EMPTY;
  #position = 0;
  /** The bits before the position that are not used yet, the next one lowest; fewer than eight at rest. */
  #bits = 0;
  #bitCount = 0;

  #state = BLOCK_HEADER;
  #isFinal = false;
  /** A final block was the last that was read. */
  #hasEnded = false;
  /** The symbol whose extra bits come next. */
  #symbol = 0;
  /** Bytes of a stored block or a copy that are still to come. */
  #length = 0;
  #distance = 0;
  #literals: HuffmanCode | undefined;
  #distances: HuffmanCode | undefined;
  #dynamic: DynamicCodes | undefined;

  /** Where in the output of a call the stream begins. */
  #origin = 0;
  /** What earlier calls put out: a ring, written at `#windowEnd`. */
  #window: Uint8Array<ArrayBuffer> | undefined;
  #windowEnd = 0;
  #windowFilled = 0;

  /** @param windowBits 8 to 15: how much of the output of earlier calls is kept */
  constructor(windowBits: number) {
    this.#windowSize = 1 << windowBits;
  }

  get rest(): Uint8Array {
    return this.#input.subarray(this.#position);
  }

  push(data: Uint8Array): void {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    if (this.#position < this.#input.length) throw new Error(NOT_USED_UP);
    this.#input = data;
    this.#position = 0;
  }

  pushTail(): void {
    if (!this.#hasEnded) return this.push(TAIL);
    this.push(EMPTY);
    this.#hasEnded = false;
  }

  keep(): void {
    this.#input = this.rest.slice();
    this.#position = 0;
  }

  pull(out: Uint8Array): number {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    this.#origin = 0;
    const length = this.#inflate(out);
    this.#remember(out.subarray(this.#origin, length));
    if (this.#position === this.#input.length) this.#forgetInput();
    return length;
  }

  reset(): void {
    if (this.#isClosed) throw new Error(INFLATER_CLOSED);
    this.#forgetInput();
    this.#beginStream();
  }

  close(): void {
    this.#isClosed = true;
    this.#forgetInput();
    this.#dynamic = this.#literals = this.#distances = undefined;
    if (this.#window !== undefined) freeBuffer(this.#window);
    this.#window = undefined;
  }

  /** Section 3.2.3. Returns when `out` is full, or all input is used and more is needed. */
  #inflate(out: Uint8Array): number {
    let length = 0;
    while (length < out.length) {
      switch (this.#state) {
        case BLOCK_HEADER:
          if (!this.#need(3)) return length;
          this.#isFinal = this.#take(1) === 1;
          this.#beginBlock(this.#take(2));
          break;

        // Section 3.2.4.
        case STORED_LENGTH: {
          if (!this.#need(32)) return length;
          this.#length = this.#take(16);
          if (this.#take(16) !== (~this.#length & 0xffff)) {
            this.#fail("invalid stored block lengths");
          }
          this.#state = STORED_BYTES;
          if (this.#length === 0) this.#endBlock(length);
          break;
        }
        case STORED_BYTES: {
          const count = Math.min(
            this.#length,
            this.#input.length - this.#position,
            out.length - length,
          );
          if (count === 0) return length;
          out.set(this.#input.subarray(this.#position, this.#position + count), length);
          this.#position += count;
          length += count;
          this.#length -= count;
          if (this.#length === 0) this.#endBlock(length);
          break;
        }

        // Section 3.2.7.
        case TABLE_SIZES: {
          if (!this.#need(14)) return length;
          const codes = this.#dynamic ??= new DynamicCodes();
          if (!codes.begin(this.#take(5) + 257, this.#take(5) + 1, this.#take(4) + 4)) {
            this.#fail("too many length or distance symbols");
          }
          this.#state = TABLE_CODE;
          break;
        }
        case TABLE_CODE:
          if (!this.#need(3)) return length;
          if (this.#dynamic!.addToCode(this.#take(3))) {
            if (!this.#dynamic!.buildCode()) this.#fail("invalid code lengths set");
            this.#state = TABLE_LENGTHS;
          }
          break;
        case TABLE_LENGTHS: {
          const symbol = this.#decode(this.#dynamic!.lengthCode);
          if (symbol < 0) return length;
          this.#symbol = symbol;
          if (symbol < REPEAT_LAST) this.#addLength(symbol, 1);
          else this.#state = TABLE_REPEAT;
          break;
        }
        case TABLE_REPEAT: {
          const symbol = this.#symbol;
          const extra = symbol === REPEAT_LAST ? 2 : symbol === REPEAT_ZERO ? 3 : 7;
          if (!this.#need(extra)) return length;
          this.#state = TABLE_LENGTHS;
          const count = this.#take(extra) + (symbol === REPEAT_ZERO_LONG ? 11 : 3);
          this.#addLength(symbol === REPEAT_LAST ? this.#dynamic!.lastLength : 0, count);
          break;
        }

        // Section 3.2.5.
        case SYMBOL: {
          const symbol = this.#decode(this.#literals!);
          if (symbol < 0) return length;
          if (symbol < END_OF_BLOCK) {
            out[length++] = symbol;
          } else if (symbol === END_OF_BLOCK) {
            this.#endBlock(length);
          } else {
            if (symbol >= LITERAL_SYMBOLS) this.#fail("invalid literal/length code");
            this.#symbol = symbol - FIRST_LENGTH;
            this.#state = LENGTH_BITS;
          }
          break;
        }
        case LENGTH_BITS: {
          const extra = LENGTH_EXTRA[this.#symbol]!;
          if (!this.#need(extra)) return length;
          this.#length = LENGTHS[this.#symbol]! + this.#take(extra);
          this.#state = DISTANCE;
          break;
        }
        case DISTANCE: {
          const symbol = this.#decode(this.#distances!);
          if (symbol < 0) return length;
          if (symbol >= DISTANCE_SYMBOLS) this.#fail("invalid distance code");
          this.#symbol = symbol;
          this.#state = DISTANCE_BITS;
          break;
        }
        case DISTANCE_BITS: {
          const extra = DISTANCE_EXTRA[this.#symbol]!;
          if (!this.#need(extra)) return length;
          this.#distance = DISTANCES[this.#symbol]! + this.#take(extra);
          if (this.#distance > length - this.#origin + this.#windowFilled) {
            this.#fail("invalid distance too far back");
          }
          this.#state = COPY;
          break;
        }
        case COPY:
          length = this.#copy(out, length);
          if (this.#length === 0) this.#state = SYMBOL;
          break;

        default:
          this.#fail("the stream is broken");
      }
    }
    return length;
  }

  #beginBlock(type: number): void {
    switch (type) {
      case STORED:
        this.#toByteBoundary();
        this.#state = STORED_LENGTH;
        break;
      case FIXED:
        fixedCodes ??= makeFixedCodes();
        [this.#literals, this.#distances] = fixedCodes;
        this.#state = SYMBOL;
        break;
      case DYNAMIC:
        this.#state = TABLE_SIZES;
        break;
      default:
        this.#fail("invalid block type");
    }
  }

  /** @param length how much of the output is filled */
  #endBlock(length: number): void {
    this.#state = BLOCK_HEADER;
    if (!this.#isFinal) return;
    this.#beginStream();
    this.#hasEnded = true;
    this.#origin = length;
  }

  #beginStream(): void {
    this.#state = BLOCK_HEADER;
    this.#isFinal = this.#hasEnded = false;
    this.#toByteBoundary();
    this.#windowEnd = this.#windowFilled = 0;
  }

  #addLength(length: number, count: number): void {
    const codes = this.#dynamic!;
    if (!codes.addLengths(length, count)) this.#fail("invalid bit length repeat");
    if (!codes.isComplete) return;
    const fault = codes.build();
    if (fault !== undefined) this.#fail(fault);
    this.#literals = codes.literals;
    this.#distances = codes.distances;
    this.#state = SYMBOL;
  }

  /** Copies what was put out before, from this call's output and the window; returns its new length. */
  #copy(out: Uint8Array, length: number): number {
    const end = Math.min(out.length, length + this.#length);
    this.#length -= end - length;
    const distance = this.#distance;
    let to = length;
    if (to < distance) {
      const window = this.#window!;
      const mask = this.#windowSize - 1;
      const windowEnd = this.#windowEnd;
      const last = Math.min(end, distance);
      for (; to < last; to++) out[to] = window[(windowEnd + to - distance) & mask]!;
    }
    for (; to < end; to++) out[to] = out[to - distance]!;
    return end;
  }

  #remember(piece: Uint8Array): void {
    const size = this.#windowSize;
    if (piece.length === 0) return;
    const window = this.#window ??= new Uint8Array(size);
    if (piece.length >= size) {
      window.set(piece.subarray(piece.length - size));
      this.#windowEnd = 0;
      this.#windowFilled = size;
      return;
    }
    const first = Math.min(piece.length, size - this.#windowEnd);
    window.set(piece.subarray(0, first), this.#windowEnd);
    window.set(piece.subarray(first), 0);
    this.#windowEnd = (this.#windowEnd + piece.length) & (size - 1);
    this.#windowFilled = Math.min(size, this.#windowFilled + piece.length);
  }

  /** The next symbol, or −1 when more input is needed. */
  #decode(code: HuffmanCode): number {
    while (true) {
      const entry = code.short[this.#bits & SHORT_MASK]!;
      const size = entry & 15;
      if (entry === 0) {
        const symbol = this.#decodeLong(code);
        if (symbol >= 0) return symbol;
      } else if (size <= this.#bitCount) {
        this.#bits >>>= size;
        this.#bitCount -= size;
        return entry >>> 4;
      }
      if (!this.#fetch()) return -1;
    }
  }

  /** Section 3.2.2, bit by bit: codes of one length follow each other, behind the shorter ones. */
  #decodeLong({ counts, symbols }: HuffmanCode): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let size = 1; size <= LONGEST_CODE; size++) {
      if (size > this.#bitCount) return -1;
      code |= (this.#bits >>> (size - 1)) & 1;
      const count = counts[size]!;
      if (code - first < count) {
        this.#bits >>>= size;
        this.#bitCount -= size;
        return symbols[index + code - first]!;
      }
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return this.#fail("invalid code");
  }

  /** Whether `count` bits could be had, of which there are at most 24, or 32 at a byte boundary. */
  #need(count: number): boolean {
    while (this.#bitCount < count) if (!this.#fetch()) return false;
    return true;
  }

  #fetch(): boolean {
    if (this.#position === this.#input.length) return false;
    this.#hasEnded = false;
    this.#bits |= this.#input[this.#position++]! << this.#bitCount;
    this.#bitCount += 8;
    return true;
  }

  /** The next bits, 16 at most, which are there. */
  #take(count: number): number {
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  /** What is left of the byte; there is never more, as no byte is fetched before it is needed. */
  #toByteBoundary(): void {
    this.#bits = this.#bitCount = 0;
  }

  #forgetInput(): void {
    this.#input = EMPTY;
    this.#position = 0;
  }

  #fail(message: string): never {
    this.#state = BROKEN;
    throw new InflateError(message);
  }
}

/** Codes up to this size are looked up. */
const SHORT_BITS = 9;
const SHORT_MASK = (1 << SHORT_BITS) - 1;

/** A Huffman code (section 3.2.2). */
class HuffmanCode {
  /** By the next bits: the symbol above four bits of its code's size, or 0 where that is longer. */
  readonly short: Uint16Array = new Uint16Array(1 << SHORT_BITS);
  /** How many codes there are of each size. */
  readonly counts: Uint16Array = new Uint16Array(LONGEST_CODE + 1);
  /** The symbols in the order of their codes. */
  readonly symbols: Uint16Array;

  constructor(maxSymbols: number) {
    this.symbols = new Uint16Array(maxSymbols);
  }

  /**
   * Makes the code in which symbol n has a code of `sizes[n]` bits. False if that is no code: of all
   * that leave codes unused only the one of a single bit is one, and that of none (section 3.2.7).
   */
  build(sizes: Uint8Array, mayBeIncomplete: boolean): boolean {
    const { counts, symbols, short } = this;
    counts.fill(0);
    for (const size of sizes) counts[size]!++;
    const used = sizes.length - counts[0]!;
    counts[0] = 0;
    let unused = 1;
    for (let size = 1; size <= LONGEST_CODE; size++) {
      unused = 2 * unused - counts[size]!;
      if (unused < 0) return false;
    }
    if (unused > 0 && used > 0 && !(mayBeIncomplete && used === counts[1])) return false;

    short.fill(0);
    let code = 0;
    let index = 0;
    for (let size = 1; size <= LONGEST_CODE; size++) {
      if (counts[size] === 0) {
        code <<= 1;
        continue;
      }
      for (let symbol = 0; symbol < sizes.length; symbol++) {
        if (sizes[symbol] !== size) continue;
        symbols[index++] = symbol;
        if (size <= SHORT_BITS) this.#addShort(code, size, symbol);
        code++;
      }
      code <<= 1;
    }
    return true;
  }

  /** The bits of a code come highest first, in the place of all others (section 3.1.1). */
  #addShort(code: number, size: number, symbol: number): void {
    let reversed = 0;
    for (let bit = 0; bit < size; bit++) reversed = reversed << 1 | (code >>> bit) & 1;
    for (let at = reversed; at <= SHORT_MASK; at += 1 << size) this.short[at] = symbol << 4 | size;
  }
}

/** The codes of dynamic blocks, and what is read of the next ones (section 3.2.7). */
class DynamicCodes {
  readonly lengthCode = new HuffmanCode(CODE_ORDER.length);
  readonly literals = new HuffmanCode(LITERAL_SYMBOLS);
  readonly distances = new HuffmanCode(DISTANCE_SYMBOLS);

  readonly #codeSizes = new Uint8Array(CODE_ORDER.length);
  readonly #sizes = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  #literalCount = 0;
  #total = 0;
  #codeCount = 0;
  #filled = 0;

  /** False if there are more than there can be. */
  begin(literalCount: number, distanceCount: number, codeCount: number): boolean {
    this.#literalCount = literalCount;
    this.#total = literalCount + distanceCount;
    this.#codeCount = codeCount;
    this.#filled = 0;
    this.#codeSizes.fill(0);
    return literalCount <= LITERAL_SYMBOLS && distanceCount <= DISTANCE_SYMBOLS;
  }

  /** Whether that was the last one. */
  addToCode(size: number): boolean {
    this.#codeSizes[CODE_ORDER[this.#filled++]!] = size;
    return this.#filled === this.#codeCount;
  }

  buildCode(): boolean {
    this.#filled = 0;
    return this.lengthCode.build(this.#codeSizes, false);
  }

  /** The last one that was added, or −1 before the first. */
  get lastLength(): number {
    return this.#filled === 0 ? -1 : this.#sizes[this.#filled - 1]!;
  }

  get isComplete(): boolean {
    return this.#filled === this.#total;
  }

  /** False if they are more than announced, or repeat none. */
  addLengths(length: number, count: number): boolean {
    const end = this.#filled + count;
    if (length < 0 || end > this.#total) return false;
    this.#sizes.fill(length, this.#filled, end);
    this.#filled = end;
    return true;
  }

  /** Makes the codes; returns what is wrong with them. */
  build(): string | undefined {
    const literalSizes = this.#sizes.subarray(0, this.#literalCount);
    const distanceSizes = this.#sizes.subarray(this.#literalCount, this.#total);
    if (literalSizes[END_OF_BLOCK] === 0) return "invalid code -- missing end-of-block";
    if (!this.literals.build(literalSizes, true)) return "invalid literal/lengths set";
    if (!this.distances.build(distanceSizes, true)) return "invalid distances set";
    return undefined;
  }
}

let fixedCodes: readonly [HuffmanCode, HuffmanCode] | undefined;

/** Section 3.2.6; the codes of symbols that never occur are a part of it. */
function makeFixedCodes(): readonly [HuffmanCode, HuffmanCode] {
  const sizes = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(
    8,
    280,
  );
  const literals = new HuffmanCode(sizes.length);
  literals.build(sizes, false);
  const distances = new HuffmanCode(32);
  distances.build(new Uint8Array(32).fill(5), false);
  return [literals, distances];
}

const EMPTY = new Uint8Array(0);
