/** What is fuzzed: a parser, what it is given, and what has to hold. */

import type { Dice } from "./dice.ts";

/** A parser under test. */
export interface Target {
  readonly name: string;
  /** The modules of `src` that its inputs reach, and what is compared with what. */
  readonly covers: string;
  /** What mutations put into inputs. */
  readonly words: readonly Uint8Array[];
  /** A fresh input, as the grammar has it more often than not. */
  make(dice: Dice): Uint8Array;
  /**
   * Gives the parser an input, and checks all that has to hold.
   *
   * @param dice follows from the input, so that the same one is checked in the same way
   * @returns what has become of it in few words: inputs that lead to new ones are kept, and changed further
   * @throws {Error} saying what doesn't hold
   */
  check(input: Uint8Array, dice: Dice): string | Promise<string>;
}

/** What doesn't hold; any other error that a check throws is one the parser must not throw. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** @throws {Violation} unless both texts are the same */
export function expectSame(what: string, actual: string, expected: string): void {
  if (actual === expected) return;
  throw new Violation(`${what}:\n  is      ${shortened(actual)}\n  and not ${shortened(expected)}`);
}

/** @throws {Violation} unless it holds */
export function expect(what: string, holds: boolean): asserts holds {
  if (!holds) throw new Violation(what);
}

function shortened(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}

const encoder = new TextEncoder();

/** The bytes of a text of Latin-1. */
export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Latin-1 from bytes. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Words for mutations, of texts in Latin-1. */
export function wordsOf(...texts: readonly string[]): Uint8Array[] {
  return texts.map(latin1);
}
