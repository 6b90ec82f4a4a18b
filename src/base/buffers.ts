/** Buffers as a whole: made of parts, large ones that don't wait for the garbage collector, and how much is held. */

/** Below this a buffer costs less to leave behind than to free. */
const WORTH_FREEING = 4096;

/**
 * Frees the memory of a buffer at once; its views are empty from then on. What is left to the garbage
 * collector stays until the next collection, which may be long after the traffic that made it, and takes
 * ten times as long (64 KiB: 13 µs, 1.4 µs freed here). Where `transfer` is missing, as in Node before 21, that is
 * what happens.
 */
export function freeBuffer(bytes: Uint8Array): void {
  const { buffer } = bytes;
  const isWhole = bytes.length === buffer.byteLength;
  if (isWhole && bytes.length >= WORTH_FREEING) (buffer as ArrayBuffer).transfer?.(0);
}

/** The bytes of all parts, one behind the other, in a buffer of their own. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * What is left behind the first bytes of a buffer of one's own. A view, as a taker of little again and again
 * must not have all the rest copied each time; a copy where a small rest would keep a buffer twice its length.
 */
export function leftOf(own: Uint8Array, taken: number): Uint8Array {
  const isMost = (own.length - taken) * 2 >= own.buffer.byteLength;
  return isMost ? own.subarray(taken) : own.slice(taken);
}

/** Bytes held in one place, which all that hold some count in: each counts what it takes and what it gives back. */
export class HeldBytes {
  bytes = 0;
  /** What the sum has to pass to be looked at. */
  most = Infinity;

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.most) this.onMost();
  }

  /** Called for each of those that take it past `most`, in the middle of their work. */
  protected onMost(): void {}
}

/** Where it counts nothing that would be looked at. */
export const UNCOUNTED = new HeldBytes();
