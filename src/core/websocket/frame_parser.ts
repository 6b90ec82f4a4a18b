/** The reading half of RFC 6455 section 5: bytes in, pieces of frames out, in place. */

import { freeBuffer } from "../../base/buffers.ts";
import type { Failure } from "./close.ts";
import {
  CONTROL_BIT,
  FIN,
  LENGTH_16,
  LENGTH_64,
  LENGTH_BITS,
  MASK,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CONTINUATION,
  OPCODE_PONG,
  OPCODE_TEXT,
  RESERVED_BITS,
} from "./frame.ts";
import type { FrameRuleOptions, FrameRules } from "./frame_rules.ts";
import { mask } from "./mask.ts";
import {
  BEGUN,
  BEGUN_IN_FRONT,
  MessageInHand,
  NONE,
  type Progress,
  SAME,
} from "./message_in_hand.ts";
import { pieceOf, sharedViewOf } from "./shared_views.ts";
import { offerToKeep, wasKept } from "../../base/spare_piece.ts";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "./utf8.ts";

/**
 * What a {@linkcode FrameParser} calls, from inside {@linkcode FrameParser.parse}. Any of these calls may {@linkcode FrameParser.stop} the parser.
 */
export interface FrameHandler {
  /** A piece of a data frame, unmasked; the view is valid during the call only. */
  onData(piece: Uint8Array): void;
  /** A whole control frame; the view is valid during the call only. */
  onControl(opcode: number, payload: Uint8Array): void;
  /** The peer broke the protocol, or a limit; nothing more is parsed. */
  onFail(failure: Failure): void;
}

/** What a reader of frames is set up with, of whatever version they are. */
export interface FrameParserOptions extends FrameRuleOptions {
  readonly handler: FrameHandler;
}

/** A view of a buffer up to this size is kept by its connection until the next read. */
const LARGEST_KEPT = 4096;

/** What is known of the frame in hand, in one number; above these are the reserved bits. */
const BINARY = 1;
const FINAL = 2;
const FIRST_PIECE = 4;
const RESERVED_SHIFT = 3;

const GOES_ON = 0;
const STOPS = 1;
const FAILED = 2;

/** One that is used again, as most are read in one go. */
let spare: MessageInHand | undefined;

/**
 * Parses frames from whatever bytes come, without an object a frame. A frame that lies whole in
 * the bytes is delivered as a view of them; one that is split over reads is gathered until the
 * piece is full. An incomplete header or control frame is left untaken.
 *
 * An idle connection keeps one: what differs between them alone is in it, in few fields.
 */
export class FrameParser implements FrameFacts {
  /** Of the two that a parser may have which takes either, those of the peer's last frame. */
  #rules: FrameRules;
  readonly #handler: FrameHandler;
  #pass: typeof GOES_ON | typeof STOPS | typeof FAILED = STOPS;
  #facts = 0;
  #inHand: MessageInHand | undefined;
  #view: DataView | undefined;

  /** A parser for one connection. */
  constructor(rules: FrameRules, handler: FrameHandler) {
    this.#rules = rules;
    this.#handler = handler;
  }

  /** Whether the message under way is binary; keeps its value in continuation frames. */
  get isBinary(): boolean {
    return (this.#facts & BINARY) !== 0;
  }

  /** FIN of the current data frame. */
  get isFinal(): boolean {
    return (this.#facts & FINAL) !== 0;
  }

  /** Whether the piece is the first one of its message. */
  get isFirstPiece(): boolean {
    return (this.#facts & FIRST_PIECE) !== 0;
  }

  /**
   * RSV1 to RSV3 of the current message's first frame, but `frameBits` of the current data frame, as
   * a number from 0 to 7.
   */
  get reservedBits(): number {
    return this.#facts >> RESERVED_SHIFT;
  }

  /** Payload bytes of the current data frame which come after this piece. */
  get remaining(): number {
    return this.#inHand === undefined ? 0 : this.#inHand.remaining;
  }

  /** Bytes of the buffer of a piece that is split over reads. */
  get held(): number {
    return this.#inHand?.assembly?.length ?? 0;
  }

  /**
   * Whether a message is under way, and whether that has begun since the last call.
   *
   * @ignore
   */
  takeProgress(): Progress {
    const message = this.#inHand;
    if (message === undefined || !message.isOpen) return NONE;
    const { began } = message;
    message.began = SAME;
    return began;
  }

  /** Ends {@linkcode parse} after the callback that is running. */
  stop(): void {
    if (this.#pass === GOES_ON) this.#pass = STOPS;
  }

  /** Frees the buffer of a piece that is split over reads; inside a piece it must be the end. */
  release(): void {
    const message = this.#inHand;
    if (message === undefined || message.assembly === undefined) return;
    freeBuffer(message.assembly);
    message.assembly = undefined;
  }

  /**
   * Parses `bytes` in place (masked payloads are unmasked there) and returns how many were taken.
   * The rest has to come again, in front of what follows.
   */
  parse(bytes: Uint8Array): number {
    if (this.#pass === FAILED) return bytes.length;
    this.#pass = GOES_ON;
    const view = this.#viewOf(bytes);
    const end = bytes.length;
    const { pace } = this.#rules;
    let position = 0;
    while (this.#pass === GOES_ON) {
      const message = this.#inHand;
      if (message !== undefined && message.inPayload) {
        if (position === end) break;
        position = this.#takePayload(message, bytes, view, position, end);
      } else {
        const after = this.#takePlain(bytes, view, position, end);
        const next = after !== position ? after : this.#takeHeader(bytes, view, position, end);
        if (next < 0) break;
        position = next;
      }
      // Here and not in a callback, where it would keep the engine from inlining the program's.
      if (pace !== undefined && !pace.mayGoOn()) break;
    }
    if (this.#inHand !== undefined) this.#putAway(this.#inHand);
    return this.#hasFailed ? end : position;
  }

  /** Read anew, as any callback may have changed it. */
  get #hasFailed(): boolean {
    return this.#pass === FAILED;
  }

  /** Keeps of a message what the next read needs. */
  #putAway(message: MessageInHand): void {
    // In a stream of long frames a read mostly ends inside one, so that the buffer serves them all.
    if (message.inPayload) return;
    this.release();
    if (message.isOpen) return;
    this.#inHand = undefined;
    spare = message;
  }

  /**
   * Takes a data frame that is plain in every way: a whole message with a short header, all there, in
   * one piece. Most frames are, so this straight line saves a quarter of the time of a small echo
   * (`bench/echo_bench.ts`). It leaves every other frame, faulty ones included, to `#takeHeader`, and
   * returns the position after what was taken.
   */
  #takePlain(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    const message = this.#inHand;
    if (end - position < 2 || (message !== undefined && message.isOpen)) return position;
    const { masked, plainSize } = this.#rules;
    const first = bytes[position]!;
    const isText = first === (FIN | OPCODE_TEXT);
    if (!isText && first !== (FIN | OPCODE_BINARY)) return position;
    const length = bytes[position + 1]! ^ (masked ? MASK : 0);
    const payload = position + (masked ? 6 : 2);
    const payloadEnd = payload + length;
    if (length === 0 || length > plainSize || payloadEnd > end) return position;

    if (masked) mask(bytes, view, payload, payloadEnd, view.getUint32(payload - 4, true), 0);
    if (isText) {
      const utf8 = checkUtf8(bytes, payload, payloadEnd, UTF8_ACCEPT);
      if (utf8 !== UTF8_ACCEPT) return this.#failText(utf8, end);
    }
    const facts = isText ? FINAL : FINAL | BINARY;
    this.#facts = facts | FIRST_PIECE;
    this.#handler.onData(pieceOf(bytes, view, payload, length));
    this.#facts = facts;
    return payloadEnd;
  }

  /**
   * A view of the same bytes. Making one costs as much as a small message, and reads mostly land at
   * the front of the buffer of the read before, so it is kept; but no idle connection should hold a
   * large buffer by it, which is another one's next.
   */
  #viewOf(bytes: Uint8Array): DataView {
    const { buffer, byteOffset } = bytes;
    if (byteOffset !== 0) return new DataView(buffer, byteOffset, bytes.length);
    if (this.#view?.buffer === buffer) return this.#view;
    this.#view = undefined;
    if (buffer.byteLength > LARGEST_KEPT) return sharedViewOf(buffer);
    return this.#view = new DataView(buffer);
  }

  /** Section 5.2. Returns the position after what was taken, or −1 when more bytes are needed. */
  #takeHeader(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    if (end - position < 2) return -1;
    let rules = this.#rules;
    const first = bytes[position]!;
    const second = bytes[position + 1]!;
    const opcode = first & OPCODE_BITS;
    const isControl = (opcode & CONTROL_BIT) !== 0;

    if ((first & RESERVED_BITS) !== 0) {
      const ofMessage = opcode === OPCODE_CONTINUATION ? rules.frameBits : rules.extensionBits;
      const allowed = isControl ? 0 : ofMessage;
      if ((first & RESERVED_BITS & ~allowed) !== 0) {
        return this.#fail("reservedBit");
      }
    }
    if (isControl) {
      if (opcode > OPCODE_PONG) return this.#fail("unknownOpcode");
      if ((first & FIN) === 0) return this.#fail("fragmentedControl");
    } else {
      if (opcode > OPCODE_BINARY) return this.#fail("unknownOpcode");
      const inMessage = this.#inHand !== undefined && this.#inHand.isOpen;
      if ((opcode === OPCODE_CONTINUATION) !== inMessage) {
        return this.#fail(inMessage ? "nestedMessage" : "nothingToContinue");
      }
    }
    if (((second & MASK) !== 0) !== rules.masked) {
      if (rules.others === undefined) return this.#fail(rules.masked ? "notMasked" : "masked");
      // What is plain in every other way comes here too, once for each change.
      this.#rules = rules = rules.others;
    }

    let length = second & LENGTH_BITS;
    if (isControl && length > MAX_CONTROL_PAYLOAD) {
      return this.#fail("longControl");
    }
    let payload = position + 2;
    if (length === LENGTH_16) {
      if (end - position < 4) return -1;
      length = view.getUint16(payload);
      if (length < LENGTH_16) return this.#fail("lengthNotMinimal");
      payload += 2;
    } else if (length === LENGTH_64) {
      if (end - position < 10) return -1;
      const high = view.getUint32(payload);
      if (high > 0x7fff_ffff) return this.#fail("lengthOutOfRange");
      length = high * 0x1_0000_0000 + view.getUint32(payload + 4);
      if (length <= 0xffff) return this.#fail("lengthNotMinimal");
      payload += 8;
    }
    if (length > rules.limits.maxFramePayload) {
      return this.#fail("frameTooBig");
    }
    let key = 0;
    if (rules.masked) {
      if (end - payload < 4) return -1;
      key = view.getUint32(payload, true);
      payload += 4;
    }
    if (isControl) {
      const payloadEnd = payload + length;
      if (end < payloadEnd) return -1;
      if (rules.masked) mask(bytes, view, payload, payloadEnd, key, 0);
      this.#handler.onControl(opcode, bytes.subarray(payload, payloadEnd));
      return payloadEnd;
    }
    const began = position === 0 ? BEGUN_IN_FRONT : BEGUN;
    return this.#beginFrame(first, opcode, length, key, began) ? payload : -1;
  }

  #beginFrame(
    first: number,
    opcode: number,
    length: number,
    key: number,
    began: Progress,
  ): boolean {
    const { limits, frameBits, checksText } = this.#rules;
    const message = this.#inHand ??= spare ?? new MessageInHand();
    spare = undefined;
    const bits = (first & RESERVED_BITS) >>> 4;
    let facts = (first & FIN) === 0 ? 0 : FINAL;
    if (opcode === OPCODE_CONTINUATION) {
      const kept = this.reservedBits & ~(frameBits >>> 4);
      facts |= this.#facts & BINARY | (kept | bits) << RESERVED_SHIFT;
    } else {
      message.isText = opcode === OPCODE_TEXT && bits === 0 && checksText;
      message.isOpen = true;
      message.began = began;
      message.fragments = message.emptyFragments = 0;
      message.utf8 = UTF8_ACCEPT;
      facts |= FIRST_PIECE | bits << RESERVED_SHIFT;
      if (opcode === OPCODE_BINARY) facts |= BINARY;
    }
    this.#facts = facts;
    if (++message.fragments > limits.maxFragments) {
      this.#fail("tooManyFragments");
      return false;
    }
    if (length === 0 && ++message.emptyFragments > limits.maxEmptyFragments) {
      this.#fail("tooManyEmptyFragments");
      return false;
    }
    message.remaining = length;
    message.key = key;
    message.delivered = 0;
    if (length === 0) this.#deliver(message, EMPTY);
    else message.inPayload = true;
    return true;
  }

  /** Takes payload bytes of the current frame and returns the position after them. */
  #takePayload(
    message: MessageInHand,
    bytes: Uint8Array,
    view: DataView,
    position: number,
    end: number,
  ): number {
    const { masked, pieceSize } = this.#rules;
    const wanted = Math.min(message.remaining, pieceSize);
    const from = message.assembled;
    if (from === 0 && end - position >= wanted) {
      const pieceEnd = position + wanted;
      if (masked) mask(bytes, view, position, pieceEnd, message.key, message.delivered & 3);
      if (message.isText && !this.#checkText(message, bytes, position, pieceEnd)) return end;
      this.#deliver(message, bytes.subarray(position, pieceEnd));
      return pieceEnd;
    }

    const taken = Math.min(end - position, wanted - from);
    const to = from + taken;
    const assembly = message.assemblyFor(to, wanted);
    assembly.set(bytes.subarray(position, position + taken), from);
    message.assembled = to;
    if (masked) {
      const assemblyView = new DataView(assembly.buffer);
      mask(assembly, assemblyView, from, to, message.key, (message.delivered + from) & 3);
    }
    if (message.isText && !this.#checkText(message, assembly, from, to)) return end;
    if (to === wanted) {
      message.assembled = 0;
      this.#deliverAssembled(message, assembly, wanted);
    }
    return position + taken;
  }

  #deliverAssembled(
    message: MessageInHand,
    assembly: Uint8Array<ArrayBuffer>,
    length: number,
  ): void {
    if (assembly.length !== length) return this.#deliver(message, assembly.subarray(0, length));
    // An end in the middle of it must not free what was kept.
    message.assembly = undefined;
    offerToKeep(assembly);
    this.#deliver(message, assembly);
    if (!wasKept(assembly)) message.assembly = assembly;
  }

  #deliver(message: MessageInHand, piece: Uint8Array): void {
    message.delivered += piece.length;
    message.remaining -= piece.length;
    if (message.remaining === 0) {
      message.inPayload = false;
      if (this.isFinal) {
        message.isOpen = false;
        if (message.isText && message.utf8 !== UTF8_ACCEPT) {
          this.#fail("cutText");
          return;
        }
      }
    }
    this.#handler.onData(piece);
    this.#facts &= ~FIRST_PIECE;
  }

  /** Section 8.1. */
  #checkText(message: MessageInHand, bytes: Uint8Array, start: number, end: number): boolean {
    message.utf8 = checkUtf8(bytes, start, end, message.utf8);
    if (message.utf8 !== UTF8_REJECT) return true;
    this.#fail("notUtf8");
    return false;
  }

  /** As {@linkcode #takePlain} found a text that is none; returns `end`. */
  #failText(utf8: number, end: number): number {
    this.#fail(utf8 === UTF8_REJECT ? "notUtf8" : "cutText");
    return end;
  }

  #fail(failure: Failure): -1 {
    this.#pass = FAILED;
    this.release();
    this.#handler.onFail(failure);
    return -1;
  }
}

const EMPTY = new Uint8Array(0);

/**
 * What is known of the frame in hand. Implemented by FrameParser, and by MessageDecoder for messages that
 * an extension transforms; read by the session while a piece is delivered.
 */
export interface FrameFacts {
  /** Payload bytes of the frame which come after this piece. */
  readonly remaining: number;
  /** Whether the frame is its message's last. */
  readonly isFinal: boolean;
  /** Whether the piece is its message's first. */
  readonly isFirstPiece: boolean;
  /** Whether the message is binary. */
  readonly isBinary: boolean;
  /** RSV1 to RSV3 as a number from 0 to 7. */
  readonly reservedBits: number;
}
