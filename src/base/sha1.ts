/**
 * SHA-1 (FIPS 180-4) of short texts, at once. A handshake hashes 60 bytes, which takes less time than the way
 * to a library's digest and back.
 */

const DIGEST_BYTES = 20;
const BLOCK_BYTES = 64;
/** Of the block with the padding: its last eight bytes are the length. */
const LENGTH_AT = 56;

/** The words of a block, and what section 6.1.2 makes of them. */
const words = new Int32Array(80);
const state = new Int32Array(5);

/**
 * The digest of `bytes`.
 *
 * @param into takes it: 20 bytes
 */
export function sha1(
  bytes: Uint8Array,
  into: Uint8Array = new Uint8Array(DIGEST_BYTES),
): Uint8Array {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  const { length } = bytes;
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) {
    read(bytes, at, BLOCK_BYTES);
    compress();
  }
  const rest = length - at;
  read(bytes, at, rest);
  words[rest >> 2]! |= 0x80 << shiftOf(rest);
  if (rest >= LENGTH_AT) {
    compress();
    words.fill(0, 0, 16);
  }
  words[14] = Math.floor(length / 2 ** 29);
  words[15] = length << 3;
  compress();
  for (let i = 0; i < DIGEST_BYTES; i++) into[i] = state[i >> 2]! >>> shiftOf(i);
  return into;
}

/** Fills the block with bytes, and zeros behind them. */
function read(bytes: Uint8Array, at: number, length: number): void {
  words.fill(0, 0, 16);
  for (let i = 0; i < length; i++) words[i >> 2]! |= bytes[at + i]! << shiftOf(i);
}

/** Where a byte is in its word, of which the first one is the highest. */
function shiftOf(index: number): number {
  return 24 - (index & 3) * 8;
}

/** Section 6.1.2. */
function compress(): void {
  for (let i = 16; i < 80; i++) {
    const word = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!;
    words[i] = word << 1 | word >>> 31;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let i = 0; i < 80; i++) {
    let mixed: number;
    if (i < 20) mixed = (b & c | ~b & d) + 0x5a827999;
    else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) mixed = (b & c | b & d | c & d) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (a << 5 | a >>> 27) + mixed + e + words[i]! | 0;
    e = d;
    d = c;
    c = b << 30 | b >>> 2;
    b = a;
    a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}
