/** Buffers that files are read into, used again by the next one. */

import { freeBuffer } from "../core/buffers.ts";

/** Bytes of a buffer. */
export const PIECE = 64 * 1024;
/** The most that is kept for later. */
const KEPT_BYTES = 4 * 1024 * 1024;

const kept: Uint8Array<ArrayBuffer>[] = [];

/** A buffer of {@linkcode PIECE} bytes, in which other files' bytes may be. */
export function acquireBuffer(): Uint8Array<ArrayBuffer> {
  return kept.pop() ?? new Uint8Array(PIECE);
}

/** Gives back a buffer in which nobody reads or writes any more. */
export function releaseBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  // One that was transferred is none any more.
  if (buffer.length !== PIECE) return;
  if (kept.length * PIECE < KEPT_BYTES) kept.push(buffer);
  else freeBuffer(buffer);
}
