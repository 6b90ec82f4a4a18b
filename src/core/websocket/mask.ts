/** Masking of RFC 6455 section 5.3: byte i of the payload is XORed with byte i mod 4 of the key. */

/**
 * From this payload length on 64-bit steps win over 32-bit ones; below it their BigInt set-up costs
 * more than it saves: 125 bytes take 13 ns instead of 24 (`bench/mask_bench.ts`).
 */
const LONG_PAYLOAD = 32;

/**
 * Masks or unmasks `bytes[start, end)` in place.
 *
 * @param view Spans the same memory as `bytes`; kept by the caller, as making one costs more than
 *   unmasking a short payload.
 * @param key The masking key's four bytes as a little-endian integer.
 * @param phase How many bytes of the payload came before `start`, mod 4.
 */
export function mask(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  key: number,
  phase: number,
): void {
  const turned = phase === 0 ? key : rotate(key, phase);
  let position = start;
  if (end - start >= LONG_PAYLOAD) {
    const half = BigInt(turned >>> 0);
    const wide = BigInt.asUintN(64, (half << 32n) | half);
    for (const stop = end - 31; position < stop; position += 32) {
      view.setBigUint64(position, view.getBigUint64(position, true) ^ wide, true);
      view.setBigUint64(position + 8, view.getBigUint64(position + 8, true) ^ wide, true);
      view.setBigUint64(position + 16, view.getBigUint64(position + 16, true) ^ wide, true);
      view.setBigUint64(position + 24, view.getBigUint64(position + 24, true) ^ wide, true);
    }
  }
  for (const stop = end - 3; position < stop; position += 4) {
    view.setUint32(position, view.getUint32(position, true) ^ turned, true);
  }
  // Every step so far was a multiple of four bytes, so the key has not turned further.
  for (let shift = 0; position < end; position++, shift += 8) {
    bytes[position] = bytes[position]! ^ (turned >>> shift);
  }
}

const POOL_LENGTH = 1024;
const pool = new Uint8Array(POOL_LENGTH);
const poolView = new DataView(pool.buffer);
let poolPosition = POOL_LENGTH;

/**
 * A masking key that the peer can't foresee (section 5.3), as a little-endian integer. Drawn from
 * the platform's generator a kilobyte at a time, since one call to it costs as much as hundreds of
 * keys.
 */
export function newMaskingKey(): number {
  if (poolPosition === POOL_LENGTH) {
    crypto.getRandomValues(pool);
    poolPosition = 0;
  }
  const key = poolView.getUint32(poolPosition, true);
  poolPosition += 4;
  return key;
}

/** Writes the key's four bytes at `offset`. */
export function writeMaskingKey(target: Uint8Array, offset: number, key: number): void {
  target[offset] = key;
  target[offset + 1] = key >>> 8;
  target[offset + 2] = key >>> 16;
  target[offset + 3] = key >>> 24;
}

/** The key as it stands for a payload of which `phase` bytes are gone. */
function rotate(key: number, phase: number): number {
  const shift = (phase & 3) * 8;
  return shift === 0 ? key : (key >>> shift) | (key << (32 - shift));
}
