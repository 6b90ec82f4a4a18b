/** What a fuzzer draws at random: the same for the same numbers. */

import { random } from "../properties/random.ts";

/** Draws that follow from a number. */
export class Dice {
  /** A whole number from 0 on, below a limit. */
  readonly below: (limit: number) => number;

  constructor(seed: number) {
    this.below = random(seed);
  }

  /** True once in so many draws. */
  once(among: number): boolean {
    return this.below(among) === 0;
  }

  pick<Value>(values: ArrayLike<Value>): Value {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** So many of what `make` makes. */
  times<Value>(count: number, make: (index: number) => Value): Value[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** Small numbers more often than large ones, below the limit. */
  small(limit: number): number {
    return this.below(1 + this.below(1 + this.below(limit)));
  }
}

/** A number for some bytes (FNV-1a), by which what is done with them is drawn. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** One number of several. */
export function mixed(...parts: readonly (number | string)[]): number {
  return hashOf(new TextEncoder().encode(parts.join("/")));
}
