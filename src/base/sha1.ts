/** SHA-1, FIPS 180-4: the runtime takes ten times as long for a text as short as a handshake's key. */

const BLOCK = 64;
/** What stands behind the text: its length in bits. */
const LENGTH_BYTES = 8;
const words = /* @__PURE__ */ new Int32Array(80);
const last = /* @__PURE__ */ new Uint8Array(BLOCK);
const state = /* @__PURE__ */ new Int32Array(5);

/** The digest, 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  state[0] = 0x67452301;
  state[1] = -0x10325477;
  state[2] = -0x67452302;
  state[3] = 0x10325476;
  state[4] = -0x3c2d1e10;
  let at = 0;
  for (; at + BLOCK <= bytes.length; at += BLOCK) mix(bytes, at);
  const left = bytes.length - at;
  last.fill(0);
  for (let i = 0; i < left; i++) last[i] = bytes[at + i]!;
  last[left] = 0x80;
  if (left >= BLOCK - LENGTH_BYTES) {
    mix(last, 0);
    last.fill(0);
  }
  // Six of its bytes hold the length of whatever fits into memory.
  let bits = bytes.length * 8;
  for (let i = BLOCK - 1; bits > 0; i--) {
    last[i] = bits % 256;
    bits = Math.floor(bits / 256);
  }
  mix(last, 0);
  const digest = new Uint8Array(20);
  for (let i = 0; i < 20; i++) digest[i] = state[i >> 2]! >> (24 - 8 * (i & 3));
  return digest;
}

/** Section 6.1.2: a block into the state. */
function mix(bytes: Uint8Array, at: number): void {
  for (let t = 0; t < 16; t++, at += 4) {
    words[t] = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const word = words[t - 3]! ^ words[t - 8]! ^ words[t - 14]! ^ words[t - 16]!;
    words[t] = word << 1 | word >>> 31;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let t = 0; t < 80; t++) {
    let mixed: number;
    if (t < 20) mixed = (b & c | ~b & d) + 0x5a827999;
    else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (t < 60) mixed = (b & c | b & d | c & d) - 0x70e44324;
    else mixed = (b ^ c ^ d) - 0x359d3e2a;
    const next = ((a << 5 | a >>> 27) + e | 0) + (mixed + words[t]! | 0) | 0;
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
