/** Whole frames (RFC 6455 section 5.2), for programs that queue what they send themselves. */

import { LwsError } from "../../base/errors.ts";
import {
  CONTROL_BIT,
  FIN,
  headerLength,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BITS,
  writeHeader,
} from "./frame.ts";
import { mask, newMaskingKey, writeMaskingKey } from "./mask.ts";

/** What {@linkcode frameBytes} is to make. */
export interface FrameBytesOptions {
  /** Whether it is masked: true from a client, false from a server (section 5.1). */
  readonly masked: boolean;
  /** Whether it is its message's last. @default {true} */
  readonly fin?: boolean;
  /** RSV1 to RSV3 as a number from 0 to 7, for extensions (section 5.8). @default {0} */
  readonly reservedBits?: number;
}

/**
 * A frame in a buffer of its own; the payload is copied, and its own bytes stay as they are. A masked
 * one has a fresh key.
 *
 * @param opcode one of `OPCODE_TEXT`, `OPCODE_BINARY`, `OPCODE_CONTINUATION`, `OPCODE_CLOSE`,
 *   `OPCODE_PING` and `OPCODE_PONG`
 * @throws {LwsError} `invalid-argument` for an opcode or reserved bits out of range, and for a control
 *   frame that is fragmented or has more than 125 bytes (section 5.5)
 * @example
 * ```ts
 * import { frameBytes, OPCODE_TEXT } from "@x/lws/core";
 *
 * const payload = new TextEncoder().encode("Hello");
 * const frame = frameBytes(OPCODE_TEXT, payload, { masked: false });
 * if (frame.toHex() !== "810548656c6c6f") throw new Error("not section 5.7's example");
 * ```
 */
export function frameBytes(
  opcode: number,
  payload: Uint8Array,
  { masked, fin = true, reservedBits = 0 }: FrameBytesOptions,
): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(opcode) || opcode < 0 || opcode > OPCODE_BITS) {
    throw new LwsError("invalid-argument", `frameBytes: opcode must be 0 to 15, not ${opcode}`);
  }
  if (!Number.isInteger(reservedBits) || reservedBits < 0 || reservedBits > 7) {
    throw new LwsError(
      "invalid-argument",
      `frameBytes: reservedBits must be 0 to 7, not ${reservedBits}`,
    );
  }
  const { length } = payload;
  if ((opcode & CONTROL_BIT) !== 0 && (!fin || length > MAX_CONTROL_PAYLOAD)) {
    throw new LwsError(
      "invalid-argument",
      `frameBytes: a control frame has at most ${MAX_CONTROL_PAYLOAD} bytes, and is whole`,
    );
  }
  const start = headerLength(length, masked);
  const bytes = new Uint8Array(start + length);
  writeHeader(bytes, 0, (fin ? FIN : 0) | reservedBits << 4 | opcode, length, masked);
  bytes.set(payload, start);
  if (masked) {
    const key = newMaskingKey();
    writeMaskingKey(bytes, start - 4, key);
    mask(bytes, new DataView(bytes.buffer), start, bytes.length, key, 0);
  }
  return bytes;
}
