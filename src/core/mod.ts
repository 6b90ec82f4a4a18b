/**
 * WebSocket and HTTP/1.1 without I/O, for programs with a transport of their own: bytes go in, frames,
 * heads and bodies come out, and the other way round. What the rest of the library is built of.
 *
 * Nothing here opens, waits or asks for a permission; the one thing that it takes from the platform is
 * random bytes (`crypto.getRandomValues`). SHA-1, which opening handshakes need, is passed in. It runs
 * in Deno, Node, Bun and browsers.
 *
 * @example Frames out of bytes in whatever pieces they come
 * ```ts
 * import { FrameParser, FrameRules, OPCODE_PING } from "@x/lws/core";
 *
 * const limits = { maxFramePayload: 1 << 20, maxFragments: 1024, maxEmptyFragments: 64 };
 * const rules = new FrameRules({ masked: true, pieceSize: 65_536, limits });
 * const told: string[] = [];
 * const parser = new FrameParser(rules, {
 *   onData: (piece) => void told.push(new TextDecoder().decode(piece)),
 *   onControl: (opcode) => void told.push(opcode === OPCODE_PING ? "ping" : "other"),
 *   onFail: (failure) => void told.push(failure),
 * });
 * // Section 5.7 of RFC 6455: a masked "Hello", and a ping without its last byte.
 * const bytes = Uint8Array.fromHex("818537fa213d7f9f4d5158" + "898037fa21");
 * const taken = parser.parse(bytes); // the rest comes again, in front of what follows
 * if (taken !== 11 || told.join() !== "Hello") throw new Error(`${told}`);
 * ```
 *
 * @example A request's head, and the answer to its handshake
 * ```ts
 * import { createHash } from "node:crypto";
 * import { readUpgrade, requestFraming, RequestHeadParser, upgradeResponse } from "@x/lws/core";
 *
 * const parser = new RequestHeadParser({ maxHeaderBytes: 16_384, maxHeaderFields: 100 });
 * const request = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n" +
 *   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
 *   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
 * parser.parse(new TextEncoder().encode(request));
 * const decision = readUpgrade(parser.head, requestFraming(parser.head), [13]);
 * if (decision.kind !== "websocket" || !("key" in decision)) throw new Error("no handshake");
 * const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest();
 * const answer = upgradeResponse(decision.key, { protocol: undefined, fields: [] }, { sha1 });
 * const text = new TextDecoder().decode(answer);
 * if (!text.includes("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) throw new Error(text);
 * ```
 *
 * @module
 */

export { type FieldName, HeaderFields } from "./http/fields.ts";
export {
  type HeadLimits,
  HeadParser,
  type HeadRules,
  keepsAlive,
  type RequestHead,
  RequestHeadParser,
  type ResponseHead,
  ResponseHeadParser,
} from "./http/head.ts";
export type { Methods } from "./http/methods.ts";
export { ANY_METHOD, COMMON_METHODS, onlyMethods } from "./http/methods.ts";
export { LwsError, type LwsErrorCode } from "../base/errors.ts";
export { type HttpLimit, HttpSyntaxError } from "./http/syntax.ts";
export { type FieldLine, responseHead, writeHead } from "./http/writer.ts";
export {
  type BodyFraming,
  BodyReader,
  type BodySink,
  expectsContinue,
  requestFraming,
  type ResponseFraming,
  responseFraming,
} from "./http/body/reader.ts";
export { CHUNK_END, chunkStart, lastChunk } from "./http/body/chunked_encoder.ts";
export { statusText } from "./http/status.ts";
export type { Digests } from "./websocket/digests.ts";
export {
  checkUpgradeResponse,
  HandshakeError,
  type KeyedRequest,
  type Offer,
  type UpgradeAnswer,
  type UpgradeRequest,
  upgradeRequest,
} from "./websocket/handshake/client.ts";
export { acceptValue, isKey, newKey, type Sha1 } from "./websocket/handshake/keys.ts";
export { type KeyedAnswer, readUpgrade, upgradeResponse } from "./websocket/handshake/server.ts";
export type {
  Hixie75Upgrade,
  Hixie76Upgrade,
  KeyedUpgrade,
  NumberedVersion,
  RefusedUpgrade,
  Upgrade,
  UpgradeDecision,
  WebSocketUpgrade,
} from "./websocket/handshake/decision.ts";
export type { WireVersion } from "./websocket/wire_version.ts";
export { isAllowedOrigin } from "./websocket/handshake/origin.ts";
export {
  CLOSE_STATUS,
  type CloseStatus,
  decodeClose,
  encodeClose,
  type Failure,
  FAILURES,
  isCloseCode,
} from "./websocket/close.ts";
export * from "./websocket/frame.ts";
export { frameBytes, type FrameBytesOptions } from "./websocket/frame_bytes.ts";
export { type FrameFacts, type FrameHandler, FrameParser } from "./websocket/frame_parser.ts";
export {
  type FrameLimits,
  type FrameRuleOptions,
  FrameRules,
  type ParserPace,
} from "./websocket/frame_rules.ts";
export { mask, newMaskingKey, writeMaskingKey } from "./websocket/mask.ts";
export { checkUtf8, isUtf8, UTF8_ACCEPT, UTF8_REJECT } from "./websocket/utf8.ts";
export {
  type ExtensionOffer,
  type ExtensionParam,
  formatExtension,
  parseExtensions,
} from "./websocket/extension_header.ts";
