/**
 * What goes over a broadcast socket: first a token, which is answered with one byte, then messages,
 * each with its length in front. Unlike the C library's bare bytes this keeps messages apart and
 * strangers out.
 */

import { hexOf } from "../base/text/encodings.ts";

/** Characters in a token. */
export const TOKEN_LENGTH = 64;
/** The answer to the right token (ACK of ASCII); a wrong one is answered by closing. */
export const TOKEN_TAKEN = 0x06;
/** Bytes of the big-endian length in front of a message. */
export const LENGTH_BYTES = 4;
/** The longest message that a length can tell of. */
export const LONGEST_MESSAGE = 2 ** 32 - 1;

/** Room for a message in pieces before any of it has come, however long it is announced to be. */
const FIRST_ROOM = 64 * 1024;

/** A token that can't be guessed: 32 random bytes as hexadecimal digits. */
export function newToken(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(TOKEN_LENGTH / 2)));
}

/** Whether `text` looks like a token. */
export function isTokenText(text: string): boolean {
  return text.length === TOKEN_LENGTH && /^[0-9a-f]*$/.test(text);
}

/** Whether the bytes are the token, in a time that says nothing of where they differ. */
export function isSameToken(bytes: Uint8Array, token: string): boolean {
  let difference = bytes.length ^ token.length;
  for (let i = 0; i < token.length; i++) difference |= bytes[i]! ^ token.charCodeAt(i);
  return difference === 0;
}

/** Writes a message's length to `target` at `position`. */
export function writeLength(target: Uint8Array, position: number, length: number): void {
  new DataView(target.buffer, target.byteOffset).setUint32(position, length);
}

/** What a {@linkcode MessageReader} calls, from inside `read`. Implemented by BroadcastPeer. */
export interface MessageHandler {
  /** A whole message, valid during the call. False: no more of this read; it is offered again. */
  onMessage(message: Uint8Array): boolean;
  /** A message of `length` bytes is announced, which is too long; nothing more can be read. */
  onTooLong(length: number): void;
}

/** Takes messages out of a stream of bytes. */
export class MessageReader {
  readonly #longest: number;
  readonly #handler: MessageHandler;
  #head = new Uint8Array(LENGTH_BYTES);
  #headLength = 0;
  /** The length of the message in hand; −1 while its head is incomplete. */
  #length = -1;
  /** What there is of a message that comes in several reads. */
  #gathered = NO_BYTES;
  #gatheredLength = 0;
  #hasFailed = false;

  /** @param longest bytes of the longest message that is taken */
  constructor(longest: number, handler: MessageHandler) {
    this.#longest = longest;
    this.#handler = handler;
  }

  /** Takes bytes; returns how many, which is all unless the handler wanted no more. */
  read(bytes: Uint8Array): number {
    let position = 0;
    for (;;) {
      if (this.#hasFailed) return bytes.length;
      if (this.#length < 0) {
        position += this.#readHead(bytes, position);
        if (this.#length < 0) return bytes.length;
        continue;
      }
      const available = bytes.length - position;
      const missing = this.#length - this.#gatheredLength;
      if (available < missing) {
        this.#gather(bytes.subarray(position));
        return bytes.length;
      }
      const rest = bytes.subarray(position, position + missing);
      position += missing;
      if (!this.#deliver(rest)) return position;
    }
  }

  #readHead(bytes: Uint8Array, start: number): number {
    const taken = bytes.subarray(start, start + LENGTH_BYTES - this.#headLength);
    this.#head.set(taken, this.#headLength);
    this.#headLength += taken.length;
    if (this.#headLength < LENGTH_BYTES) return taken.length;
    this.#headLength = 0;
    const length = new DataView(this.#head.buffer).getUint32(0);
    if (length > this.#longest) {
      this.#hasFailed = true;
      this.#handler.onTooLong(length);
    }
    this.#length = length;
    return taken.length;
  }

  #deliver(rest: Uint8Array): boolean {
    const isWhole = this.#gatheredLength === 0;
    if (!isWhole) this.#gather(rest);
    const message = isWhole ? rest : this.#gathered.subarray(0, this.#length);
    this.#length = -1;
    this.#gathered = NO_BYTES;
    this.#gatheredLength = 0;
    return this.#handler.onMessage(message);
  }

  #gather(piece: Uint8Array): void {
    const length = this.#gatheredLength + piece.length;
    if (length > this.#gathered.length) {
      const room = Math.max(length, this.#gathered.length * 2, FIRST_ROOM);
      const grown = new Uint8Array(Math.min(room, this.#length));
      grown.set(this.#gathered.subarray(0, this.#gatheredLength));
      this.#gathered = grown;
    }
    this.#gathered.set(piece, this.#gatheredLength);
    this.#gatheredLength = length;
  }
}

const NO_BYTES = new Uint8Array(0);
