/** A file that is compressed as it is read. */

import type { OpenFile } from "../api/file_ops.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import type { TurnTaker } from "../service/turns/order.ts";
import type { Compression } from "./compression.ts";
import type { Encoder } from "./encoder.ts";
import type { FileSource } from "./source.ts";

/** So much at a time, so that others have their turn in between: it takes about half a millisecond. */
const SLICE = 16 * 1024;

/** Reads as a {@linkcode FileSource} does, of what becomes of the file. */
export class CodedSource implements TurnTaker {
  servedMs = 0;
  readonly isHosts = true;
  readonly #file: FileSource;
  readonly #compression: Compression;
  readonly #encoder: Encoder;
  readonly #slice: Uint8Array<ArrayBuffer>;
  readonly #budget: TurnBudget;
  #goOn: () => void = () => {};
  /** Bytes of the file that are not read yet. */
  #left: number;
  #isOpen = true;

  /**
   * @param encoder It is stopped with the file's close.
   * @param budget The runtime compresses in the thread of the event loop, on the time of all.
   */
  constructor(
    file: FileSource,
    compression: Compression,
    encoder: Encoder,
    budget: TurnBudget,
  ) {
    this.#file = file;
    this.#compression = compression;
    this.#encoder = encoder;
    this.#budget = budget;
    this.#left = file.stat.length;
    this.#slice = new Uint8Array(Math.min(SLICE, this.#left));
  }

  get stat(): OpenFile {
    return this.#file.stat;
  }

  /** Whether all was read; before the first read it is false. */
  get isAtEnd(): boolean {
    return this.#encoder.isAtEnd && this.#encoder.output.length === 0;
  }

  /** It begins where it stands. */
  moveTo(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Fills `room`, or a part of it; returns how many bytes.
   *
   * @throws when the file ends early, whatever reading it throws, and when zlib fails
   */
  async read(room: Uint8Array): Promise<number> {
    const { output } = this.#encoder;
    while (output.length === 0) await this.#encodeSlice();
    let length = 0;
    while (output.length > 0 && length < room.length) {
      const bytes = output[0]!;
      const taken = bytes.subarray(0, room.length - length);
      room.set(taken, length);
      length += taken.length;
      if (taken.length === bytes.length) output.shift();
      else output[0] = bytes.subarray(taken.length);
    }
    return length;
  }

  onTurn(): void {
    this.#goOn();
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#compression.stop(this.#encoder);
    await this.#file.close();
  }

  async #encodeSlice(): Promise<void> {
    if (this.#left === 0) return await this.#encoder.end();
    const room = this.#slice.subarray(0, this.#left);
    const count = await this.#file.read(room);
    if (count === 0) throw new Error(`the file ended ${this.#left} bytes early`);
    this.#left -= count;
    if (!this.#budget.begin(this)) await this.#comesRound();
    await this.#encoder.write(room.subarray(0, count));
    if (!this.#budget.mayGoOn()) this.#budget.charge(this);
  }

  /** Waits for the next turn of the loop, in which at least one slice is compressed. */
  async #comesRound(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      this.#budget.wait(this);
    });
    this.#budget.begin(this);
  }
}
