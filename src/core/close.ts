/** Close codes and close payloads of RFC 6455 sections 5.5.1 and 7.4. */

import { MAX_CONTROL_PAYLOAD } from "./frame.ts";
import { isUtf8 } from "./utf8.ts";

/** Close codes of RFC 6455 section 7.4.1 and of the IANA registry that grew from it. */
export const CLOSE_NORMAL = 1000;
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_PROTOCOL_ERROR = 1002;
export const CLOSE_UNSUPPORTED_DATA = 1003;
/** Never on the wire: the peer's close frame had no code. */
export const CLOSE_NO_STATUS = 1005;
/** Never on the wire: the connection ended without a close frame. */
export const CLOSE_ABNORMAL = 1006;
export const CLOSE_INVALID_PAYLOAD = 1007;
export const CLOSE_POLICY_VIOLATION = 1008;
export const CLOSE_MESSAGE_TOO_BIG = 1009;
export const CLOSE_EXTENSION_REQUIRED = 1010;
export const CLOSE_INTERNAL_ERROR = 1011;

/** The longest close reason, in bytes of UTF-8: a control frame less the code. */
export const MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

/** Whether `code` may stand in a close frame. */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
    (code >= 3000 && code <= 4999);
}

/** What a close frame said. */
export interface CloseStatus {
  /** {@linkcode CLOSE_NO_STATUS} when the payload was empty. */
  readonly code: number;
  readonly reason: string;
}

const encoder = new TextEncoder();
// A byte order mark is a character of the reason like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The payload of a close frame; empty without a code. */
export function encodeClose(code?: number, reason = ""): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  const text = encoder.encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(text, 2);
  return payload;
}

/** Reads a close payload; a number is the code to fail the connection with. */
export function decodeClose(payload: Uint8Array): CloseStatus | number {
  if (payload.length === 0) return { code: CLOSE_NO_STATUS, reason: "" };
  if (payload.length === 1) return CLOSE_PROTOCOL_ERROR;
  const code = payload[0]! << 8 | payload[1]!;
  if (!isCloseCode(code)) return CLOSE_PROTOCOL_ERROR;
  const text = payload.subarray(2);
  if (!isUtf8(text)) return CLOSE_INVALID_PAYLOAD;
  return { code, reason: decoder.decode(text) };
}
