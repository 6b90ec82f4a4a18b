/** What a parser knows of a message that is under way. */

import { freeBuffer } from "../../base/buffers.ts";
import { UTF8_ACCEPT } from "./utf8.ts";

/** No message is under way. */
export const NONE = 0;
/** One is, which was already when that was asked for the last time. */
export const SAME = 1;
/** One is that has begun since, with the first byte of a read. */
export const BEGUN_IN_FRONT = 2;
/** One is that has begun since, behind other bytes of its read. */
export const BEGUN = 3;

/** How far it has come with messages. */
export type Progress = typeof NONE | typeof SAME | typeof BEGUN_IN_FRONT | typeof BEGUN;

/** The first room that a piece which is split over reads gets; it grows with what arrives. */
const FIRST_ASSEMBLY = 1024;

/** A message that doesn't lie whole and plain in one read. Most connections are idle, and have none. */
export class MessageInHand {
  /** A message has begun, and its last frame has not ended. */
  isOpen = false;
  /** A payload has begun, and not ended. */
  inPayload = false;
  began: Progress = SAME;
  isText = false;
  utf8 = UTF8_ACCEPT;
  fragments = 0;
  emptyFragments = 0;
  key = 0;
  /** Payload bytes of the current frame which come after what was delivered. */
  remaining = 0;
  /** Payload bytes of the current frame that were delivered. */
  delivered = 0;
  assembly: Uint8Array<ArrayBuffer> | undefined = undefined;
  assembled = 0;

  /** A buffer that holds `length` bytes, grown by what arrived and not by what was announced. */
  assemblyFor(length: number, wanted: number): Uint8Array<ArrayBuffer> {
    const old = this.assembly;
    if (old !== undefined && old.length >= length) return old;
    let size = old === undefined ? FIRST_ASSEMBLY : old.length;
    while (size < length) size *= 2;
    const grown = new Uint8Array(Math.min(size, wanted));
    if (old !== undefined) {
      grown.set(old.subarray(0, this.assembled));
      freeBuffer(old);
    }
    return this.assembly = grown;
  }
}
