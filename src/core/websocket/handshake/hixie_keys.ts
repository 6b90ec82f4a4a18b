/**
 * The three keys of hixie-76, by which a client knows that its peer has read the request: two numbers
 * hidden in header fields, and eight bytes behind the head (draft-ietf-hybi-thewebsocketprotocol-00
 * sections 4.1 and 5.2).
 */

import type { Digests } from "../digests.ts";

/** The bytes behind a request's head. */
export const CHALLENGE_LENGTH = 8;
/** The bytes behind the head of its answer. */
export const PROOF_LENGTH = 16;

/** What a client asks with. */
export interface Challenge {
  readonly key1: string;
  readonly key2: string;
  /** The eight bytes. */
  readonly key3: Uint8Array;
}

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LARGEST = 0xffff_ffff;

const MOST_SPACES = 12;
const MOST_JUNK = 12;

/**
 * The number in a key: that of its digits, divided by its spaces. `undefined` for what no client has made:
 * a key without a digit or a space, one that leaves a remainder, and one above 32 bits.
 */
export function numberInKey(key: string): number | undefined {
  let product = 0;
  let digits = 0;
  let spaces = 0;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code === SPACE) spaces++;
    else if (code >= DIGIT_0 && code <= DIGIT_9) {
      product = product * 10 + code - DIGIT_0;
      if (product > LARGEST) return undefined;
      digits++;
    }
  }
  if (digits === 0 || spaces === 0 || product % spaces !== 0) return undefined;
  return product / spaces;
}

/** What a server answers with: the MD5 of both numbers, most significant byte first, and the eight bytes. */
export function proofOf(
  number1: number,
  number2: number,
  key3: Uint8Array,
  digests: Pick<Digests, "md5">,
): Uint8Array {
  const sum = new Uint8Array(PROOF_LENGTH);
  const view = new DataView(sum.buffer);
  view.setUint32(0, number1);
  view.setUint32(4, number2);
  sum.set(key3, 8);
  return digests.md5(sum);
}

/** Three fresh keys. */
export function newChallenge(): Challenge {
  return {
    key1: newHiddenNumber(),
    key2: newHiddenNumber(),
    key3: crypto.getRandomValues(new Uint8Array(CHALLENGE_LENGTH)),
  };
}

/** Digits with 1 to 12 other characters anywhere, and then with 1 to 12 spaces, neither first nor last. */
function newHiddenNumber(): string {
  const spaces = 1 + below(MOST_SPACES);
  const number = below(Math.floor(LARGEST / spaces) + 1);
  const key = [...String(number * spaces)];
  for (let junk = 1 + below(MOST_JUNK); junk > 0; junk--) {
    key.splice(below(key.length + 1), 0, junkCharacter());
  }
  for (let left = spaces; left > 0; left--) key.splice(1 + below(key.length - 1), 0, " ");
  return key.join("");
}

/** One of U+0021 to U+002F and U+003A to U+007E: visible, and no digit. */
function junkCharacter(): string {
  const nth = below(15 + 69);
  return String.fromCharCode(nth < 15 ? 0x21 + nth : 0x3a + nth - 15);
}

/** A random whole number from 0 on. */
function below(limit: number): number {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return Math.floor(random! / 2 ** 32 * limit);
}
