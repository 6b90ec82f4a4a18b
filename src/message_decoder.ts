/** Messages that an extension has transformed, as the pieces that they stand for. */

import {
  CLOSE_INTERNAL_ERROR,
  CLOSE_INVALID_PAYLOAD,
  CLOSE_MESSAGE_TOO_BIG,
} from "./core/close.ts";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "./core/utf8.ts";
import { readDecoded, readyFor } from "./decoded_bytes.ts";
import type { FrameFacts } from "./phase.ts";
import { ExtensionFailure, type ExtensionSession } from "./extensions/extension.ts";
import { messageOf } from "./log.ts";

/** Whom the decoder tells. */
export interface DecoderHost {
  /** Whether a piece may be delivered now: receiving is not stopped. */
  readonly canDeliver: boolean;
  /** Whether the connection still wants what comes. */
  readonly isListening: boolean;
  /** A piece, which {@linkcode MessageDecoder} describes; valid during the call only. */
  onDecoded(piece: Uint8Array): void;
  /** The message is broken or too long. */
  onFail(code: number, reason: string): void;
}

interface HeldPiece {
  readonly bytes: Uint8Array;
  readonly remaining: number;
  readonly isFinal: boolean;
  readonly isFirstPiece: boolean;
  readonly isBinary: boolean;
  readonly reservedBits: number;
}

/** The largest piece that is delivered. */
const LARGEST_PIECE = 64 * 1024;

/** Two a call, and calls as deep as programs service other connections from within a callback. */
const MAX_SPARE = 4;

/** What pieces are decoded to, of no call that is under way. */
const spares: Uint8Array[] = [];

function borrow(session: ExtensionSession): Uint8Array {
  const spare = spares.pop();
  return spare === undefined ? new Uint8Array(LARGEST_PIECE) : readyFor(session, spare);
}

function giveBack(buffer: Uint8Array): void {
  if (spares.length < MAX_SPARE) spares.push(buffer);
}

/**
 * Decodes the messages of one connection. While receiving is stopped it holds what the pieces before
 * the stop stand for, `maxMessageSize` at most.
 */
export class MessageDecoder implements FrameFacts {
  remaining = 0;
  isFinal = false;
  isFirstPiece = false;
  isBinary = false;
  reservedBits = 0;

  readonly #extension: ExtensionSession;
  readonly #appliesToAll: boolean;
  readonly #host: DecoderHost;
  readonly #pieceSize: number;
  readonly #maxMessageSize: number;
  #size = 0;
  #utf8 = UTF8_ACCEPT;
  #hasBegun = false;
  #held: HeldPiece[] = [];

  /**
   * @param appliesToAll whether what has no reserved bit is transformed, too
   * @param pieceSize the longest piece, in bytes; more than 64 KiB counts as that
   */
  constructor(
    extension: ExtensionSession,
    appliesToAll: boolean,
    host: DecoderHost,
    pieceSize: number,
    maxMessageSize: number,
  ) {
    this.#extension = extension;
    this.#host = host;
    this.#appliesToAll = appliesToAll;
    this.#pieceSize = Math.min(pieceSize, LARGEST_PIECE);
    this.#maxMessageSize = maxMessageSize;
  }

  /** Whether pieces wait for receiving to go on. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Takes a piece of a frame, of which `frame` tells. */
  take(piece: Uint8Array, frame: FrameFacts): void {
    // Whoever closes wants to hear no more, so that what comes need not be decoded either.
    if (!this.#host.isListening) return;
    if (frame.isFirstPiece) {
      this.#size = 0;
      this.#utf8 = UTF8_ACCEPT;
      this.#hasBegun = false;
    }
    const endsMessage = frame.isFinal && frame.remaining === 0;
    if (frame.reservedBits === 0 && !this.#appliesToAll) {
      return this.#takePlain(piece, frame, endsMessage);
    }
    const isByFrame = this.#extension.unit === "frame";
    try {
      this.#extension.push(piece, isByFrame ? frame.remaining === 0 : endsMessage, frame);
    } catch (error) {
      return this.#host.onFail(CLOSE_INVALID_PAYLOAD, messageOf(error));
    }
    this.#deliver(frame, endsMessage);
  }

  /** Two buffers, as only the piece behind it tells whether a full one is the last. */
  #deliver(frame: FrameFacts, endsMessage: boolean): void {
    let current = borrow(this.#extension);
    let next = borrow(this.#extension);
    try {
      let count = this.#read(current, frame);
      while (count === this.#pieceSize) {
        const following = this.#read(next, frame);
        if (following <= 0) {
          if (following < 0) return;
          break;
        }
        this.#emit(current.subarray(0, count), frame, Math.max(1, frame.remaining));
        [current, next] = [next, current];
        count = following;
      }
      if (count < 0 || (endsMessage && !this.#isWhole(frame))) return;
      if (count > 0 || endsMessage) {
        this.#emit(current.subarray(0, count), frame, frame.remaining);
      }
    } finally {
      giveBack(current);
      giveBack(next);
    }
  }

  /** A frame that was sent as it is, in a message of which others were not. */
  #takePlain(piece: Uint8Array, frame: FrameFacts, endsMessage: boolean): void {
    if (this.#check(piece, piece.length, frame) < 0) return;
    if (endsMessage && !this.#isWhole(frame)) return;
    this.#emit(piece, frame, frame.remaining);
  }

  /** Delivers what is held, up to the next stop. */
  resume(): void {
    while (this.#held.length > 0 && this.#host.canDeliver) {
      const { bytes, ...facts } = this.#held.shift()!;
      Object.assign(this, facts);
      this.#host.onDecoded(bytes);
    }
  }

  /** Decodes as much as fits, and checks it; −1 when it has failed the connection. */
  #read(target: Uint8Array, frame: FrameFacts): number {
    if (!this.#host.isListening) return -1;
    let count: number;
    try {
      count = readDecoded(this.#extension, target.subarray(0, this.#pieceSize));
    } catch (error) {
      if (error instanceof ExtensionFailure) this.#host.onFail(CLOSE_INTERNAL_ERROR, "");
      else this.#host.onFail(CLOSE_INVALID_PAYLOAD, messageOf(error));
      return -1;
    }
    return this.#check(target, count, frame);
  }

  #check(bytes: Uint8Array, count: number, frame: FrameFacts): number {
    this.#size += count;
    if (this.#size > this.#maxMessageSize) {
      this.#host.onFail(CLOSE_MESSAGE_TOO_BIG, "message too big");
      return -1;
    }
    if (frame.isBinary) return count;
    this.#utf8 = checkUtf8(bytes, 0, count, this.#utf8);
    if (this.#utf8 !== UTF8_REJECT) return count;
    this.#host.onFail(CLOSE_INVALID_PAYLOAD, "the text is not UTF-8");
    return -1;
  }

  /** Whether a text that ends here does not end inside a character; if it does, that fails it. */
  #isWhole(frame: FrameFacts): boolean {
    if (frame.isBinary || this.#utf8 === UTF8_ACCEPT) return true;
    this.#host.onFail(CLOSE_INVALID_PAYLOAD, "the text ends inside a character");
    return false;
  }

  #emit(piece: Uint8Array, frame: FrameFacts, remaining: number): void {
    const isFirstPiece = !this.#hasBegun;
    this.#hasBegun = true;
    const { isFinal, isBinary, reservedBits } = frame;
    if (this.isHolding || !this.#host.canDeliver) {
      const bytes = piece.slice();
      this.#held.push({ bytes, remaining, isFinal, isFirstPiece, isBinary, reservedBits });
      return;
    }
    this.remaining = remaining;
    this.isFinal = isFinal;
    this.isFirstPiece = isFirstPiece;
    this.isBinary = isBinary;
    this.reservedBits = reservedBits;
    this.#host.onDecoded(piece);
  }
}
