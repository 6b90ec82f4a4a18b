/** What stands for C's pointers; the conventions are those of `compat/mod`. */

import { type Bytes, bytesOf } from "../../base/bytes.ts";
import { type Box, theWhole } from "./guards.ts";

/**
 * Makes a {@linkcode Box}, as `&variable` does in C.
 *
 * @example
 * ```ts
 * import { box } from "@x/lws/compat";
 *
 * const name = box("");
 * name.value = "example.com"; // as a call would
 * ```
 */
export function box<T>(value: T): Box<T> {
  return { value };
}

/**
 * The first `length` bytes at `buffer`: a string's UTF-8, a view's bytes or a buffer. A string whose `length` is
 * given is taken whole: a program that counts its characters means all of them.
 *
 * @param names What the C call calls the two.
 * @throws {LwsError} `invalid-argument` when there are no bytes, or fewer.
 */
export function bytesAt(
  buffer: Bytes | string,
  length: number,
  names: readonly [buffer: string, length: string] = ["buf", "len"],
): Uint8Array {
  const bytes = bytesOf(names[0], buffer);
  const isWhole = bytes.length === length || typeof buffer === "string" && buffer.length === length;
  if (isWhole) return bytes;
  return bytes.subarray(0, theWhole(names[1], length, 0, bytes.length));
}

/** Copies `text` to a buffer of `size` characters, cut so that its terminating zero fits as well. */
export function copyCut(target: Box<string>, size: number, text: string): void {
  target.value = text.slice(0, Math.max(0, size - 1));
}
