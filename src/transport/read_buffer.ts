/** A read buffer that follows the traffic. */

/** An idle connection holds this much, since its pending read pins the buffer. */
const SMALLEST = 1024;
/** A busy one reads up to this much at once. */
const LARGEST = 64 * 1024;
/** Reads in a row that would have fitted a smaller buffer, before it is taken. */
const PATIENCE = 4;

/**
 * Bytes that the waiting reads of all connections together may pin in buffers above the smallest.
 * A read can't be taken back, so whatever it waits with stays when the traffic ends.
 */
const LOAN_LIMIT = 4 * 1024 * 1024;
let lent = 0;

/** Largest buffers between two uses. */
const spares: Uint8Array<ArrayBuffer>[] = [];
const MAX_SPARES = 16;

/**
 * Where reads land and the untaken rest stays. Reads that fill it make it grow four-fold, up to 64
 * KiB or what a rest needs; small reads make it shrink. Once a read has emptied the socket, the next
 * one has to wait: with this buffer if it can be lent so much, else with the smallest one, which
 * grows back at a stroke when it is filled.
 */
export class ReadBuffer {
  #bytes = new Uint8Array(SMALLEST);
  #start = 0;
  #end = 0;
  #smallReads = 0;
  #wasFilled = false;
  /** What of the limit this one has. */
  #loan = 0;
  /** The size that was given up for want of a loan. */
  #usualSize = 0;

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
    if (this.#wasFilled) {
      const grown = Math.max(Math.min(length * 4, LARGEST), this.#usualSize);
      this.#resize(Math.max(length, grown));
    } else if (rest === 0) {
      if (this.#smallReads >= PATIENCE) this.#resize(Math.max(length / 4, SMALLEST));
      else this.#start = this.#end = 0;
      if (this.#bytes.length > SMALLEST && this.#loan === 0) this.#borrow();
    }
    if (this.#end > this.#bytes.length / 2) {
      this.#resize(this.#bytes.length * (rest > length / 2 ? 2 : 1));
    }
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** A read has put `count` bytes there. */
  filled(count: number): void {
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
    lent -= this.#loan;
    this.#loan = 0;
  }

  #borrow(): void {
    const { length } = this.#bytes;
    if (lent + length <= LOAN_LIMIT) {
      lent += length;
      this.#loan = length;
    } else {
      this.#resize(SMALLEST);
      this.#usualSize = Math.min(length, LARGEST);
    }
  }

  /** Moves the rest to the front of a buffer of this size. */
  #resize(size: number): void {
    const old = this.#bytes;
    const rest = this.bytes();
    if (size === old.length) old.copyWithin(0, this.#start, this.#end);
    else {
      this.#bytes = (size === LARGEST ? spares.pop() : undefined) ?? new Uint8Array(size);
      this.#bytes.set(rest);
      if (old.length === LARGEST && spares.length < MAX_SPARES) spares.push(old);
      this.release();
      this.#usualSize = 0;
    }
    this.#wasFilled = false;
    this.#smallReads = 0;
    this.#start = 0;
    this.#end = rest.length;
  }
}
