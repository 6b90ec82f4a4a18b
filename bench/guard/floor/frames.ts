/** Reading masked frames: no checks, limits, messages or callbacks. */

import { unmask } from "./unmask.ts";

/**
 * Reads frames below 64 KiB that lie whole in `bytes`: unmasks each in place, makes a view of its
 * payload, and returns their lengths' sum.
 */
export function readFrames(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let total = 0;
  for (let at = 0; at < bytes.length;) {
    let length = bytes[at + 1]! & 127;
    let start = at + 6;
    if (length === 126) {
      length = view.getUint16(at + 2);
      start = at + 8;
    }
    at = start + length;
    unmask(bytes, view, start, at, view.getUint32(start - 4, true));
    total += bytes.subarray(start, at).length;
  }
  return total;
}

/** Gathers one frame with a 16-bit length that comes in several reads, the header whole in the first. */
export class FrameGatherer {
  readonly #payload = new Uint8Array(65_536);
  readonly #view = new DataView(this.#payload.buffer);
  #key = 0;
  #wanted = 0;
  #gathered = 0;

  /** Takes a read, and returns the frame's length once it is whole and unmasked, before that 0. */
  take(bytes: Uint8Array): number {
    let at = 0;
    if (this.#wanted === 0) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#wanted = view.getUint16(2);
      this.#key = view.getUint32(4, true);
      at = 8;
    }
    this.#payload.set(bytes.subarray(at), this.#gathered);
    this.#gathered += bytes.length - at;
    if (this.#gathered < this.#wanted) return 0;
    unmask(this.#payload, this.#view, 0, this.#wanted, this.#key);
    const { length } = this.#payload.subarray(0, this.#wanted);
    this.#wanted = 0;
    this.#gathered = 0;
    return length;
  }
}
