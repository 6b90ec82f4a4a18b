/** The same bytes in other reads: what comes of them must be the same. */

import type { Dice } from "./dice.ts";
import { expectSame } from "./target.ts";

/** Up to this length bytes are given one by one, too. */
const LONGEST_BY_BYTE = 160;

/**
 * What `run` says of the whole, which it has to say of the same bytes in several reads as well.
 *
 * @param told makes of what `run` returns the text in which all splits have to agree
 */
export function sameHoweverSplit<Result>(
  whole: Uint8Array,
  dice: Dice,
  run: (reads: readonly Uint8Array[]) => Result,
  told: (result: Result) => string,
): Result {
  const result = run([whole]);
  const expected = told(result);
  for (const reads of splits(whole, dice)) {
    const sizes = reads.map(({ length }) => length);
    const what = `in reads of ${sizes.length > 40 ? `${sizes.slice(0, 40)},…` : sizes}`;
    expectSame(what, told(run(reads)), expected);
  }
  return result;
}

/** One by one where it is short, and at random. */
export function splits(whole: Uint8Array, dice: Dice): Uint8Array[][] {
  if (whole.length < 2) return [];
  const atRandom = inSizes(whole, () => 1 + dice.small(Math.max(8, whole.length)));
  const byFew = whole.length <= LONGEST_BY_BYTE
    ? inSizes(whole, () => 1)
    : inSizes(whole, () => 1 + dice.below(dice.pick([3, 9, 40])));
  return [atRandom, byFew];
}

function inSizes(whole: Uint8Array, size: () => number): Uint8Array[] {
  const reads: Uint8Array[] = [];
  for (let at = 0; at < whole.length;) {
    const end = Math.min(whole.length, at + size());
    reads.push(whole.subarray(at, end));
    at = end;
  }
  return reads;
}

/** Far more than a program that stops behind every piece makes of an input. */
const MOST_STEPS = 200_000;

const EMPTY = new Uint8Array(0);

/**
 * Gives reads to what takes a part of them: what it leaves comes again, in front of the next one, each time in
 * a buffer of its own. Told again of the same bytes while it goes on.
 *
 * @param take returns how many bytes it took, and whether it wants to be asked again at once
 */
export function pump(
  reads: readonly Uint8Array[],
  take: (bytes: Uint8Array) => { readonly taken: number; readonly goesOn: boolean },
): Uint8Array {
  let rest: Uint8Array = EMPTY;
  for (const read of reads) {
    let given = new Uint8Array(rest.length + read.length);
    given.set(rest);
    given.set(read, rest.length);
    for (let steps = 0;; steps++) {
      const { taken, goesOn } = take(given);
      if (!(taken >= 0 && taken <= given.length)) {
        throw new RangeError(`${taken} of ${given.length} bytes were taken`);
      }
      given = given.slice(taken);
      if (!goesOn) break;
      if (steps > MOST_STEPS) throw new Error("it goes on and on with the same bytes");
    }
    rest = given;
  }
  return rest;
}
