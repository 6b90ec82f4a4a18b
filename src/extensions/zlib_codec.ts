/** The contract of raw DEFLATE (RFC 1951) as RFC 7692 section 7.2 uses it: synchronous, in place. */

/** How a {@linkcode Deflater} compresses. */
export interface DeflaterOptions {
  /**
   * The base-2 logarithm of the window, 9 to 15. 8 is refused: zlib would silently take 9 for it, and
   * refer to what a peer with a window of 256 bytes no longer has.
   */
  readonly windowBits: number;
  /** 0 (stored) to 9 (slowest, smallest); −1 is zlib's default, 6. */
  readonly level: number;
  /** How much memory the search takes, 1 to 9; 8 is zlib's default. */
  readonly memLevel: number;
}

/** How an {@linkcode Inflater} is set up. */
export interface InflaterOptions {
  /** The base-2 logarithm of the window, 8 to 15: at least what the deflater has. */
  readonly windowBits: number;
}

/** Compresses a stream, part by part. Implemented in `zlib` and `zlib_whole`; called by DeflateSession. */
export interface Deflater {
  /**
   * Compresses `data` as the next part of the stream and flushes it to a byte boundary, so that the
   * output ends in 00 00 ff ff (section 7.2.1). The view is valid until the next call on any deflater,
   * and its bytes may be changed until then.
   *
   * @throws {Error} when the deflater is closed.
   */
  deflate(data: Uint8Array): Uint8Array;
  /**
   * Forgets what was compressed: the next output refers to nothing before it.
   *
   * @throws {Error} when the deflater is closed.
   */
  reset(): void;
  /** Frees the memory, which no garbage collection does; a second call does nothing. */
  close(): void;
}

/** Inflates a stream, in any parts. Implemented in `zlib` and `zlib_whole`; called by DeflateSession. */
export interface Inflater {
  /**
   * How many bytes a message may inflate to, which may be set in front of each. One that inflates
   * messages at once goes by it, and takes not much more of their input.
   */
  most: number;
  /**
   * Gives compressed bytes, which must not change until {@linkcode pull} has used them up, or
   * {@linkcode keep} was called.
   *
   * @throws {Error} when the inflater is closed, or what was pushed before isn't used up.
   */
  push(data: Uint8Array): void;
  /**
   * As {@linkcode push}, of what the sender of a message left out at its end: 00 00 ff ff (section
   * 7.2.2). A codec without takeover gives nothing before that. Where the message ended in a final block,
   * without the byte behind it that section 7.2.3.4 wants, the tail is no block; what follows is a new
   * stream then.
   *
   * @throws {Error} as `push`.
   */
  pushTail(): void;
  /**
   * Inflates into `out` and returns how many bytes came. Fewer than `out.length`: all that was pushed
   * is used up. A stream that ends in a final block is followed by another one, which refers to nothing
   * before it (section 7.2.3.4).
   *
   * @throws {InflateError} when the data is no DEFLATE stream; nothing but {@linkcode reset} and
   * {@linkcode close} helps from then on.
   * @throws {InflatedTooLong} as soon as it is known; so does {@linkcode push}.
   * @throws {Error} when the inflater is closed.
   */
  pull(out: Uint8Array): number;
  /** Copies what was pushed and isn't used up yet. */
  keep(): void;
  /** What was pushed and isn't used up yet: a view. */
  readonly rest: Uint8Array;
  /** Bytes of its buffers, the window not counted. */
  readonly held: number;
  /**
   * Forgets what was inflated and what was pushed.
   *
   * @throws {Error} when the inflater is closed.
   */
  reset(): void;
  /** Frees the memory, which no garbage collection does; a second call does nothing. */
  close(): void;
}

/** A way to compress and inflate. Implemented by `nativeZlibCodec` and `wholeZlibCodec`. */
export interface ZlibCodec {
  /**
   * Whether streams keep their state, as context takeover (section 7.1.1) needs it. Without that every
   * output of a deflater stands alone, and so must every message that is inflated.
   */
  readonly hasTakeover: boolean;
  /** @throws {RangeError} naming the option that is out of range. */
  deflater(options: DeflaterOptions): Deflater;
  /** @throws {RangeError} naming the option that is out of range. */
  inflater(options: InflaterOptions): Inflater;
}

/** What an {@linkcode Inflater} throws for data that is no DEFLATE stream. */
export class InflateError extends Error {
  /** `"InflateError"`. */
  override readonly name = "InflateError";
}

/** What an {@linkcode Inflater} throws for a message of more than {@linkcode Inflater.most} bytes. */
export class InflatedTooLong extends Error {
  /** `"InflatedTooLong"`. */
  override readonly name = "InflatedTooLong";
}

/** What a session throws for a message that stands for too many bytes by each of its own. */
export class InflatesTooMuch extends Error {
  /** `"InflatesTooMuch"`. */
  override readonly name = "InflatesTooMuch";
}

/** @throws {RangeError} naming the option that is out of range. */
export function checkDeflaterOptions({ windowBits, level, memLevel }: DeflaterOptions): void {
  checkRange("windowBits", windowBits, 9, 15);
  checkRange("level", level, -1, 9);
  checkRange("memLevel", memLevel, 1, 9);
}

/** @throws {RangeError} naming the option that is out of range. */
export function checkInflaterOptions({ windowBits }: InflaterOptions): void {
  checkRange("windowBits", windowBits, 8, 15);
}

/** What a flushed part ends in, and a message leaves out (section 7.2.1). */
export const TAIL: Uint8Array<ArrayBuffer> = Uint8Array.of(0, 0, 0xff, 0xff);

/** An empty stored block, which stands for no data at any byte boundary (RFC 1951 section 3.2.4). */
export const EMPTY_STORED: Uint8Array<ArrayBuffer> = Uint8Array.of(0, 0, 0, 0xff, 0xff);

/** Of an error: the caller broke {@linkcode Inflater.push}'s rule. */
export const NOT_USED_UP = "what was pushed before is not used up";
export const DEFLATER_CLOSED = "the deflater is closed";
export const INFLATER_CLOSED = "the inflater is closed";

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
}
