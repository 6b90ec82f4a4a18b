/** Buffers that files are read into, used again by the next one. */

import { freeBuffer } from "../base/buffers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes of a short buffer, which whole files fit into. */
export const SHORT = 64 * 1024;
/** Bytes of a long one: each piece has its price, and one of twice as many bytes is in no cache when it is sent. */
const LONG = 128 * 1024;
/** Most files that are read slowly must not hold much: past these all get short ones. */
const MOST_LONG = 64;
/** The most of each kind that are kept for later. */
const MOST_KEPT = 64;

const kept = { short: [] as Bytes[], long: [] as Bytes[] };
let longInUse = 0;

/**
 * A buffer for `length` bytes or a part of them, in which other files' bytes may be. One of
 * {@linkcode releaseBuffer} and {@linkcode forgetBuffer} has to follow.
 */
export function acquireBuffer(length: number): Bytes {
  if (length <= SHORT || longInUse >= MOST_LONG) return kept.short.pop() ?? new Uint8Array(SHORT);
  longInUse++;
  return kept.long.pop() ?? new Uint8Array(LONG);
}

/** Gives back a buffer in which no operation reads or writes any more. */
export function releaseBuffer(buffer: Bytes): void {
  const isLong = buffer.length === LONG;
  const others = isLong ? kept.long : kept.short;
  if (others.length < MOST_KEPT) others.push(buffer);
  else freeBuffer(buffer);
  forgetBuffer(buffer);
}

/** Gives up a buffer in which an operation may still read or write. */
export function forgetBuffer(buffer: Bytes): void {
  if (buffer.length === LONG) longInUse--;
}
