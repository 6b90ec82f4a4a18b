/** Messages that tell of themselves which one they are, and whether they are whole. */

import { crc32 } from "node:zlib";
import { anyMagnitude } from "./decisions.ts";

/** A message as it is sent. */
export interface Message {
  readonly isText: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where its frames begin, but the first; the same place twice is an empty frame. */
  readonly cuts: readonly number[];
}

/** Of binary messages: the number and the checksum of what follows. Of text the same in hexadecimal digits. */
const HEAD = 8;
const TEXT_HEAD = 2 * HEAD;
const LARGEST_BODY = 100_000;
const MOST_CUTS = 5;
/** Characters of one to four bytes, so that frames and reads split them anywhere. */
const LETTERS = ["a", "ß", "→", "😀", "lorem ipsum ", "\n"];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The message of this number. */
export function makeMessage(below: (most: number) => number, number: number): Message {
  const isText = below(2) === 0;
  const body = makeBody(below, isText, anyMagnitude(below, LARGEST_BODY));
  const bytes = headed(isText, number, body);
  const cuts = Array.from({ length: below(3) === 0 ? 1 + below(MOST_CUTS) : 0 }, () => {
    return below(bytes.length + 1);
  });
  return { isText, bytes, cuts: cuts.sort((a, b) => a - b) };
}

function makeBody(below: (most: number) => number, isText: boolean, size: number): Uint8Array {
  if (isText) {
    let text = "";
    while (text.length < size) text += LETTERS[below(LETTERS.length)]!.repeat(1 + below(9));
    return encoder.encode(text);
  }
  const body = new Uint8Array(size);
  // Half of them can't be compressed.
  const kinds = below(2) === 0 ? 4 : 256;
  for (let i = 0; i < size; i++) body[i] = below(kinds);
  return body;
}

function headed(isText: boolean, number: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(HEAD);
  const view = new DataView(head.buffer);
  view.setUint32(0, number);
  view.setUint32(4, crc32(body));
  const start = isText ? encoder.encode(head.toHex()) : head;
  const bytes = new Uint8Array(start.length + body.length);
  bytes.set(start);
  bytes.set(body, start.length);
  return bytes;
}

/** What is wrong with a message that should be the one of this number; undefined when it is that. */
export function faultOf(isText: boolean, bytes: Uint8Array, number: number): string | undefined {
  const length = isText ? TEXT_HEAD : HEAD;
  if (bytes.length < length) return `message ${number} has ${bytes.length} bytes`;
  const head = isText ? fromHex(decoder.decode(bytes.subarray(0, length))) : bytes;
  if (head === undefined) return `message ${number} has no head`;
  const view = new DataView(head.buffer, head.byteOffset, HEAD);
  if (view.getUint32(0) !== number) return `${view.getUint32(0)} came as message ${number}`;
  return view.getUint32(4) === crc32(bytes.subarray(length))
    ? undefined
    : `message ${number} of ${bytes.length} bytes is not what was sent`;
}

function fromHex(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return undefined;
  }
}
