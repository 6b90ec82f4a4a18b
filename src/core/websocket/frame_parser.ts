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
import { mask } from "./mask.ts";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "./utf8.ts";

/** Bounds on what a peer may send. */
export interface FrameLimits {
  /** Bytes of payload in one frame; more fails the connection with 1009. */
  readonly maxFramePayload: number;
  /** Frames in one message; more fail the connection with 1008. */
  readonly maxFragments: number;
  /** Frames without payload in one message; more fail the connection with 1008. */
  readonly maxEmptyFragments: number;
}

/**
 * What a {@linkcode FrameParser} calls, from inside {@linkcode FrameParser.parse}. Implemented by
 * WebSocketSession; any of these calls may {@linkcode FrameParser.stop} the parser.
 */
export interface FrameHandler {
  /** A piece of a data frame, unmasked; the view is valid during the call only. */
  onData(piece: Uint8Array): void;
  /** A whole control frame; the view is valid during the call only. */
  onControl(opcode: number, payload: Uint8Array): void;
  /** The peer broke the protocol, or a limit; nothing more is parsed. */
  onFail(failure: Failure): void;
}

/** How a parser is set up. */
export interface FrameParserOptions {
  /** Whether the peer must mask: true on a server, false on a client (section 5.1). */
  readonly masked: boolean;
  /** Whether frames that break that rule are taken all the same, for tests. @default {false} */
  readonly acceptsEither?: boolean;
  /** Frames up to this many bytes come in one piece, longer ones in several. */
  readonly pieceSize: number;
  readonly limits: FrameLimits;
  readonly handler: FrameHandler;
  /**
   * The reserved bits, 0 to 7, that extensions have given a meaning to on the first frame of a
   * message (section 9.1). What such a message carries is not the text itself, so that it is not
   * checked here.
   *
   * @default {0}
   */
  readonly reservedBits?: number;
  /** Those of them that stand on every data frame for itself. @default {0} */
  readonly frameBits?: number;
  /**
   * Whether a message without any of them carries its text itself, which is checked here then.
   *
   * @default {true}
   */
  readonly checksText?: boolean;
  /** Asked behind each frame, or piece of one. @default {none, and nothing stops it} */
  readonly pace?: ParserPace;
}

/** How far a parser goes in one call. Implemented by TurnBudget, which shares out the event loop's time. */
export interface ParserPace {
  /** Asked behind each frame, or piece of one; when false, the bytes behind it are left untaken. */
  mayGoOn(): boolean;
}

/** The first room that a piece which is split over reads gets; it grows with what arrives. */
const FIRST_ASSEMBLY = 1024;
/** A view of a buffer up to this size is kept until the next read. */
const LARGEST_KEPT = 4096;
/** Of the last buffer beyond that which any parser was given. */
let lastLarge: DataView | undefined;

/**
 * Parses frames from whatever bytes come, without an object a frame. A frame that lies whole in
 * the bytes is delivered as a view of them; one that is split over reads is gathered until the
 * piece is full. An incomplete header or control frame is left untaken.
 */
export class FrameParser {
  /** Whether the message under way is binary; keeps its value in continuation frames. */
  isBinary = false;
  /** FIN of the current data frame. */
  isFinal = false;
  /** Whether the piece is the first one of its message. */
  isFirstPiece = false;
  /**
   * RSV1 to RSV3 of the current message's first frame, but `frameBits` of the current data frame, as
   * a number from 0 to 7.
   */
  reservedBits = 0;
  /** Payload bytes of the current data frame which come after this piece. */
  remaining = 0;

  /** Whether the frame under way is masked, and the next one is thought to be. */
  #masked: boolean;
  readonly #acceptsEither: boolean;
  readonly #pieceSize: number;
  readonly #limits: FrameLimits;
  readonly #handler: FrameHandler;
  /** {@linkcode FrameParserOptions.reservedBits} where a header has them. */
  readonly #extensionBits: number;
  /** {@linkcode FrameParserOptions.frameBits} where a header has them. */
  readonly #frameBits: number;
  readonly #checksText: boolean;
  /** Up to this length a frame may be plain in every way. */
  readonly #plainSize: number;
  readonly #pace: ParserPace | undefined;

  #running = false;
  #failed = false;
  #inMessage = false;
  #inPayload = false;
  #isText = false;
  #utf8 = UTF8_ACCEPT;
  #fragments = 0;
  #emptyFragments = 0;
  #key = 0;
  /** Payload bytes of the current frame that were delivered. */
  #delivered = 0;
  #assembly: Uint8Array<ArrayBuffer> | undefined;
  #assembled = 0;
  #view: DataView | undefined;

  constructor(options: FrameParserOptions) {
    this.#masked = options.masked;
    this.#acceptsEither = options.acceptsEither ?? false;
    this.#pieceSize = options.pieceSize;
    this.#limits = options.limits;
    this.#handler = options.handler;
    this.#extensionBits = (options.reservedBits ?? 0) << 4;
    this.#frameBits = (options.frameBits ?? 0) << 4;
    this.#checksText = options.checksText ?? true;
    this.#plainSize = this.#checksText ? options.pieceSize : 0;
    this.#pace = options.pace;
  }

  /** Ends {@linkcode parse} after the callback that is running. */
  stop(): void {
    this.#running = false;
  }

  /** Frees the buffer of a piece that is split over reads; inside a piece it must be the end. */
  release(): void {
    if (this.#assembly === undefined) return;
    freeBuffer(this.#assembly);
    this.#assembly = undefined;
  }

  /**
   * Parses `bytes` in place (masked payloads are unmasked there) and returns how many were taken.
   * The rest has to come again, in front of what follows.
   */
  parse(bytes: Uint8Array): number {
    if (this.#failed) return bytes.length;
    this.#running = true;
    const view = this.#viewOf(bytes);
    const end = bytes.length;
    const pace = this.#pace;
    let position = 0;
    while (this.#running) {
      if (this.#inPayload) {
        if (position === end) break;
        position = this.#takePayload(bytes, view, position, end);
      } else {
        const after = this.#takePlain(bytes, view, position, end);
        const next = after !== position ? after : this.#takeHeader(bytes, view, position, end);
        if (next < 0) break;
        position = next;
      }
      // Here and not in a callback, where it would keep the engine from inlining the program's.
      if (pace !== undefined && !pace.mayGoOn()) break;
    }
    // In a stream of long frames a read mostly ends inside one, so that the buffer serves them all.
    if (!this.#inPayload) this.release();
    return this.#failed ? end : position;
  }

  /**
   * Takes a data frame that is plain in every way: a whole message with a short header, all there, in
   * one piece. Most frames are, so this straight line saves a quarter of the time of a small echo
   * (`bench/echo_bench.ts`). It leaves every other frame, faulty ones included, to `#takeHeader`, and
   * returns the position after what was taken.
   */
  #takePlain(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    if (end - position < 2 || this.#inMessage) return position;
    const first = bytes[position]!;
    const isText = first === (FIN | OPCODE_TEXT);
    if (!isText && first !== (FIN | OPCODE_BINARY)) return position;
    const length = bytes[position + 1]! ^ (this.#masked ? MASK : 0);
    const payload = position + (this.#masked ? 6 : 2);
    const payloadEnd = payload + length;
    if (length === 0 || length >= LENGTH_16 || payloadEnd > end) return position;
    if (length > this.#plainSize || length > this.#limits.maxFramePayload) return position;

    if (this.#masked) mask(bytes, view, payload, payloadEnd, view.getUint32(payload - 4, true), 0);
    this.#isText = isText;
    this.#utf8 = UTF8_ACCEPT;
    if (isText && !this.#checkText(bytes, payload, payloadEnd)) return end;
    if (this.#utf8 !== UTF8_ACCEPT) {
      this.#failCutText();
      return end;
    }
    this.isBinary = !isText;
    this.isFinal = true;
    this.isFirstPiece = true;
    this.reservedBits = 0;
    this.remaining = 0;
    this.#handler.onData(new Uint8Array(bytes.buffer, bytes.byteOffset + payload, length));
    this.isFirstPiece = false;
    return payloadEnd;
  }

  /**
   * A view of the same bytes. Making one costs as much as a small message, and reads mostly land at
   * the front of the buffer of the read before, so it is kept; but an idle connection should not hold
   * a large buffer by it. One is kept for all, as some networks read into one buffer for all.
   */
  #viewOf(bytes: Uint8Array): DataView {
    const { buffer, byteOffset } = bytes;
    if (byteOffset !== 0) return new DataView(buffer, byteOffset, bytes.length);
    if (this.#view?.buffer === buffer) return this.#view;
    if (lastLarge?.buffer === buffer) return lastLarge;
    const view = new DataView(buffer);
    if (buffer.byteLength <= LARGEST_KEPT) this.#view = view;
    else {
      this.#view = undefined;
      lastLarge = view;
    }
    return view;
  }

  /** Section 5.2. Returns the position after what was taken, or −1 when more bytes are needed. */
  #takeHeader(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    if (end - position < 2) return -1;
    const first = bytes[position]!;
    const second = bytes[position + 1]!;
    const opcode = first & OPCODE_BITS;
    const isControl = (opcode & CONTROL_BIT) !== 0;

    if ((first & RESERVED_BITS) !== 0) {
      const ofMessage = opcode === OPCODE_CONTINUATION ? this.#frameBits : this.#extensionBits;
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
      if ((opcode === OPCODE_CONTINUATION) !== this.#inMessage) {
        return this.#fail(this.#inMessage ? "nestedMessage" : "nothingToContinue");
      }
    }
    if (((second & MASK) !== 0) !== this.#masked) {
      if (!this.#acceptsEither) {
        return this.#fail(this.#masked ? "notMasked" : "masked");
      }
      // What is plain in every other way comes here too, once for each change.
      this.#masked = !this.#masked;
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
    if (length > this.#limits.maxFramePayload) {
      return this.#fail("frameTooBig");
    }
    let key = 0;
    if (this.#masked) {
      if (end - payload < 4) return -1;
      key = view.getUint32(payload, true);
      payload += 4;
    }
    if (isControl) {
      const payloadEnd = payload + length;
      if (end < payloadEnd) return -1;
      if (this.#masked) mask(bytes, view, payload, payloadEnd, key, 0);
      this.#handler.onControl(opcode, bytes.subarray(payload, payloadEnd));
      return payloadEnd;
    }
    return this.#beginFrame(first, opcode, length, key) ? payload : -1;
  }

  #beginFrame(first: number, opcode: number, length: number, key: number): boolean {
    const begins = opcode !== OPCODE_CONTINUATION;
    const bits = (first & RESERVED_BITS) >>> 4;
    if (!begins) this.reservedBits = this.reservedBits & ~(this.#frameBits >>> 4) | bits;
    else {
      this.reservedBits = bits;
      this.#isText = opcode === OPCODE_TEXT && bits === 0 && this.#checksText;
      this.isBinary = opcode === OPCODE_BINARY;
      this.isFirstPiece = true;
      this.#inMessage = true;
      this.#fragments = 0;
      this.#emptyFragments = 0;
      this.#utf8 = UTF8_ACCEPT;
    }
    if (++this.#fragments > this.#limits.maxFragments) {
      this.#fail("tooManyFragments");
      return false;
    }
    if (length === 0 && ++this.#emptyFragments > this.#limits.maxEmptyFragments) {
      this.#fail("tooManyEmptyFragments");
      return false;
    }
    this.isFinal = (first & FIN) !== 0;
    this.remaining = length;
    this.#key = key;
    this.#delivered = 0;
    if (length === 0) this.#deliver(EMPTY);
    else this.#inPayload = true;
    return true;
  }

  /** Takes payload bytes of the current frame and returns the position after them. */
  #takePayload(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    const wanted = Math.min(this.remaining, this.#pieceSize);
    if (this.#assembled === 0 && end - position >= wanted) {
      const pieceEnd = position + wanted;
      if (this.#masked) mask(bytes, view, position, pieceEnd, this.#key, this.#delivered & 3);
      if (this.#isText && !this.#checkText(bytes, position, pieceEnd)) return end;
      this.#deliver(bytes.subarray(position, pieceEnd));
      return pieceEnd;
    }

    const taken = Math.min(end - position, wanted - this.#assembled);
    const assembly = this.#assemblyFor(this.#assembled + taken, wanted);
    const from = this.#assembled;
    const to = from + taken;
    assembly.set(bytes.subarray(position, position + taken), from);
    this.#assembled = to;
    if (this.#masked) {
      const assemblyView = new DataView(assembly.buffer);
      mask(assembly, assemblyView, from, to, this.#key, (this.#delivered + from) & 3);
    }
    if (this.#isText && !this.#checkText(assembly, from, to)) return end;
    if (to === wanted) {
      this.#assembled = 0;
      this.#deliver(assembly.subarray(0, wanted));
    }
    return position + taken;
  }

  #deliver(piece: Uint8Array): void {
    this.#delivered += piece.length;
    this.remaining -= piece.length;
    if (this.remaining === 0) {
      this.#inPayload = false;
      if (this.isFinal) {
        this.#inMessage = false;
        if (this.#isText && this.#utf8 !== UTF8_ACCEPT) {
          this.#failCutText();
          return;
        }
      }
    }
    this.#handler.onData(piece);
    this.isFirstPiece = false;
  }

  /** Section 8.1. */
  #checkText(bytes: Uint8Array, start: number, end: number): boolean {
    this.#utf8 = checkUtf8(bytes, start, end, this.#utf8);
    if (this.#utf8 !== UTF8_REJECT) return true;
    this.#fail("notUtf8");
    return false;
  }

  #failCutText(): void {
    this.#fail("cutText");
  }

  /** A buffer that holds `length` bytes, grown by what arrived and not by what was announced. */
  #assemblyFor(length: number, wanted: number): Uint8Array {
    const old = this.#assembly;
    if (old !== undefined && old.length >= length) return old;
    let size = old === undefined ? FIRST_ASSEMBLY : old.length;
    while (size < length) size *= 2;
    const grown = new Uint8Array(Math.min(size, wanted));
    if (old !== undefined) {
      grown.set(old.subarray(0, this.#assembled));
      freeBuffer(old);
    }
    this.#assembly = grown;
    return grown;
  }

  #fail(failure: Failure): -1 {
    this.#failed = true;
    this.#running = false;
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
  readonly remaining: number;
  readonly isFinal: boolean;
  readonly isFirstPiece: boolean;
  readonly isBinary: boolean;
  readonly reservedBits: number;
}
