/** The reading half of hixie-75 and hixie-76 ("Data framing", of a server section 5.3). */

import { freeBuffer } from "../../../base/buffers.ts";
import type { Failure } from "../close.ts";
import { OPCODE_CLOSE } from "../frame.ts";
import type { FrameHandler, FrameParserOptions } from "../frame_parser.ts";
import type { FrameLimits, ParserPace } from "../frame_rules.ts";
import { BEGUN, BEGUN_IN_FRONT, NONE, type Progress, SAME } from "../message_in_hand.ts";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "../utf8.ts";
import type { FrameReader } from "./codec.ts";

/** Between two frames: what comes is a frame's type. */
const TYPE = 0;
/** In a text, up to 0xff. */
const TEXT = 1;
/** In a frame of another type without the high bit, up to 0xff. */
const UNKNOWN = 2;
/** In the length of a frame whose type has the high bit. */
const LENGTH = 3;
/** In its bytes. */
const SIZED = 4;

const TEXT_TYPE = 0x00;
/** The type of a close frame, and what a text ends with. */
const MARK = 0xff;
/** In a type: a length follows. In the bytes of a length: one more follows. */
const HIGH_BIT = 0x80;

/** The first room that a text which is split over reads gets; it grows with what arrives. */
const FIRST_ASSEMBLY = 1024;

const EMPTY = new Uint8Array(0);

/**
 * Reads texts, drops frames of other types, as the drafts want it, and hears close frames. Texts come in
 * place, those that are split over reads are gathered until a piece is full; what the length of a frame
 * tells elsewhere is known here by its end alone, so that the byte behind a full piece is waited for.
 * Where the drafts replace what is no UTF-8, it fails the connection, as it does in every version.
 */
export class HixieReader implements FrameReader {
  readonly isBinary = false;
  readonly isFinal = true;
  readonly reservedBits = 0;
  isFirstPiece = false;
  /** 1 until the end of the frame has come, as how long it is can't be known before. */
  remaining = 0;

  readonly #pieceSize: number;
  readonly #limits: FrameLimits;
  readonly #handler: FrameHandler;
  readonly #pace: ParserPace | undefined;
  readonly #hasCloseFrame: boolean;
  #running = false;
  #failed = false;
  #state = TYPE;
  #type = TEXT_TYPE;
  /** Bytes of the frame that came, its end not counted; while its length is read, that length. */
  #count = 0;
  #utf8 = UTF8_ACCEPT;
  #assembly: Uint8Array<ArrayBuffer> | undefined;
  #assembled = 0;
  #began: Progress = SAME;

  constructor(options: FrameParserOptions, hasCloseFrame: boolean) {
    this.#pieceSize = options.pieceSize;
    this.#limits = options.limits;
    this.#handler = options.handler;
    this.#pace = options.pace;
    this.#hasCloseFrame = hasCloseFrame;
  }

  stop(): void {
    this.#running = false;
  }

  release(): void {
    if (this.#assembly === undefined) return;
    freeBuffer(this.#assembly);
    this.#assembly = undefined;
  }

  get held(): number {
    return this.#assembly?.length ?? 0;
  }

  takeProgress(): Progress {
    if (this.#state === TYPE) return NONE;
    const began = this.#began;
    this.#began = SAME;
    return began;
  }

  parse(bytes: Uint8Array): number {
    if (this.#failed) return bytes.length;
    this.#running = true;
    const pace = this.#pace;
    const end = bytes.length;
    let position = 0;
    while (this.#running && position < end) {
      position = this.#take(bytes, position, end);
      if (pace !== undefined && !pace.mayGoOn()) break;
    }
    if (this.#state !== TEXT) this.release();
    return this.#failed ? end : position;
  }

  #take(bytes: Uint8Array, position: number, end: number): number {
    switch (this.#state) {
      case TEXT:
        return this.#takeText(bytes, position, end);
      case UNKNOWN:
        return this.#dropUnknown(bytes, position, end);
      case LENGTH:
        return this.#takeLength(bytes, position, end);
      case SIZED:
        return this.#dropSized(position, end);
      default:
        this.#began = position === 0 ? BEGUN_IN_FRONT : BEGUN;
        this.#begin(bytes[position]!);
        return position + 1;
    }
  }

  #begin(type: number): void {
    this.#type = type;
    this.#count = 0;
    this.remaining = 1;
    this.isFirstPiece = type === TEXT_TYPE;
    if (type >= HIGH_BIT) this.#state = LENGTH;
    else this.#state = type === TEXT_TYPE ? TEXT : UNKNOWN;
  }

  /** Looks at no more than what could be a piece and the byte behind it, however much there is. */
  #takeText(bytes: Uint8Array, position: number, end: number): number {
    const room = this.#pieceSize - this.#assembled;
    const ahead = bytes.subarray(position, Math.min(end, position + room + 1));
    const mark = ahead.indexOf(MARK);
    const isLast = mark >= 0;
    const isFull = !isLast && ahead.length > room;
    const count = isLast ? mark : Math.min(ahead.length, room);

    const allowed = Math.min(count, this.#limits.maxFramePayload - this.#count);
    this.#utf8 = checkUtf8(bytes, position, position + allowed, this.#utf8);
    if (this.#utf8 === UTF8_REJECT) return this.#fail("notUtf8", end);
    this.#count += count;
    const least = isFull ? this.#count + 1 : this.#count;
    if (least > this.#limits.maxFramePayload) return this.#fail("frameTooBig", end);
    if (isLast) {
      if (this.#utf8 !== UTF8_ACCEPT) return this.#fail("cutText", end);
      if (this.#count === 0 && this.#limits.maxEmptyFragments < 1) {
        return this.#fail("tooManyEmptyFragments", end);
      }
    }

    let piece = ahead.subarray(0, count);
    if (this.#assembled > 0 || !(isLast || isFull)) piece = this.#gather(piece);
    if (isLast || isFull) {
      this.#assembled = 0;
      if (isLast) this.#end();
      this.#handler.onData(piece);
      this.isFirstPiece = false;
    }
    return position + count + (isLast ? 1 : 0);
  }

  #dropUnknown(bytes: Uint8Array, position: number, end: number): number {
    const mark = bytes.indexOf(MARK, position);
    const stop = mark < 0 ? end : mark;
    this.#count += stop - position;
    if (this.#count > this.#limits.maxFramePayload) return this.#fail("frameTooBig", end);
    if (mark < 0) return end;
    this.#end();
    return mark + 1;
  }

  #takeLength(bytes: Uint8Array, position: number, end: number): number {
    while (position < end) {
      const byte = bytes[position++]!;
      this.#count = this.#count * 128 + (byte & ~HIGH_BIT);
      if (this.#count > this.#limits.maxFramePayload) return this.#fail("frameTooBig", end);
      if (byte >= HIGH_BIT) continue;
      this.#state = SIZED;
      if (this.#count === 0) {
        this.#end();
        if (this.#type === MARK && this.#hasCloseFrame) {
          this.#handler.onControl(OPCODE_CLOSE, EMPTY);
        }
      }
      break;
    }
    return position;
  }

  #dropSized(position: number, end: number): number {
    const dropped = Math.min(this.#count, end - position);
    this.#count -= dropped;
    if (this.#count === 0) this.#end();
    return position + dropped;
  }

  /** The frame has ended. */
  #end(): void {
    this.#state = TYPE;
    this.remaining = 0;
  }

  /** Puts bytes behind those that are gathered, and returns all of them. */
  #gather(bytes: Uint8Array): Uint8Array {
    const from = this.#assembled;
    const to = from + bytes.length;
    let assembly = this.#assembly;
    if (assembly === undefined || assembly.length < to) {
      let size = assembly === undefined ? FIRST_ASSEMBLY : assembly.length;
      while (size < to) size *= 2;
      const grown = new Uint8Array(Math.min(size, this.#pieceSize));
      if (assembly !== undefined) {
        grown.set(assembly.subarray(0, from));
        freeBuffer(assembly);
      }
      this.#assembly = assembly = grown;
    }
    assembly.set(bytes, from);
    this.#assembled = to;
    return assembly.subarray(0, to);
  }

  #fail(failure: Failure, end: number): number {
    this.#failed = true;
    this.#running = false;
    this.release();
    this.#handler.onFail(failure);
    return end;
  }
}
