/** The buffers that queues fill, which are used again. */

import { freeBuffer } from "../../base/buffers.ts";

/**
 * Messages of a power of two fit with their headers. The largest chunk holds four of 64 KiB, which cost the
 * kernel a third less in one write than in four; longer writes get a buffer of their own.
 */
const CHUNK_SIZES = [1024, 4 * 1024 + 64, 16 * 1024 + 64, 72 * 1024, 256 * 1024 + 64] as const;
export const SMALLEST_CHUNK = CHUNK_SIZES[0];
const SECOND_LARGEST_CHUNK = CHUNK_SIZES[3];
export const LARGEST_CHUNK = CHUNK_SIZES[4];
/** Chunks of one size that are kept for reuse, in bytes. */
const POOL_BYTES = 2 * 1024 * 1024;

export type Bytes = Uint8Array<ArrayBuffer>;

const pools = new Map<number, Bytes[]>(CHUNK_SIZES.map((size) => [size, []]));

/** One of that size, whose bytes are those of its last use. */
export function acquire(size: number): Bytes {
  return pools.get(size)!.pop() ?? new Uint8Array(size);
}

/** Takes one back. */
export function release(chunk: Bytes): void {
  const pool = pools.get(chunk.length);
  // Its buffer was transferred, as by a connection of the program's own.
  if (pool === undefined) return;
  if (pool.length * chunk.length < POOL_BYTES) pool.push(chunk);
  else freeBuffer(chunk);
}

/**
 * What size the next chunk is, behind one that was filled so far. It shrinks slowly, that a connection which
 * mostly sends little doesn't take large ones; the largest is for those alone that need it.
 */
export function hintAfter(filled: number, size: number): number {
  if (size === LARGEST_CHUNK && filled <= SECOND_LARGEST_CHUNK) {
    return Math.min(chunkSizeFor(filled * 4), SECOND_LARGEST_CHUNK);
  }
  return filled * 16 <= size ? chunkSizeFor(filled * 4) : size;
}

/** The smallest chunk that holds `length` bytes, or the largest there is. */
export function chunkSizeFor(length: number): number {
  for (const size of CHUNK_SIZES) if (size >= length) return size;
  return LARGEST_CHUNK;
}
