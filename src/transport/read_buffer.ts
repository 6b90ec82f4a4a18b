/** A read buffer that follows the traffic. */

import { freeBuffer } from "../base/buffers.ts";

/** An idle connection holds this much, since its pending read pins the buffer. */
const SMALLEST = 1024;
/** A busy one reads up to this much at once. */
const LARGEST = 64 * 1024;
/** Reads in a row that would have fitted a smaller buffer, before it is taken. */
const PATIENCE = 4;

/**
 * What all connections together may hold in buffers above the smallest. A waiting read can't be taken
 * back, so whatever it waits with stays when the traffic ends.
 */
export class ReadLoans {
  readonly limit: number;
  /** Bytes that are lent now. */
  lent = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.limit = limit;
  }
}

const sharedLoans = new ReadLoans(4 * 1024 * 1024);
/** A buffer without a loan empties the socket with this much, and waits with the smallest. */
const UNLENT = 16 * 1024;

/**
 * Where reads land and the untaken rest stays. Reads that fill it make it grow four-fold, up to 64
 * KiB or what a rest needs; small reads make it shrink. Growth is on loan: when all is lent, it grows
 * less, and shrinks as soon as a read has emptied the socket.
 */
export class ReadBuffer {
  readonly #loans: ReadLoans;
  #bytes = new Uint8Array(SMALLEST);
  #start = 0;
  #end = 0;
  #smallReads = 0;
  #wasFilled = false;
  /** What of the loans this one has. */
  #loan = 0;

  constructor(loans = sharedLoans) {
    this.#loans = loans;
  }

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Where the next read may put bytes, behind the rest; never empty. Only here does the buffer move,
   * as no read is under way.
   */
  room(): Uint8Array {
    const { length } = this.#bytes;
    const rest = this.#end - this.#start;
    if (this.#wasFilled) this.#grow();
    else if (rest === 0) {
      if (length > SMALLEST && this.#loan === 0) this.#resize(SMALLEST);
      else if (this.#smallReads >= PATIENCE) this.#resize(Math.max(length / 4, SMALLEST));
      else this.#start = this.#end = 0;
    }
    if (this.#end > this.#bytes.length / 2) {
      this.#resize(this.#bytes.length * (rest > length / 2 ? 2 : 1));
    }
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** A read has put `count` bytes there. */
  filled(count: number): void {
    if (!(Number.isInteger(count) && count >= 0 && count <= this.#bytes.length - this.#end)) {
      throw new Error(`a read has read ${count} bytes`);
    }
    this.#end += count;
    const { length } = this.#bytes;
    this.#wasFilled = this.#end === length;
    if (length > SMALLEST && this.#end * 4 <= length) this.#smallReads++;
    else this.#smallReads = 0;
  }

  /** All that waits to be taken. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#start, this.#end - this.#start);
  }

  /** The handler took so many of {@linkcode bytes}. */
  taken(count: number): void {
    this.#start += count;
  }

  /** No read will follow. */
  release(): void {
    this.#borrow(0);
  }

  /** Nor is one under way, and what came is of no use any more. */
  free(): void {
    this.release();
    this.#start = this.#end = 0;
    freeBuffer(this.#bytes);
  }

  #grow(): void {
    const { length } = this.#bytes;
    const grown = Math.max(length, Math.min(length * 4, LARGEST));
    this.release();
    if (this.#loans.lent + grown > this.#loans.limit) {
      return this.#resize(Math.max(length, UNLENT));
    }
    this.#resize(grown);
    this.#borrow(grown);
  }

  /** Has this much on loan from now on, in place of what it had. */
  #borrow(size: number): void {
    this.#loans.lent += size - this.#loan;
    this.#loan = size;
  }

  /** Moves the rest to the front of a buffer of this size. */
  #resize(size: number): void {
    const old = this.#bytes;
    const rest = this.length;
    if (size === old.length) old.copyWithin(0, this.#start, this.#end);
    else {
      this.#bytes = new Uint8Array(size);
      this.#bytes.set(old.subarray(this.#start, this.#end));
      freeBuffer(old);
      this.#borrow(size > SMALLEST ? Math.min(this.#loan, size) : 0);
    }
    this.#wasFilled = false;
    this.#smallReads = 0;
    this.#start = 0;
    this.#end = rest;
  }
}
