/** What programs hand over as bytes: all of it, whatever its type is, or a refusal. */

import { describeValue } from "./check.ts";
import { LwsError } from "./errors.ts";

/** Bytes as a program may have them: those of any view, or all of a buffer. */
export type Bytes = ArrayBufferView | ArrayBufferLike;

// The engine's own getters: what an object says of itself, as a `length` from JSON, can be anything.
type Getter<T> = (this: unknown) => T;
function getter<T>(prototype: object, key: PropertyKey): Getter<T> {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get as Getter<T>;
}
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const typeOf = getter<string | undefined>(typedArray, Symbol.toStringTag);
const bufferOfTypedArray = getter<ArrayBufferLike>(typedArray, "buffer");
const byteOffsetOfTypedArray = getter<number>(typedArray, "byteOffset");
const byteLengthOf = getter<number>(typedArray, "byteLength");
const elementAt = Uint8Array.prototype.at;
const bufferOfDataView = getter<ArrayBufferLike>(DataView.prototype, "buffer");
const byteOffsetOfDataView = getter<number>(DataView.prototype, "byteOffset");
const byteLengthOfDataView = getter<number>(DataView.prototype, "byteLength");
const byteLengthOfBuffer = getter<number>(ArrayBuffer.prototype, "byteLength");
const byteLengthOfShared = getter<number>(SharedArrayBuffer.prototype, "byteLength");

const encoder = new TextEncoder();

/**
 * How many bytes `data` has if it is a `Uint8Array` with some, else −1: then {@linkcode viewOf} tells. On
 * the way of every write, so that nothing is asked twice.
 */
export function plainLength(data: unknown): number {
  if (typeOf.call(data) !== "Uint8Array") return -1;
  const length = byteLengthOf.call(data);
  return length > 0 ? length : -1;
}

/** How many bytes a `Uint8Array` has; 0 when its buffer is gone. */
export function lengthOf(bytes: Uint8Array): number {
  return byteLengthOf.call(bytes);
}

/** The buffer that a `Uint8Array` is a part of. */
export function bufferOf(bytes: Uint8Array): ArrayBufferLike {
  return bufferOfTypedArray.call(bytes);
}

/** Where in its buffer a `Uint8Array` begins. */
export function byteOffsetOf(bytes: Uint8Array): number {
  return byteOffsetOfTypedArray.call(bytes);
}

/**
 * The bytes that `data`, which errors call `what`, has now, in place. They may be shared or resizable, so that only
 * `Uint8Array.prototype.set` may read them, in the same turn.
 *
 * @throws {LwsError} `invalid-argument` when it has none, a detached or out-of-bounds view included.
 */
export function viewOf(what: string, data: unknown): Uint8Array {
  if (plainLength(data) > 0) return data as Uint8Array;
  if (ArrayBuffer.isView(data)) return viewOfView(what, data);
  if (!isBuffer(data)) refuse(what, describeValue(data));
  try {
    return new Uint8Array(data);
  } catch {
    refuse(what, "a detached buffer");
  }
}

/**
 * The bytes of `data`, of a string its UTF-8; to be read in the same turn, as those of {@linkcode viewOf}.
 *
 * @throws {LwsError} `invalid-argument` as {@linkcode viewOf}.
 */
export function bytesOf(what: string, data: unknown): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  const view = viewOf(what, data);
  const buffer = bufferOf(view);
  const bytes = new Uint8Array(buffer, byteOffsetOf(view), lengthOf(view));
  // The runtime's own functions take neither.
  const isFixed = buffer instanceof ArrayBuffer && !buffer.resizable;
  return isFixed ? bytes : bytes.slice();
}

function viewOfView(what: string, view: ArrayBufferView): Uint8Array {
  try {
    if (typeOf.call(view) === undefined) {
      return new Uint8Array(
        bufferOfDataView.call(view),
        byteOffsetOfDataView.call(view),
        byteLengthOfDataView.call(view),
      );
    }
    // Out of bounds the length would only be 0, and this throws.
    elementAt.call(view as Uint8Array, 0);
    return new Uint8Array(
      bufferOfTypedArray.call(view),
      byteOffsetOfTypedArray.call(view),
      byteLengthOf.call(view),
    );
  } catch {
    refuse(what, "a view that is detached or out of bounds");
  }
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  if (typeof data !== "object") return false;
  return hasLength(byteLengthOfBuffer, data) || hasLength(byteLengthOfShared, data);
}

function hasLength(byteLength: Getter<number>, data: unknown): boolean {
  try {
    byteLength.call(data);
    return true;
  } catch {
    return false;
  }
}

function refuse(what: string, shown: string): never {
  throw new LwsError(
    "invalid-argument",
    `${what} is ${shown}; allowed: a string, a Uint8Array or another view, or a buffer`,
  );
}
