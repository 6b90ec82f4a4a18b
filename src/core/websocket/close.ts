/** Close codes and close payloads of RFC 6455 sections 5.5.1 and 7.4. */

import { refuseArgument } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { MAX_CONTROL_PAYLOAD } from "./frame.ts";
import { isUtf8 } from "./utf8.ts";

/**
 * Close codes by name (`enum lws_close_status`): those of RFC 6455 section 7.4.1, of the IANA registry
 * that grew from it, and three that the C library uses only inside. `wsi.close` takes 1000–1003 and
 * 1007–1014; 1005, 1006 and 1015 are never on the wire.
 *
 * @category Connections
 * @example
 * ```ts
 * import { CLOSE_STATUS, handlers } from "@x/lws";
 *
 * const callback = handlers({
 *   established: (wsi) => void wsi.close(CLOSE_STATUS.goingaway, "moving house"),
 * });
 * ```
 */
export const CLOSE_STATUS = {
  /** In the C library: no status is given. */
  nostatus: 0,
  /** The purpose is fulfilled. */
  normal: 1000,
  /** A server shuts down, or a browser leaves the page. */
  goingaway: 1001,
  /** The peer broke the protocol. */
  protocolErr: 1002,
  /** A kind of data that this end can't accept. */
  unacceptableOpcode: 1003,
  /** 1004 in drafts of the protocol; since RFC 6455 {@linkcode reserved}. */
  payloadTooLarge: 1004,
  /** Without a meaning. */
  reserved: 1004,
  /** Never on the wire: the peer's close frame had no code. */
  noStatus: 1005,
  /** Never on the wire: the connection ended without a close frame. */
  abnormalClose: 1006,
  /** Text that is not UTF-8. */
  invalidPayload: 1007,
  /** A rule of this end was broken for which there is no better code. */
  policyViolation: 1008,
  /** A message, or frame, longer than this end takes. */
  messageTooLarge: 1009,
  /** A client wanted an extension that the server did not agree to. */
  extensionRequired: 1010,
  /** A server met a condition that keeps it from fulfilling the request. */
  unexpectedCondition: 1011,
  /** The server restarts; come back after some seconds. */
  serviceRestart: 1012,
  /** The server is overloaded; come back later. */
  tryAgainLater: 1013,
  /** A gateway got a bad answer from behind. */
  badGateway: 1014,
  /** Never on the wire: the TLS handshake failed. */
  tlsFailure: 1015,
  /** In the C library: the context is destroyed. */
  nostatusContextDestroy: 9999,
} as const;

/** Never on the wire: what a close frame without a code stands for. */
export const CLOSE_NO_STATUS = CLOSE_STATUS.noStatus;
/** Never on the wire: what no close frame at all stands for. */
export const CLOSE_ABNORMAL = CLOSE_STATUS.abnormalClose;

/**
 * Every close frame that the library sends of itself: its code, and its reason unless more is known of
 * the fault. Nothing else chooses a code: the parser, decoders and sessions fail by a key.
 */
export const FAILURES = {
  // The header of a frame (RFC 6455 sections 5.1 to 5.5).
  reservedBit: [CLOSE_STATUS.protocolErr, "a reserved bit is set"],
  unknownOpcode: [CLOSE_STATUS.protocolErr, "unknown opcode"],
  fragmentedControl: [CLOSE_STATUS.protocolErr, "fragmented control frame"],
  longControl: [CLOSE_STATUS.protocolErr, "control frame too long"],
  nestedMessage: [CLOSE_STATUS.protocolErr, "a message began inside another"],
  nothingToContinue: [CLOSE_STATUS.protocolErr, "nothing to continue"],
  notMasked: [CLOSE_STATUS.protocolErr, "the frame is not masked"],
  masked: [CLOSE_STATUS.protocolErr, "the frame is masked"],
  lengthNotMinimal: [CLOSE_STATUS.protocolErr, "length not minimal"],
  lengthOutOfRange: [CLOSE_STATUS.protocolErr, "length out of range"],
  // What it carries (sections 5.5.1, 7.4 and 8.1).
  closeCode: [CLOSE_STATUS.protocolErr, "malformed close frame"],
  closeReason: [CLOSE_STATUS.invalidPayload, "malformed close frame"],
  notUtf8: [CLOSE_STATUS.invalidPayload, "the text is not UTF-8"],
  cutText: [CLOSE_STATUS.invalidPayload, "the text ends inside a character"],
  // What an extension transforms; the extension says more.
  brokenMessage: [CLOSE_STATUS.invalidPayload, "the message can't be decoded"],
  brokenStream: [CLOSE_STATUS.protocolErr, "the stream can't be decoded"],
  // Limits.
  frameTooBig: [CLOSE_STATUS.messageTooLarge, "frame too big"],
  messageTooBig: [CLOSE_STATUS.messageTooLarge, "message too big"],
  tooManyFragments: [CLOSE_STATUS.policyViolation, "too many fragments"],
  tooManyEmptyFragments: [CLOSE_STATUS.policyViolation, "too many empty fragments"],
  tooManyMessages: [CLOSE_STATUS.policyViolation, "too many messages a second"],
  tooManyBytes: [CLOSE_STATUS.policyViolation, "too many bytes a second"],
  // Times.
  idle: [CLOSE_STATUS.goingaway, "no message for too long"],
  livedLong: [CLOSE_STATUS.goingaway, "the connection has had its time"],
  // This end; what it met is not for the peer.
  callbackThrew: [CLOSE_STATUS.unexpectedCondition, ""],
  extensionThrew: [CLOSE_STATUS.unexpectedCondition, ""],
  contextLeaves: [CLOSE_STATUS.goingaway, ""],
  lagging: [CLOSE_STATUS.tryAgainLater, "the subscriber reads too slowly"],
} as const satisfies Record<string, readonly [code: number, reason: string]>;

/** A key of {@linkcode FAILURES}. */
export type Failure = keyof typeof FAILURES;

/** The {@linkcode CloseCause} of a failure: which side is at fault, and how. */
export function causeOf(
  failure: Failure,
): "limit" | "protocol" | "callback" | "destroy" | "unsent" | "timeout" {
  if (failure === "idle" || failure === "livedLong") return "timeout";
  switch (FAILURES[failure][0]) {
    case CLOSE_STATUS.policyViolation:
    case CLOSE_STATUS.messageTooLarge:
      return "limit";
    case CLOSE_STATUS.unexpectedCondition:
      return "callback";
    case CLOSE_STATUS.goingaway:
      return "destroy";
    case CLOSE_STATUS.tryAgainLater:
      return "unsent";
    default:
      return "protocol";
  }
}

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
  /** At most {@linkcode MAX_CLOSE_REASON} bytes as UTF-8; empty without one. */
  readonly reason: string;
}

const encoder = new TextEncoder();
// A byte order mark is a character of the reason like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * What the payload of a close frame says that the program writes.
 *
 * @throws {LwsError} `invalid-argument` for a payload that can't be one
 */
export function writtenClose(payload: Uint8Array, fin: boolean): CloseStatus {
  const status = decodeClose(payload);
  if (!fin || payload.length > MAX_CONTROL_PAYLOAD || typeof status === "string") {
    throw new LwsError("invalid-argument", "write: not the payload of a close frame");
  }
  return status;
}

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

/** As much of a reason as fits into a close frame, in whole characters. */
export function fittingReason(reason: string): string {
  const { read } = encoder.encodeInto(reason, new Uint8Array(MAX_CLOSE_REASON));
  return reason.slice(0, read);
}

/** Reads a close payload; a text is what is wrong with it. */
export function decodeClose(payload: Uint8Array): CloseStatus | "closeCode" | "closeReason" {
  if (payload.length === 0) return { code: CLOSE_NO_STATUS, reason: "" };
  if (payload.length === 1) return "closeCode";
  const code = payload[0]! << 8 | payload[1]!;
  if (!isCloseCode(code)) return "closeCode";
  const text = payload.subarray(2);
  if (!isUtf8(text)) return "closeReason";
  return { code, reason: decoder.decode(text) };
}

/**
 * The payload of the close frame for these arguments.
 *
 * @throws {LwsError} `invalid-argument`, which names the argument
 */
export function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (typeof reason !== "string") refuseArgument("close", "reason", reason, "text");
  if (code === undefined && reason !== "") {
    throw new LwsError("invalid-argument", "close: a reason needs a code");
  }
  if (code !== undefined && !isCloseCode(code)) {
    refuseArgument("close", "code", code, "1000–1003, 1007–1014, 3000–4999");
  }
  const payload = encodeClose(code, reason);
  if (payload.length - 2 > MAX_CLOSE_REASON) {
    throw new LwsError(
      "invalid-argument",
      `close: the reason takes ${payload.length - 2} bytes, at most ${MAX_CLOSE_REASON} fit`,
    );
  }
  return payload;
}
