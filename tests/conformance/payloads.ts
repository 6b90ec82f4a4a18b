/** Payloads of any length, and their comparison. */

import { assert, assertEquals } from "@std/assert";

/** Bytes that repeat neither with a masking key nor with a buffer, so that misplaced ones show. */
export function patternOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8) * 7 + (i >> 16) * 13;
  return bytes;
}

/** Whether a message is binary and has these bytes; fast, for long ones. */
export function assertSameBytes(actual: unknown, expected: Uint8Array): void {
  assert(actual instanceof Uint8Array, "the message is not binary");
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`byte ${i} is ${actual[i]}, not ${expected[i]}`);
  }
}

/** A payload in parts of `size` bytes, the last of which may be shorter; one part of an empty one. */
export function* partsOf(payload: Uint8Array, size: number): Generator<Uint8Array> {
  for (let i = 0; i === 0 || i < payload.length; i += size) yield payload.subarray(i, i + size);
}
