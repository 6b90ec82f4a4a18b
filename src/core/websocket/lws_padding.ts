/** Buffers with room in front, for writes that copy nothing. */

import { bufferOf, byteOffsetOf } from "../../base/bytes.ts";
import { refuseArgument } from "../../base/check.ts";
import { MAX_HEADER_LENGTH } from "./frame.ts";

/**
 * Bytes in front of the payload that `allocPadded` keeps free for a frame header
 * (`LWS_SEND_BUFFER_PRE_PADDING`).
 *
 * @category Connections
 */
export const PRE_PADDING: number = MAX_HEADER_LENGTH + 2;

const padded = new WeakSet<ArrayBufferLike>();
let isUsed = false;

/**
 * A buffer of `length` bytes, zeroed, that `wsi.write` sends without a copy: the frame header is put in
 * front of it in place (`LWS_SEND_BUFFER_PRE_PADDING`). Once written it belongs to the connection: fill a
 * new one for the next write. If its buffer is transferred before the bytes have left, the connection ends.
 *
 * @category Connections
 * @param length Bytes of payload, from 0 on.
 * @throws {LwsError} `invalid-argument` for another length.
 * @throws {RangeError} when there is no memory for so many.
 *
 * @example
 * ```ts
 * import { allocPadded } from "@x/lws";
 *
 * const picture = allocPadded(100_000);
 * picture.fill(7);
 * // wsi.write(picture, "binary");
 * ```
 */
export function allocPadded(length: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(length) || length < 0) {
    refuseArgument("allocPadded", "length", length, "a whole number from 0 on");
  }
  const buffer = new ArrayBuffer(PRE_PADDING + length);
  padded.add(buffer);
  isUsed = true;
  return new Uint8Array(buffer, PRE_PADDING, length);
}

/** Whether the program has asked for one yet: most never do, and every write would look for it. */
export function hasPadded(): boolean {
  return isUsed;
}

/**
 * The buffer of `data`, of `length` bytes, if that is all of an `allocPadded` one that has not been
 * written; says so once.
 */
export function takePadded(data: Uint8Array, length: number): ArrayBuffer | undefined {
  if (byteOffsetOf(data) !== PRE_PADDING) return undefined;
  const buffer = bufferOf(data);
  return buffer.byteLength === PRE_PADDING + length && padded.delete(buffer)
    ? buffer as ArrayBuffer
    : undefined;
}
