/** A read buffer that follows the traffic. */

/** An idle connection holds this much, since its pending read pins the buffer. */
const SMALLEST = 1024;
/** A busy one reads up to this much at once. */
const LARGEST = 64 * 1024;
/** Reads in a row that would have fitted a smaller buffer, before it is taken. */
const PATIENCE = 4;

/**
 * Where reads land and the untaken rest stays. Reads that fill it make it grow four-fold, up to 64
 * KiB or what a rest needs; small reads make it shrink.
 */
export class ReadBuffer {
  #bytes = new Uint8Array(SMALLEST);
  #start = 0;
  #end = 0;
  #smallReads = 0;
  #wasFilled = false;

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
    if (this.#wasFilled) this.#resize(Math.max(length, Math.min(length * 4, LARGEST)));
    else if (rest === 0 && this.#smallReads >= PATIENCE) {
      this.#resize(Math.max(length / 4, SMALLEST));
    } else if (rest === 0) this.#start = this.#end = 0;
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

  /** Moves the rest to the front of a buffer of this size. */
  #resize(size: number): void {
    const rest = this.bytes();
    if (size === this.#bytes.length) this.#bytes.copyWithin(0, this.#start, this.#end);
    else {
      const moved = new Uint8Array(size);
      moved.set(rest);
      this.#bytes = moved;
    }
    this.#wasFilled = false;
    this.#smallReads = 0;
    this.#start = 0;
    this.#end = rest.length;
  }
}
