/** Answers to pings that came while a write was under way (RFC 6455 section 5.5.3). */

import { headerLength } from "./frame.ts";

/** Bytes of pongs, headers included, that a connection may have unsent. */
export const MOST_UNSENT_PONGS = 4 * 1024;

/**
 * Payloads of pongs in their order, each behind its length; the oldest make room for new ones. They
 * become frames when they can leave, as what has become one can't be dropped any more.
 */
export class HeldPongs {
  readonly #masks: boolean;
  #bytes = new Uint8Array(MOST_UNSENT_PONGS);
  #start = 0;
  #end = 0;
  /** Bytes of the frames that they will be. */
  #size = 0;

  constructor(masks: boolean) {
    this.#masks = masks;
  }

  /** Takes a payload, which is held however little the room is. @param room bytes for all of the frames */
  hold(payload: Uint8Array, room: number): void {
    const { length } = payload;
    const size = this.#sizeOf(length);
    while (this.#start < this.#end && this.#size + size > room) this.next();
    if (this.#end + 1 + length > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#bytes[this.#end] = length;
    this.#bytes.set(payload, this.#end + 1);
    this.#end += 1 + length;
    this.#size += size;
  }

  /** Takes the oldest one out; valid until the next is held. `undefined`: there is none. */
  next(): Uint8Array | undefined {
    if (this.#start === this.#end) return undefined;
    const begin = this.#start + 1;
    this.#start = begin + this.#bytes[this.#start]!;
    this.#size -= this.#sizeOf(this.#start - begin);
    return this.#bytes.subarray(begin, this.#start);
  }

  #sizeOf(length: number): number {
    return headerLength(length, this.#masks) + length;
  }
}
