/** What Web IDL makes of arguments, and wants of an interface. */

import { LwsError } from "../base/errors.ts";
import { utf8Length } from "./outgoing.ts";
import type { WebSocketOptions } from "./websocket_options.ts";

/** What is sent as binary, but for Blobs. */
export type Bytes = ArrayBufferLike | ArrayBufferView;

/** Web IDL's union of a name, a sequence of them, and a dictionary. */
export function optionsOf(
  argument: string | readonly string[] | WebSocketOptions | null | undefined,
) {
  if (argument === undefined || argument === null) return {};
  if (typeof argument !== "object") return { protocols: `${argument}` };
  return Symbol.iterator in argument
    ? { protocols: [...argument as Iterable<string>] }
    : argument as WebSocketOptions;
}

/** A name, or each of a sequence, as a string. @throws {LwsError} `invalid-option` for another object */
export function protocolsOf(protocols: unknown): string[] {
  if (protocols === undefined) return [];
  if (typeof protocols !== "object" || protocols === null) return [`${protocols}`];
  if (Symbol.iterator in protocols) {
    return Array.from(protocols as Iterable<unknown>, (each) => `${each}`);
  }
  throw new LwsError("invalid-option", "WebSocket: protocols is {…}; allowed: a name, or a list");
}

/** Whether it is sent as binary, and not made a string. */
export function isBinary(data: unknown): data is Blob | Bytes {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob ||
    data instanceof SharedArrayBuffer;
}

/** How many bytes it counts for in `bufferedAmount`. */
export function sizeOf(message: string | Blob | Bytes): number {
  if (typeof message === "string") return utf8Length(message);
  return message instanceof Blob ? message.size : message.byteLength;
}

/** Web IDL's `[Clamp] unsigned short`. */
export function clampToShort(value: unknown): number {
  const number = Number(value);
  return Number.isNaN(number) ? 0 : Math.round(Math.min(Math.max(number, 0), 65_535));
}

/**
 * Gives a class constants that can't be changed, which its instances have as well, and makes its attributes
 * and operations ones that a loop over the names shows.
 */
export function makeInterface(
  type: { readonly prototype: object },
  constants: Readonly<Record<string, number>>,
): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(type.prototype))) {
    if (name === "constructor" || name.endsWith("EventListener")) continue;
    Object.defineProperty(type.prototype, name, { ...property, enumerable: true });
  }
  for (const [name, value] of Object.entries(constants)) {
    for (const owner of [type, type.prototype]) {
      Object.defineProperty(owner, name, { value, enumerable: true });
    }
  }
}
