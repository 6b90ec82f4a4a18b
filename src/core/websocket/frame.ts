/** The base framing protocol of RFC 6455 section 5.2: its constants and the frame header's writer. */

// RFC 6455 section 11.8.
/** The opcode of what goes on with a message. */
export const OPCODE_CONTINUATION = 0x0;
/** The opcode of text, which is UTF-8. */
export const OPCODE_TEXT = 0x1;
/** The opcode of bytes. */
export const OPCODE_BINARY = 0x2;
/** The opcode of the close frame. */
export const OPCODE_CLOSE = 0x8;
/** The opcode of a ping. */
export const OPCODE_PING = 0x9;
/** The opcode of its answer, or of a pong without a ping. */
export const OPCODE_PONG = 0xa;

/** FIN, the final fragment's bit in a header's first byte. */
export const FIN = 0x80;
/** RSV1 to RSV3 in a header's first byte; extensions give them a meaning. */
export const RESERVED_BITS = 0x70;
/** The opcode in a header's first byte. */
export const OPCODE_BITS = 0x0f;
/** Set in the opcodes of control frames (section 5.5). */
export const CONTROL_BIT = 0x08;
/** MASK in a header's second byte. */
export const MASK = 0x80;
/** The 7-bit length in a header's second byte. */
export const LENGTH_BITS = 0x7f;
/** The 7-bit length that announces a 16-bit one. */
export const LENGTH_16 = 126;
/** The 7-bit length that announces a 64-bit one. */
export const LENGTH_64 = 127;
/** Control frames carry at most this many bytes (section 5.5). */
export const MAX_CONTROL_PAYLOAD = 125;
/** The longest header: two bytes, a 64-bit length and a masking key. */
export const MAX_HEADER_LENGTH = 14;

const MASKING_KEY_LENGTH = 4;

/** How many bytes the header of a frame with `length` bytes of payload takes. */
export function headerLength(length: number, masked: boolean): number {
  const key = masked ? MASKING_KEY_LENGTH : 0;
  if (length < LENGTH_16) return 2 + key;
  return (length <= 0xffff ? 4 : 10) + key;
}

/**
 * Writes a frame header (section 5.2) at `offset` and returns where the payload begins. The length
 * takes the fewest bytes that hold it; a masked frame's key is left for the caller to write into
 * the last four bytes.
 */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  first: number,
  length: number,
  masked: boolean,
): number {
  const maskBit = masked ? MASK : 0;
  target[offset] = first;
  if (length < LENGTH_16) {
    target[offset + 1] = maskBit | length;
    offset += 2;
  } else if (length <= 0xffff) {
    target[offset + 1] = maskBit | LENGTH_16;
    target[offset + 2] = length >>> 8;
    target[offset + 3] = length & 0xff;
    offset += 4;
  } else {
    target[offset + 1] = maskBit | LENGTH_64;
    const high = Math.floor(length / 0x1_0000_0000);
    const low = length >>> 0;
    target[offset + 2] = high >>> 24;
    target[offset + 3] = high >>> 16;
    target[offset + 4] = high >>> 8;
    target[offset + 5] = high;
    target[offset + 6] = low >>> 24;
    target[offset + 7] = low >>> 16;
    target[offset + 8] = low >>> 8;
    target[offset + 9] = low;
    offset += 10;
  }
  return masked ? offset + MASKING_KEY_LENGTH : offset;
}
