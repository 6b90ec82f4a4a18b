/** Random bytes, SHA-1 and base64, as programs of then used them. */

import { crypto as digests } from "@std/crypto";
import { type Box, bytesAt } from "./pointers.ts";

/** The most bytes that the runtime's generator fills in one call. */
const RANDOM_PIECE = 65_536;

/** Fills `len` bytes at `buf` with random ones. Returns `len`. */
export function fillRandom(_context: unknown, buf: Uint8Array, len: number): number {
  for (let start = 0; start < len; start += RANDOM_PIECE) {
    crypto.getRandomValues(buf.subarray(start, Math.min(len, start + RANDOM_PIECE)));
  }
  return len;
}

/** Puts the SHA-1 of `n` bytes at `d` into the 20 bytes at `md`, which it returns. */
export function sha1(d: Uint8Array | string, n: number, md: Uint8Array): Uint8Array {
  const copy = bytesAt(d, n).slice();
  md.set(new Uint8Array(digests.subtle.digestSync("SHA-1", copy)));
  return md;
}

/** Encodes `in_len` bytes as base64. The length, or −1 when it does not fit with a zero behind it. */
export function base64Encode(
  input: Uint8Array | string,
  in_len: number,
  out: Box<string>,
  out_size: number,
): number {
  const text = bytesAt(input, in_len).toBase64();
  if (text.length >= out_size) return -1;
  out.value = text;
  return text.length;
}

/** Decodes base64 into `out`. The number of bytes, or −1 when they don't fit or there is no base64. */
export function base64Decode(input: string, out: Uint8Array, out_size: number): number {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(input);
  } catch {
    return -1;
  }
  if (bytes.length > Math.min(out_size, out.length)) return -1;
  out.set(bytes);
  return bytes.length;
}
