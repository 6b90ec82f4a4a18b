/** The chunked transfer coding (RFC 9112 section 7.1), as it is sent: what stands around the payload. */

import { checkField, type FieldLine, latin1Bytes } from "../writer.ts";

/** What ends the line of a chunk's size, and the chunk. */
export const CHUNK_END: Uint8Array = Uint8Array.of(0x0d, 0x0a);

/** The line in front of a chunk of `length` bytes, from 1 on. */
export function chunkStart(length: number): Uint8Array {
  return latin1Bytes(`${length.toString(16)}\r\n`);
}

/**
 * Fields that decide how a message is framed, routed, allowed or read: a trailer comes too late for them
 * (RFC 9110 section 6.5.1).
 */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "expires",
  "host",
  "keep-alive",
  "location",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "www-authenticate",
]);

/**
 * The last chunk, and the trailer section behind it.
 *
 * @throws {TypeError} naming the field that can't be sent, or not in a trailer
 */
export function lastChunk(trailers: Iterable<FieldLine>): Uint8Array {
  let text = "0\r\n";
  for (const field of trailers) {
    checkField(field);
    const [name, value] = field;
    if (FORBIDDEN_TRAILERS.has(name.toLowerCase())) {
      throw new TypeError(`${name} can't stand in a trailer`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return latin1Bytes(text + "\r\n");
}
