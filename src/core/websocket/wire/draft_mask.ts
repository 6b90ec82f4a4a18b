/**
 * Masking of drafts 04 to 06 ("Client-to-Server Masking"): in front of a client's frame stand four bytes, and
 * all that follows, the header included, is XORed with a key that comes of them.
 */

import type { Digests } from "../digests.ts";
import { mask } from "../mask.ts";

export const NONCE_LENGTH = 4;

/** The key of a frame behind this nonce; empty when it is not masked. */
export type FrameKeys = (nonce: Uint8Array) => Uint8Array;

/** Drafts 05 and 06: the four bytes themselves. */
export const nonceKeys: FrameKeys = (nonce) => nonce.slice();

/** Draft 04: a hash of the nonce and the connection's own key. */
export function hashedKeys(connectionKey: Uint8Array, sha1: Digests["sha1"]): FrameKeys {
  return (nonce) => {
    const both = new Uint8Array(NONCE_LENGTH + connectionKey.length);
    both.set(nonce);
    both.set(connectionKey, NONCE_LENGTH);
    return sha1(both);
  };
}

/** Draft 04 as libwebsockets spoke it: the hash was made, but the connection's key used. */
export function connectionKeys(connectionKey: Uint8Array): FrameKeys {
  return () => connectionKey;
}

/** The same, but a frame behind four zeros is not masked. */
export function unlessZero(keys: FrameKeys): FrameKeys {
  return (nonce) => nonce.every((byte) => byte === 0) ? NO_KEY : keys(nonce);
}

/** Of what is not masked. */
export const NO_KEY: Uint8Array = new Uint8Array(0);

/**
 * Masks or unmasks `bytes[start, end)` in place.
 *
 * @param index How many bytes of the frame came before `start`, those of the nonce not counted.
 */
export function maskFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  index: number,
): void {
  const { length } = key;
  if (length === 0) return;
  if (length === NONCE_LENGTH) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const word = key[0]! | key[1]! << 8 | key[2]! << 16 | key[3]! << 24;
    return mask(bytes, view, start, end, word, index & 3);
  }
  for (let i = start, at = index % length; i < end; i++) {
    bytes[i] = bytes[i]! ^ key[at]!;
    if (++at === length) at = 0;
  }
}
