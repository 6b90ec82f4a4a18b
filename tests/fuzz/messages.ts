/** What the process that watches a fuzzer and the worker that does the work tell each other. */

import { LONGEST_INPUT } from "./mutate.ts";

/** What a worker is to do. */
export interface Order {
  readonly seed: number;
  readonly seconds: number;
  /** Names of targets; empty for all. */
  readonly targets: readonly string[];
  /** Where the input in hand is seen, should it never end. */
  readonly board: SharedArrayBuffer;
}

/** What it has found. */
export type Report =
  | { readonly kind: "begins"; readonly target: string }
  | {
    readonly kind: "finding";
    readonly target: string;
    readonly input: Uint8Array;
    readonly fault: string;
    readonly foundLength: number;
  }
  | {
    readonly kind: "done";
    readonly results: readonly TargetResult[];
  };

/** What was done with a target. */
export interface TargetResult {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly outcomes: number;
}

/** The input that a worker has in hand, for the process that watches it. */
export class Board {
  static readonly SIZE = 8 + LONGEST_INPUT;
  readonly #numbers: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#numbers = new Int32Array(buffer, 0, 2);
    this.#bytes = new Uint8Array(buffer, 8);
  }

  /** How many inputs there have been. */
  get count(): number {
    return Atomics.load(this.#numbers, 0);
  }

  get input(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#numbers, 1));
  }

  put(input: Uint8Array): void {
    const { length } = this.#bytes;
    this.#bytes.set(input.length > length ? input.subarray(0, length) : input);
    Atomics.store(this.#numbers, 1, Math.min(length, input.length));
    Atomics.add(this.#numbers, 0, 1);
  }
}
