/** Messages that an extension has transformed, as the pieces that they stand for. */

import { ExtensionFailure, type ExtensionSession } from "../api/extension.ts";
import { messageOf } from "../base/log.ts";
import type { Failure } from "../core/websocket/close.ts";
import type { FrameFacts } from "../core/websocket/frame_parser.ts";
import { checkUtf8, UTF8_ACCEPT, UTF8_REJECT } from "../core/websocket/utf8.ts";
import { readDecoded, readyFor } from "./decoded_bytes.ts";
import { InflatedTooLong, InflatesTooMuch } from "./zlib_codec.ts";

/** What a {@linkcode MessageDecoder} hands its bytes to. Implemented by ExtendedInput. */
export interface DecodedMessageHandler {
  /** Whether the next piece may come: receiving is not stopped, nor the time of the turn used up. */
  readonly mayGoOn: boolean;
  /** Whether the program is still handed what comes: false once the connection closes. */
  readonly isListening: boolean;
  /** A piece, which {@linkcode MessageDecoder} describes; valid during the call only. */
  onDecoded(piece: Uint8Array): void;
  /** It has taken its time, and more of the message is there: whether to go on with that. */
  pieceDone(): boolean;
  /** The message is broken or too long; `detail` says more than the failure's own reason. */
  onFail(failure: Failure, detail?: string): void;
}

/** Where it was stopped. */
interface Stop {
  /** The frame in hand, the same until decoding goes on. */
  readonly frame: FrameFacts;
  readonly endsMessage: boolean;
  /** What comes next, as it was decoded to see that something does. */
  readonly ahead: Uint8Array;
}

/** The largest piece that is delivered. */
const LARGEST_PIECE = 64 * 1024;

/** Two a call of `#deliver`, which may nest: a callback can service other connections. */
const MAX_SPARE = 4;

/** Buffers to decode to, none of them in use by a call that is under way. */
const spares: Uint8Array[] = [];

/**
 * Decodes the messages of one connection. It stops between any two pieces, and holds the next one and
 * what is left of the input then, but nothing that would have to be decoded for it.
 */
export class MessageDecoder implements FrameFacts {
  remaining = 0;
  isFinal = false;
  isFirstPiece = false;
  isBinary = false;
  reservedBits = 0;

  readonly #extension: ExtensionSession;
  readonly #appliesToAll: boolean;
  readonly #handler: DecodedMessageHandler;
  readonly #pieceSize: number;
  readonly #maxMessageSize: number;
  #size = 0;
  #utf8 = UTF8_ACCEPT;
  #hasBegun = false;
  #stop: Stop | undefined;

  /**
   * @param appliesToAll whether what has no reserved bit is transformed, too
   * @param pieceSize the longest piece, in bytes; more than 64 KiB counts as that
   */
  constructor(
    extension: ExtensionSession,
    appliesToAll: boolean,
    handler: DecodedMessageHandler,
    pieceSize: number,
    maxMessageSize: number,
  ) {
    this.#extension = extension;
    this.#handler = handler;
    this.#appliesToAll = appliesToAll;
    this.#pieceSize = Math.min(pieceSize, LARGEST_PIECE);
    this.#maxMessageSize = maxMessageSize;
  }

  /** Whether it was stopped in the middle of what it took, and takes nothing before that is done. */
  get isStopped(): boolean {
    return this.#stop !== undefined;
  }

  /** Bytes that it holds, of what has come and of what that stands for. */
  get held(): number {
    return (this.#stop?.ahead.length ?? 0) + (this.#extension.held ?? 0);
  }

  /**
   * Takes a piece of a frame, of which `frame` tells: the same until all of it is decoded, which may be
   * behind a stop.
   */
  take(piece: Uint8Array, frame: FrameFacts): void {
    // The connection closes, so that what comes is dropped without decoding it.
    if (!this.#handler.isListening) return;
    if (frame.isFirstPiece) {
      this.#size = 0;
      this.#utf8 = UTF8_ACCEPT;
      this.#hasBegun = false;
    }
    const endsMessage = frame.isFinal && frame.remaining === 0;
    if (frame.reservedBits === 0 && !this.#appliesToAll) {
      return this.#takePlain(piece, frame, endsMessage);
    }
    const extension = this.#extension;
    const isByFrame = extension.unit === "frame";
    try {
      // Only lent: an extension without `keep` could not copy it at a stop.
      const pushed = extension.keep === undefined ? piece.slice() : piece;
      extension.push(pushed, isByFrame ? frame.remaining === 0 : endsMessage, frame);
    } catch (error) {
      return this.#fail(error);
    }
    this.#deliver(frame, endsMessage, undefined);
  }

  /** Goes on behind a stop, up to the next one. */
  resume(): void {
    const stop = this.#stop;
    if (stop === undefined || !this.#handler.mayGoOn) return;
    this.#stop = undefined;
    if (this.#handler.isListening) this.#deliver(stop.frame, stop.endsMessage, stop.ahead);
  }

  /**
   * Two buffers, as only the piece behind it tells whether a full one is the last.
   *
   * @param ahead the first piece, if that was decoded before
   */
  #deliver(frame: FrameFacts, endsMessage: boolean, ahead: Uint8Array | undefined): void {
    let current = borrow(this.#extension);
    let next = borrow(this.#extension);
    try {
      let count: number;
      if (ahead === undefined) count = this.#read(current, frame);
      else {
        current.set(ahead);
        count = ahead.length;
      }
      while (count === this.#pieceSize) {
        const following = this.#read(next, frame);
        if (following <= 0) {
          if (following < 0) return;
          break;
        }
        this.#emit(current.subarray(0, count), frame, Math.max(1, frame.remaining));
        [current, next] = [next, current];
        count = following;
        if (!this.#handler.pieceDone()) {
          return this.#stopBefore({ frame, endsMessage, ahead: current.slice(0, count) });
        }
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

  #stopBefore(stop: Stop): void {
    try {
      this.#extension.keep?.();
    } catch (error) {
      return this.#fail(error);
    }
    this.#stop = stop;
  }

  #fail(error: unknown): void {
    if (error instanceof ExtensionFailure) this.#handler.onFail("extensionThrew");
    else if (error instanceof InflatedTooLong) this.#handler.onFail("messageTooBig");
    else if (error instanceof InflatesTooMuch) this.#handler.onFail("inflatesTooMuch");
    else this.#handler.onFail("brokenMessage", messageOf(error));
  }

  /** Decodes as much as fits, and checks it; −1 when it has failed the connection. */
  #read(target: Uint8Array, frame: FrameFacts): number {
    if (!this.#handler.isListening) return -1;
    let count: number;
    try {
      count = readDecoded(this.#extension, target.subarray(0, this.#pieceSize));
    } catch (error) {
      this.#fail(error);
      return -1;
    }
    return this.#check(target, count, frame);
  }

  #check(bytes: Uint8Array, count: number, frame: FrameFacts): number {
    this.#size += count;
    if (this.#size > this.#maxMessageSize) {
      this.#handler.onFail("messageTooBig");
      return -1;
    }
    if (frame.isBinary) return count;
    this.#utf8 = checkUtf8(bytes, 0, count, this.#utf8);
    if (this.#utf8 !== UTF8_REJECT) return count;
    this.#handler.onFail("notUtf8");
    return -1;
  }

  /** Whether a text that ends here does not end inside a character; if it does, that fails it. */
  #isWhole(frame: FrameFacts): boolean {
    if (frame.isBinary || this.#utf8 === UTF8_ACCEPT) return true;
    this.#handler.onFail("cutText");
    return false;
  }

  #emit(piece: Uint8Array, frame: FrameFacts, remaining: number): void {
    this.remaining = remaining;
    this.isFinal = frame.isFinal;
    this.isFirstPiece = !this.#hasBegun;
    this.isBinary = frame.isBinary;
    this.reservedBits = frame.reservedBits;
    this.#hasBegun = true;
    this.#handler.onDecoded(piece);
  }
}

function borrow(session: ExtensionSession): Uint8Array {
  const spare = spares.pop();
  return spare === undefined ? new Uint8Array(LARGEST_PIECE) : readyFor(session, spare);
}

function giveBack(buffer: Uint8Array): void {
  if (spares.length < MAX_SPARE) spares.push(buffer);
}
