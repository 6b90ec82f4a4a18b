/** Unmasking four bytes a step, whatever the length. */

/** Unmasks `bytes[at, end)`; `key` is little-endian. */
export function unmask(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  key: number,
): void {
  for (; at + 4 <= end; at += 4) view.setUint32(at, view.getUint32(at, true) ^ key, true);
  for (let shift = 0; at < end; at++, shift += 8) bytes[at]! ^= key >>> shift;
}
