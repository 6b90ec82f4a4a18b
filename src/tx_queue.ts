/** What a connection has to send: filled by writes, emptied one transport write at a time. */

import { freeBuffer } from "./core/buffers.ts";
import { headerLength, writeHeader } from "./core/frame.ts";
import { mask, newMaskingKey, writeMaskingKey } from "./core/mask.ts";

/**
 * Messages of a power of two fit with their headers; the largest chunk holds one of 64 KiB, and longer
 * writes get a buffer of their own.
 */
const CHUNK_SIZES = [1024, 4 * 1024 + 64, 16 * 1024 + 64, 72 * 1024] as const;
const SMALLEST_CHUNK = CHUNK_SIZES[0];
const LARGEST_CHUNK = CHUNK_SIZES[3];
/** Shared segments up to this length are gathered. */
const LONGEST_GATHERED = 4 * 1024;
/** Chunks of one size that are kept for reuse, in bytes. */
const POOL_BYTES = 2 * 1024 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

const pools = new Map<number, Bytes[]>(CHUNK_SIZES.map((size) => [size, []]));

function acquire(size: number): Bytes {
  return pools.get(size)!.pop() ?? new Uint8Array(size);
}

function release(chunk: Bytes): void {
  const pool = pools.get(chunk.length)!;
  if (pool.length * chunk.length < POOL_BYTES) pool.push(chunk);
  else freeBuffer(chunk);
}

/** The smallest chunk that holds `length` bytes, or the largest there is. */
function chunkSizeFor(length: number): number {
  for (const size of CHUNK_SIZES) if (size >= length) return size;
  return LARGEST_CHUNK;
}

/** What is put is no frame's payload. */
export const NO_FRAME = -1;

/** How the payload of a frame is masked: not at all, with a fresh key, or with zero. */
export type Masking = typeof UNMASKED | typeof FRESH_KEY | typeof ZERO_KEY;
export const UNMASKED = 0;
export const FRESH_KEY = 1;
export const ZERO_KEY = 2;

interface Segment {
  readonly bytes: Uint8Array;
  /** The pooled chunk that the bytes are a part of, if they are. */
  readonly chunk: Bytes | undefined;
  /** Whether other queues have the same bytes, so that a copy may be made without a loss. */
  readonly isShared: boolean;
}

/**
 * Bytes in the order of their writes. Small writes gather in one chunk, so that all that a turn
 * wrote leaves in one transport write; an idle connection holds nothing.
 */
export class TxQueue {
  /** Bytes queued and under way. */
  unsent = 0;

  /** What comes before the chunk. Few connections ever need it, and most are idle. */
  #segments: Segment[] | undefined;
  #chunk: Bytes | undefined;
  #filled = 0;
  #sizeHint: number = SMALLEST_CHUNK;
  #underWay: Uint8Array | undefined;
  #underWayChunk: Bytes | undefined;

  /** Whether a transport write is under way. */
  get isWriting(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether there is something to give to the transport. */
  get hasQueued(): boolean {
    return this.#filled > 0 || (this.#segments !== undefined && this.#segments.length > 0);
  }

  /**
   * Queues a copy of `bytes`, as they are or as the payload of a frame. Nothing counts as queued before
   * all of it is in its place: chunks are used again, and have other connections' bytes in them.
   *
   * @param length How many bytes they are, by the engine's word and not by what an object says.
   * @param first The first byte of the frame's header, or {@linkcode NO_FRAME}.
   * @param masking What the frame is masked with (RFC 6455 section 5.3).
   */
  put(
    bytes: Uint8Array,
    length: number = bytes.length,
    first: number = NO_FRAME,
    masking: Masking = UNMASKED,
  ): void {
    const masks = masking !== UNMASKED;
    const header = first === NO_FRAME ? 0 : headerLength(length, masks);
    const total = header + length;
    const isAlone = total > LARGEST_CHUNK;
    const target = isAlone ? new Uint8Array(total) : this.#chunkWithRoom(total);
    const start = isAlone ? 0 : this.#filled;
    target.set(bytes, start + header);
    if (header > 0) {
      writeHeader(target, start, first, length, masks);
      if (masks) maskPayload(target, start + header, length, masking);
    }
    this.unsent += total;
    if (isAlone) {
      this.#sealChunk();
      this.#push(target, undefined);
    } else this.#filled += total;
  }

  /** Queues `bytes` themselves, which must not change any more; other queues may share them. */
  append(bytes: Uint8Array, isShared = false): void {
    this.unsent += bytes.length;
    this.#sealChunk();
    this.#push(bytes, undefined, isShared);
  }

  /** The next bytes for the transport; {@linkcode written} must follow before the next call. */
  next(): Uint8Array {
    const segments = this.#segments;
    if (segments !== undefined && segments.length > 0) {
      const gathered = this.#gather(segments);
      if (gathered !== undefined) return gathered;
      const { bytes, chunk } = segments.shift()!;
      this.#underWayChunk = chunk;
      return this.#underWay = bytes;
    }
    const chunk = this.#chunk!;
    // Shrinks slowly: a connection that mostly sends little should not take large chunks.
    this.#sizeHint = this.#filled * 16 <= chunk.length
      ? chunkSizeFor(this.#filled * 4)
      : chunk.length;
    this.#underWayChunk = chunk;
    this.#underWay = this.#filled === chunk.length
      ? chunk
      : new Uint8Array(chunk.buffer, 0, this.#filled);
    this.#chunk = undefined;
    this.#filled = 0;
    return this.#underWay;
  }

  /** The transport is done with what {@linkcode next} returned. */
  written(): void {
    this.unsent -= this.#underWay!.length;
    this.#underWay = undefined;
    if (this.#underWayChunk !== undefined) release(this.#underWayChunk);
    this.#underWayChunk = undefined;
  }

  /** Drops everything. What is under way may still be read by the transport, so it is not reused. */
  clear(): void {
    if (this.#chunk !== undefined) release(this.#chunk);
    this.#chunk = undefined;
    this.#filled = 0;
    this.#segments = undefined;
    this.#underWay = undefined;
    this.#underWayChunk = undefined;
    this.unsent = 0;
  }

  /**
   * Copies short shared segments that follow each other into one chunk: that costs less than a
   * transport write each. A single one is sent as it is.
   */
  #gather(segments: Segment[]): Uint8Array | undefined {
    let count = 0;
    let length = 0;
    for (const { bytes, isShared } of segments) {
      if (!isShared || bytes.length > LONGEST_GATHERED || length + bytes.length > LARGEST_CHUNK) {
        break;
      }
      count++;
      length += bytes.length;
    }
    if (count < 2) return undefined;
    const chunk = acquire(chunkSizeFor(length));
    let position = 0;
    for (const { bytes } of segments.splice(0, count)) {
      chunk.set(bytes, position);
      position += bytes.length;
    }
    this.#underWayChunk = chunk;
    return this.#underWay = chunk.subarray(0, length);
  }

  #growChunk(needed: number, length: number): Bytes {
    const old = this.#chunk!;
    if (needed > LARGEST_CHUNK) {
      this.#sealChunk();
      return this.#chunk = acquire(chunkSizeFor(length));
    }
    const grown = acquire(chunkSizeFor(needed));
    grown.set(old.subarray(0, this.#filled));
    release(old);
    return this.#chunk = grown;
  }

  /** The chunk that what is put goes to, with room for `length` bytes behind what fills it. */
  #chunkWithRoom(length: number): Bytes {
    const needed = this.#filled + length;
    const chunk = this.#chunk;
    if (chunk === undefined) {
      return this.#chunk = acquire(Math.max(this.#sizeHint, chunkSizeFor(length)));
    }
    return needed > chunk.length ? this.#growChunk(needed, length) : chunk;
  }

  /** Ends the chunk, so that what comes next gets a segment after it. */
  #sealChunk(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#push(chunk.subarray(0, this.#filled), chunk);
    this.#chunk = undefined;
    this.#filled = 0;
  }

  #push(bytes: Uint8Array, chunk: Bytes | undefined, isShared = false): void {
    this.#segments ??= [];
    this.#segments.push({ bytes, chunk, isShared });
  }
}

/** Puts a key in front of the payload at `body` and masks it. */
export function maskPayload(
  target: Uint8Array,
  body: number,
  length: number,
  masking: Masking,
): void {
  const key = masking === ZERO_KEY ? 0 : newMaskingKey();
  writeMaskingKey(target, body - 4, key);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  mask(target, view, body, body + length, key, 0);
}
