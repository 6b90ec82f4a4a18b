/** Changes inputs, so that most of what made them valid stays. */

import type { Dice } from "./dice.ts";

/** Longer inputs are cut. */
export const LONGEST_INPUT = 4096;

/** Bytes at which parsers decide. */
const BYTES = [0, 1, 9, 10, 13, 32, 34, 44, 48, 58, 59, 61, 92, 126, 127, 128, 129, 254, 255];

type Mutation = (input: Uint8Array, dice: Dice, words: readonly Uint8Array[]) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  (input, dice) => changed(input, dice, (byte) => byte ^ 1 << dice.below(8)),
  (input, dice) => changed(input, dice, () => dice.pick(BYTES)),
  (input, dice) => changed(input, dice, () => dice.below(256)),
  (input, dice) => changed(input, dice, (byte) => byte + (dice.once(2) ? 1 : -1)),
  (input, dice) => replaced(input, dice.below(input.length + 1), 0, dice.bytes(1 + dice.small(9))),
  (input, dice) => replaced(input, dice.below(input.length + 1), 1 + dice.small(16), NONE),
  (input, dice) => input.slice(0, dice.below(input.length + 1)),
  (input, dice, words) => withWord(input, dice, words, 0),
  (input, dice, words) => withWord(input, dice, words, Infinity),
  (input, dice) => {
    const piece = pieceOf(input, dice);
    return replaced(input, dice.below(input.length + 1), 0, piece);
  },
  (input, dice) => {
    const piece = pieceOf(input, dice);
    return replaced(input, dice.below(input.length + 1), piece.length, piece);
  },
  (input, dice) => {
    const byte = dice.pick(input.length > 0 ? input : BYTES);
    const many = new Uint8Array(1 + dice.small(200)).fill(byte);
    return replaced(input, dice.below(input.length + 1), 0, many);
  },
  withOtherLength,
  withOtherNumber,
];

/** An input that differs from this one in a few places. */
export function mutated(
  input: Uint8Array,
  others: readonly Uint8Array[],
  words: readonly Uint8Array[],
  dice: Dice,
): Uint8Array {
  let result = input;
  for (let left = 1 + dice.small(6); left > 0; left--) {
    result = dice.once(12) && others.length > 0
      ? spliced(result, dice.pick(others), dice)
      : dice.pick(MUTATIONS)(result, dice, words);
  }
  return result.length > LONGEST_INPUT ? result.slice(0, LONGEST_INPUT) : result;
}

const NONE = new Uint8Array(0);

function changed(input: Uint8Array, dice: Dice, change: (byte: number) => number): Uint8Array {
  if (input.length === 0) return dice.bytes(1);
  const copy = input.slice();
  const at = dice.below(copy.length);
  copy[at] = change(copy[at]!);
  return copy;
}

function replaced(input: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  const end = Math.min(input.length, at + count);
  const result = new Uint8Array(input.length - (end - at) + by.length);
  result.set(input.subarray(0, at));
  result.set(by, at);
  result.set(input.subarray(end), at + by.length);
  return result;
}

function withWord(
  input: Uint8Array,
  dice: Dice,
  words: readonly Uint8Array[],
  most: number,
): Uint8Array {
  const word = words.length > 0 ? dice.pick(words) : dice.bytes(2);
  return replaced(input, dice.below(input.length + 1), Math.min(most, word.length), word);
}

function pieceOf(input: Uint8Array, dice: Dice): Uint8Array {
  const start = dice.below(input.length + 1);
  return input.slice(start, start + 1 + dice.small(64));
}

/** The begin of one, and the end of the other. */
function spliced(input: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  return replaced(
    input,
    dice.below(input.length + 1),
    Infinity,
    other.subarray(dice.below(other.length + 1)),
  );
}

/** A number of one, two or four bytes that says a little more or less. */
function withOtherLength(input: Uint8Array, dice: Dice): Uint8Array {
  const size = dice.pick([1, 2, 4]);
  if (input.length < size) return input;
  const copy = input.slice();
  const view = new DataView(copy.buffer);
  const at = dice.below(copy.length - size + 1);
  const by = dice.pick([-1, 1, -2, 2, 127, -128, 65_535]);
  if (size === 1) view.setUint8(at, view.getUint8(at) + by);
  else if (size === 2) view.setUint16(at, view.getUint16(at) + by);
  else view.setUint32(at, view.getUint32(at) + by);
  return copy;
}

/** Another number in place of digits. */
function withOtherNumber(input: Uint8Array, dice: Dice): Uint8Array {
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;
  const from = dice.below(input.length + 1);
  let start = input.findIndex((byte, i) => i >= from && isDigit(byte));
  if (start < 0) start = input.findIndex(isDigit);
  if (start < 0) return input;
  let end = start;
  while (isDigit(input[end])) end++;
  const numbers = ["", "0", "1", "00", "7", "8", "15", "16", "127", "255", "256", "65535", "65536"];
  const number = dice.once(4)
    ? dice.pick(["9007199254740991", "9007199254740992", "18446744073709551616", "4294967296"])
    : dice.pick(numbers);
  const bytes = Uint8Array.from(number, (digit) => digit.charCodeAt(0));
  return replaced(input, start, end - start, bytes);
}
