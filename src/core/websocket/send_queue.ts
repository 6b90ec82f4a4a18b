/** What a connection has to send: filled by writes, emptied one transport write at a time. */

import { type HeldBytes, UNCOUNTED } from "../../base/buffers.ts";
import type { SharedBytes } from "../../base/shared_bytes.ts";
import {
  acquire,
  type Bytes,
  chunkSizeFor,
  hintAfter,
  LARGEST_CHUNK,
  release,
  SMALLEST_CHUNK,
} from "./chunk_pool.ts";
import { headerLength, writeHeader } from "./frame.ts";
import { mask, newMaskingKey, writeMaskingKey } from "./mask.ts";

/** Shared segments up to this length are gathered. */
const LONGEST_GATHERED = 4 * 1024;
/**
 * Up to this length a copy costs no more than what a segment takes beside its bytes.
 */
const LONGEST_COPIED = 4 * 1024;
const LONGEST_COPIED_SHARED = 1024;
/** What a segment takes beside its bytes, or the chunk that has them. */
const SEGMENT_OVERHEAD = 200;
/** What {@linkcode frontOf} returned last. */
let lastFront: Uint8Array = new Uint8Array(0);

/** What is put is no frame's payload. */
export const NO_FRAME = -1;

/** How the payload of a frame is masked: not at all, with a fresh key, or with zero. */
export type Masking = typeof UNMASKED | typeof FRESH_KEY | typeof ZERO_KEY;
export const UNMASKED = 0;
export const FRESH_KEY = 1;
export const ZERO_KEY = 2;

interface Segment {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** The pooled chunk that the bytes are a part of, if they are. */
  readonly chunk: Bytes | undefined;
  /** Set when other queues have the same bytes, so that a copy may be made without a loss. */
  readonly shared: SharedBytes | undefined;
  /** What is counted of it: all of its chunk, and nothing of what is shared. */
  readonly cost: number;
  /** Whether no byte of it is the program's: it counts in {@linkcode TxQueue.besides}. */
  readonly isBeside: boolean;
}

/**
 * Bytes in the order of their writes. Small writes gather in one chunk, so that all that a turn
 * wrote leaves in one transport write. A connection has one while something is unsent.
 */
export class TxQueue {
  /** Bytes queued and under way. */
  unsent = 0;
  /** Those of them that no program has written: heads, pongs and probes. The outbox counts them here. */
  besides = 0;
  /** Where counts what it takes: chunks as a whole, however little fills them. */
  counted: HeldBytes = UNCOUNTED;

  /** What comes before the chunk. Few connections ever need it, and most are idle. */
  #segments: Segment[] | undefined;
  /** What comes before the chunk where that is all shared: it takes no segment then. */
  #shared: SharedBytes | undefined;
  #chunk: Bytes | undefined;
  #filled = 0;
  /** How long a chunk should be at least, by what was sent last. */
  sizeHint: number = SMALLEST_CHUNK;
  #underWay: Uint8Array | undefined;
  #underWayChunk: Bytes | undefined;
  #underWayLength = 0;
  /** What is counted of it. */
  #underWayCost = 0;
  #underWayShared: SharedBytes | undefined;
  #besidesUnderWay = 0;

  /** Whether a transport write is under way. */
  get isWriting(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether there is something to give to the transport. */
  get hasQueued(): boolean {
    return this.#filled > 0 || this.#shared !== undefined || this.#hasSegments;
  }

  get #hasSegments(): boolean {
    return this.#segments !== undefined && this.#segments.length > 0;
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
    if (header > 0) writeHeader(target, start, first, length, masks);
    if (masks) maskPayload(target, start + header, length, masking);
    this.unsent += total;
    if (isAlone) this.#pushAlone(target);
    else this.#filled += total;
  }

  /** As {@linkcode put}, with a few bytes in front of `bytes` and behind them; all leave in one piece. */
  putBetween(before: Uint8Array, bytes: Uint8Array, length: number, after: Uint8Array): void {
    const total = before.length + length + after.length;
    const isAlone = total > LARGEST_CHUNK;
    const target = isAlone ? new Uint8Array(total) : this.#chunkWithRoom(total);
    const start = isAlone ? 0 : this.#filled;
    target.set(before, start);
    target.set(bytes, start + before.length);
    target.set(after, start + before.length + length);
    this.unsent += total;
    if (isAlone) this.#pushAlone(target);
    else this.#filled += total;
  }

  #pushAlone(bytes: Uint8Array): void {
    this.#sealChunk();
    this.#push(bytes, undefined);
  }

  /**
   * Queues `bytes` themselves, which must not change any more. Short ones that have to wait are copied: a
   * million segments would cost far more than their bytes.
   */
  append(bytes: Uint8Array): void {
    this.#append(bytes, LONGEST_COPIED);
  }

  /** Queues bytes that other queues have as well; short ones that follow each other are no copies either. */
  share(shared: SharedBytes): void {
    if (this.#filled === 0 && !this.#hasSegments) {
      const before = this.#shared;
      const all = before === undefined ? shared : before.with(shared);
      if (all !== undefined) {
        all.hold(this.counted);
        before?.letGo();
        this.#shared = all;
        this.unsent += shared.length;
        return;
      }
    }
    this.#append(shared.bytes, LONGEST_COPIED_SHARED, shared);
  }

  #append(bytes: Uint8Array, longestCopied: number, shared?: SharedBytes): void {
    if (bytes.length <= longestCopied && (this.isWriting || this.hasQueued)) {
      return this.put(bytes);
    }
    this.unsent += bytes.length;
    this.#sealChunk();
    shared?.hold(this.counted);
    this.#push(bytes, undefined, shared);
  }

  /** Puts what `work` queues, which is none of the program's, in front of all that waits. */
  ahead(work: () => void): void {
    const chunk = this.#chunk;
    const filled = this.#filled;
    this.#settle();
    const segments = this.#segments ?? [];
    this.#chunk = this.#segments = undefined;
    this.#filled = 0;
    try {
      work();
      this.#sealChunk(true);
    } finally {
      this.#segments = [...this.#segments ?? [], ...segments];
      this.#chunk = chunk;
      this.#filled = filled;
    }
  }

  /** The next bytes for the transport; {@linkcode written} must follow before the next call. */
  next(): Uint8Array {
    const shared = this.#shared;
    if (shared !== undefined) {
      if (this.#filled === 0) return this.#nextShared(shared);
      this.#settle();
    }
    const segments = this.#segments;
    if (segments !== undefined && segments.length > 0) {
      this.#besidesUnderWay = 0;
      const gathered = this.#gather(segments);
      if (gathered !== undefined) return gathered;
      const { bytes, length, chunk, isBeside, cost, shared } = segments.shift()!;
      if (isBeside) this.#besidesUnderWay = length;
      this.#underWayChunk = chunk;
      this.#underWayCost = cost;
      this.#underWayShared = shared;
      this.#underWayLength = length;
      return this.#underWay = bytes;
    }
    // It is the last that waits.
    this.#besidesUnderWay = this.besides;
    this.#underWayLength = this.#filled;
    const chunk = this.#chunk!;
    this.sizeHint = hintAfter(this.#filled, chunk.length);
    this.#underWayChunk = chunk;
    this.#underWayCost = chunk.length;
    this.#underWay = frontOf(chunk, this.#filled);
    this.#chunk = undefined;
    this.#filled = 0;
    return this.#underWay;
  }

  #nextShared(shared: SharedBytes): Uint8Array {
    this.#shared = undefined;
    this.#besidesUnderWay = this.besides;
    this.#underWayLength = shared.length;
    this.#underWayShared = shared;
    return this.#underWay = shared.bytes;
  }

  /**
   * Called when the transport is done with what {@linkcode next} returned. False: the program has
   * transferred that buffer meanwhile, so that it is unknown what has left.
   */
  written(): boolean {
    const isWhole = this.#underWay!.length === this.#underWayLength;
    this.unsent -= this.#underWayLength;
    this.besides = this.unsent === 0 ? 0 : this.besides - this.#besidesUnderWay;
    if (this.#underWayChunk !== undefined) release(this.#underWayChunk);
    this.#forgetUnderWay();
    return isWhole;
  }

  #forgetUnderWay(): void {
    this.#underWay = this.#underWayChunk = undefined;
    // Not by the length of the chunk, whose buffer may be gone.
    this.counted.bytes -= this.#underWayCost;
    this.#underWayCost = 0;
    if (this.#underWayShared !== undefined) this.#underWayShared.letGo();
    this.#underWayShared = undefined;
  }

  /** Drops everything. What is under way may still be read by the transport, so it is not reused. */
  clear(): void {
    if (this.#chunk !== undefined) this.#giveBack(this.#chunk);
    this.#chunk = undefined;
    this.#filled = 0;
    this.#shared?.letGo();
    for (const segment of this.#segments ?? []) {
      this.#uncount(segment);
      if (segment.chunk !== undefined) release(segment.chunk);
    }
    this.#segments = this.#shared = undefined;
    this.#forgetUnderWay();
    this.unsent = this.besides = 0;
  }

  /**
   * Copies short shared segments that follow each other into one chunk: that costs less than a
   * transport write each. A single one is sent as it is.
   */
  #gather(segments: Segment[]): Uint8Array | undefined {
    let count = 0;
    let length = 0;
    for (const { bytes, shared } of segments) {
      if (
        shared === undefined || bytes.length > LONGEST_GATHERED ||
        length + bytes.length > LARGEST_CHUNK
      ) {
        break;
      }
      count++;
      length += bytes.length;
    }
    // What was copied behind the last of them goes along.
    const isLast = count === segments.length && this.#filled <= LONGEST_GATHERED;
    const behind = isLast && length + this.#filled <= LARGEST_CHUNK ? this.#filled : 0;
    if (count + Math.sign(behind) < 2) return undefined;
    const chunk = this.#take(chunkSizeFor(length + behind));
    let position = 0;
    for (const segment of segments.splice(0, count)) {
      chunk.set(segment.bytes, position);
      position += segment.bytes.length;
      this.#uncount(segment);
    }
    if (behind > 0) {
      chunk.set(this.#chunk!.subarray(0, behind), position);
      this.#giveBack(this.#chunk!);
      this.#chunk = undefined;
      this.#filled = 0;
      this.#besidesUnderWay = this.besides;
    }
    this.#underWayChunk = chunk;
    this.#underWayCost = chunk.length;
    this.#underWayLength = length + behind;
    return this.#underWay = chunk.subarray(0, length + behind);
  }

  #growChunk(needed: number, length: number): Bytes {
    const old = this.#chunk!;
    if (needed > LARGEST_CHUNK) {
      const isFull = old.length === LARGEST_CHUNK;
      this.#sealChunk();
      return this.#chunk = this.#take(isFull ? LARGEST_CHUNK : chunkSizeFor(length));
    }
    const grown = this.#take(chunkSizeFor(needed));
    grown.set(old.subarray(0, this.#filled));
    this.#giveBack(old);
    return this.#chunk = grown;
  }

  /** The chunk that what is put goes to, with room for `length` bytes behind what fills it. */
  #chunkWithRoom(length: number): Bytes {
    const needed = this.#filled + length;
    const chunk = this.#chunk;
    if (chunk !== undefined && needed <= chunk.length) return chunk;
    return chunk === undefined ? this.#newChunk(length) : this.#growChunk(needed, length);
  }

  #newChunk(length: number): Bytes {
    return this.#chunk = this.#take(Math.max(this.sizeHint, chunkSizeFor(length)));
  }

  #take(size: number): Bytes {
    this.counted.add(size);
    return acquire(size);
  }

  #giveBack(chunk: Bytes): void {
    this.counted.bytes -= chunk.length;
    release(chunk);
  }

  /** Ends the chunk, so that what comes next gets a segment after it; one that is mostly empty goes. */
  #sealChunk(isBeside = false): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    if (this.#filled * 2 >= chunk.length) {
      this.#push(chunk.subarray(0, this.#filled), chunk, undefined, isBeside);
    } else {
      if (this.#filled > 0) {
        this.#push(chunk.slice(0, this.#filled), undefined, undefined, isBeside);
      }
      this.#giveBack(chunk);
    }
    this.#chunk = undefined;
    this.#filled = 0;
  }

  /** What is shared is a segment now, as something else comes behind it. */
  #settle(): void {
    const shared = this.#shared;
    if (shared === undefined) return;
    this.#shared = undefined;
    this.#push(shared.bytes, undefined, shared);
  }

  #push(
    bytes: Uint8Array,
    chunk: Bytes | undefined,
    shared?: SharedBytes,
    isBeside = false,
  ): void {
    this.#settle();
    this.#segments ??= [];
    const { length } = bytes;
    // A chunk is counted already.
    const added = SEGMENT_OVERHEAD + (chunk !== undefined || shared !== undefined ? 0 : length);
    this.counted.add(added);
    const cost = added + (chunk === undefined ? 0 : chunk.length);
    this.#segments.push({ bytes, length, chunk, shared, cost, isBeside });
  }

  /** It goes, without having been under way. */
  #uncount({ cost, shared }: Segment): void {
    this.counted.bytes -= cost;
    shared?.letGo();
  }
}

/** Queues that are empty, and kept for those that will have something to send. */
const spare: TxQueue[] = [];
/** As many as one broadcast may fill at once. */
const MOST_SPARE = 1024;
/** The queue of all that have nothing to send, which must stay empty. */
export const EMPTY_QUEUE = new TxQueue();

/** An empty queue of one's own, which counts in `counted`; by {@linkcode takeBack} it is handed on. */
export function takeQueue(sizeHint: number, counted: HeldBytes): TxQueue {
  const queue = spare.pop() ?? new TxQueue();
  queue.sizeHint = sizeHint;
  queue.counted = counted;
  return queue;
}

/** Takes a queue whose last byte has left. */
export function takeBack(queue: TxQueue): void {
  queue.counted = UNCOUNTED;
  if (spare.length < MOST_SPARE) spare.push(queue);
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

/** The first bytes of a chunk. Most writes fill as much of the same one as the write before. */
function frontOf(chunk: Bytes, length: number): Uint8Array {
  if (lastFront.length === length && lastFront.buffer === chunk.buffer) return lastFront;
  return lastFront = new Uint8Array(chunk.buffer, 0, length);
}
