/** The reading half of drafts 04 to 06: their frames as those of RFC 6455, for the parser of these. */

import type { Failure } from "../close.ts";
import {
  CONTROL_BIT,
  LENGTH_16,
  LENGTH_64,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  writeHeader,
} from "../frame.ts";
import { type FrameHandler, FrameParser, type FrameParserOptions } from "../frame_parser.ts";
import { FrameRules, type ParserPace } from "../frame_rules.ts";
import { BEGUN, BEGUN_IN_FRONT, NONE, type Progress, SAME } from "../message_in_hand.ts";
import type { FrameReader } from "./codec.ts";
import { type FrameKeys, maskFrame, NO_KEY, NONCE_LENGTH } from "./draft_mask.ts";

/** RSV4, beside the length. */
const RSV4 = 0x80;
/** Two bytes and a 63-bit length. */
const LONGEST_HEADER = 10;

/** What RFC 6455 calls an opcode of the drafts ("Base Framing Protocol"). */
const OPCODES = [
  OPCODE_CONTINUATION,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  OPCODE_BINARY,
] as const;
/** In both without a meaning. */
const UNKNOWN_OPCODE = 0x3;

/** A header in hand. Used up before anything else is called that could want one. */
const header = new Uint8Array(LONGEST_HEADER);

/**
 * Unmasks frame by frame, and hands the parser what it would have got over RFC 6455: headers of their
 * own, control frames whole, and payloads in place, cut where its pieces end, so that it takes all that it
 * is handed. Text, limits, pieces and what is known of them are the parser's.
 */
export class DraftReader implements FrameReader, FrameHandler {
  readonly #parser: FrameParser;
  readonly #handler: FrameHandler;
  readonly #pieceSize: number;
  readonly #pace: ParserPace | undefined;
  /** Undefined where the peer does not mask. */
  readonly #keys: FrameKeys | undefined;
  readonly #closePayload: (payload: Uint8Array) => Uint8Array;
  #running = false;
  #failed = false;
  #key: Uint8Array = NO_KEY;
  /** Bytes of the frame's header. */
  #headerLength = 0;
  /** Bytes of the frame's payload that were handed on, and those that are to come. */
  #taken = 0;
  #left = 0;
  /** Of the message under way; the parser sees no positions. */
  #began: Progress = SAME;

  /**
   * @param keys of what clients send
   * @param closePayload what a close frame of RFC 6455 would say in place of this one's payload
   */
  constructor(
    options: FrameParserOptions,
    keys: FrameKeys,
    closePayload: (payload: Uint8Array) => Uint8Array,
  ) {
    // Its headers are never masked; the pace is asked for here, behind whole steps.
    const own = { masked: false, acceptsEither: false, pace: undefined };
    this.#parser = new FrameParser(new FrameRules({ ...options, ...own }), this);
    this.#handler = options.handler;
    this.#pieceSize = options.pieceSize;
    this.#pace = options.pace;
    this.#keys = options.masked ? keys : undefined;
    this.#closePayload = closePayload;
  }

  get isBinary(): boolean {
    return this.#parser.isBinary;
  }

  get isFinal(): boolean {
    return this.#parser.isFinal;
  }

  get isFirstPiece(): boolean {
    return this.#parser.isFirstPiece;
  }

  get reservedBits(): number {
    return this.#parser.reservedBits;
  }

  get remaining(): number {
    return this.#parser.remaining;
  }

  parse(bytes: Uint8Array): number {
    if (this.#failed) return bytes.length;
    this.#running = true;
    const pace = this.#pace;
    let position = 0;
    while (this.#running) {
      const after = this.#left > 0
        ? this.#takePayload(bytes, position)
        : this.#takeFrame(bytes, position);
      if (after < 0) break;
      position = after;
      if (pace !== undefined && !pace.mayGoOn()) break;
    }
    return this.#failed ? bytes.length : position;
  }

  stop(): void {
    this.#running = false;
    this.#parser.stop();
  }

  release(): void {
    this.#parser.release();
  }

  get held(): number {
    return this.#parser.held;
  }

  takeProgress(): Progress {
    if (this.#parser.takeProgress() === NONE) return NONE;
    const began = this.#began;
    this.#began = SAME;
    return began;
  }

  onData(piece: Uint8Array): void {
    this.#handler.onData(piece);
  }

  onControl(opcode: number, payload: Uint8Array): void {
    this.#handler.onControl(opcode, payload);
  }

  onFail(failure: Failure): void {
    this.#failed = true;
    this.#running = false;
    this.#handler.onFail(failure);
  }

  /** Takes a header, or all of a control frame; −1 when more bytes are needed. */
  #takeFrame(bytes: Uint8Array, position: number): number {
    const start = this.#keys === undefined ? position : position + NONCE_LENGTH;
    const available = bytes.length - start;
    if (available < 2) return -1;
    const key = this.#keys?.(bytes.subarray(position, start)) ?? NO_KEY;
    const known = Math.min(available, LONGEST_HEADER);
    header.set(bytes.subarray(start, start + known));
    maskFrame(header, 0, known, key, 0);

    const second = header[1]!;
    if ((second & RSV4) !== 0) return this.#fail("reservedBit");
    const opcode = OPCODES[header[0]! & OPCODE_BITS] ?? UNKNOWN_OPCODE;
    header[0] = header[0]! & ~OPCODE_BITS | opcode;
    const isControl = (opcode & CONTROL_BIT) !== 0;
    const isLong = second > MAX_CONTROL_PAYLOAD;
    const needed = 2 + (isLong ? second === LENGTH_16 ? 2 : 8 : isControl ? second : 0);
    if (needed > 2 && this.#isBroken(header)) return -1;
    if (available < needed) return -1;
    if (!isControl && opcode !== OPCODE_CONTINUATION) {
      this.#began = position === 0 ? BEGUN_IN_FRONT : BEGUN;
    }
    return isControl
      ? this.#takeControl(bytes, start, start + needed, key)
      : this.#beginFrame(start + needed, key);
  }

  /** Whether two bytes of a header, of which the parser takes nothing yet, fail the connection. */
  #isBroken(head: Uint8Array): boolean {
    this.#parser.parse(head.subarray(0, 2));
    return this.#failed;
  }

  #takeControl(bytes: Uint8Array, start: number, end: number, key: Uint8Array): number {
    const frame = bytes.subarray(start, end);
    maskFrame(frame, 2, frame.length, key, 2);
    frame[0] = header[0]!;
    frame[1] = header[1]!;
    if ((frame[0]! & OPCODE_BITS) !== OPCODE_CLOSE) this.#parser.parse(frame);
    else {
      const payload = this.#closePayload(frame.subarray(2));
      const close = new Uint8Array(2 + payload.length);
      close.set([frame[0]!, payload.length]);
      close.set(payload, 2);
      this.#parser.parse(close);
    }
    return end;
  }

  /** Hands on the header of a data frame, whose length the drafts let take more bytes than it needs. */
  #beginFrame(end: number, key: Uint8Array): number {
    let length = header[1]!;
    this.#headerLength = 2;
    if (length === LENGTH_16) {
      length = header[2]! << 8 | header[3]!;
      this.#headerLength = 4;
    } else if (length === LENGTH_64) {
      length = 0;
      for (let i = 2; i < LONGEST_HEADER; i++) length = length * 256 + header[i]!;
      this.#headerLength = LONGEST_HEADER;
    }
    this.#key = key;
    this.#taken = 0;
    this.#left = length;
    // What no number holds exactly is told as it came: it is out of range, or longer than any limit.
    const written = Number.isSafeInteger(length)
      ? writeHeader(header, 0, header[0]!, length, false)
      : this.#headerLength;
    this.#parser.parse(header.subarray(0, written));
    return end;
  }

  #takePayload(bytes: Uint8Array, position: number): number {
    const untilPiece = this.#pieceSize - this.#taken % this.#pieceSize;
    const count = Math.min(bytes.length - position, this.#left, untilPiece);
    if (count === 0) return -1;
    const end = position + count;
    maskFrame(bytes, position, end, this.#key, this.#headerLength + this.#taken);
    this.#taken += count;
    this.#left -= count;
    this.#parser.parse(bytes.subarray(position, end));
    return end;
  }

  #fail(failure: Failure): -1 {
    this.release();
    this.onFail(failure);
    return -1;
  }
}
