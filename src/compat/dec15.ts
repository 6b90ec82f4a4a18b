/**
 * libwebsockets as of December 2015, release 1.6: all names begin with `lws_`. The conventions are
 * those of `@x/lws/compat`, which has the same names.
 *
 * @module
 */

import type { Context } from "../api/context.ts";
import type { PollFd } from "../api/service.ts";
import type { Wsi } from "../api/wsi.ts";
import {
  type ClientConnect,
  type ClientConnectExtended,
  connecting,
  connectingExtended,
} from "./calls/client_calls.ts";
import {
  callbackOnWritable,
  protocolOf,
  type SetTimeout,
  timing,
  type Write,
  writing,
} from "./calls/connection_calls.ts";
import {
  callbackAll,
  callbackOnWritableAll,
  peerAddresses,
  rxFlowAllowAll,
} from "./calls/context_calls.ts";
import { createFrom } from "./calls/creation.ts";
import { INTERNAL_FRAME_EXTENSIONS } from "./calls/extensions.ts";
import {
  copyingHeaderPieces,
  copyingHeaders,
  type HdrCopy,
  type HdrCopyFragment,
  type HdrTotalLength,
  measuringHeaders,
} from "./calls/headers.ts";
import { serveFile } from "./calls/http_calls.ts";
import * as constants from "./constants/dec15.ts";
import { defineGeneration } from "./engine/generation.ts";
import { type Box, theConnection } from "./engine/guards.ts";
import type {
  CreationStruct,
  ExtensionMembers,
  ExtensionStruct,
  lws_tokens,
  ProtocolStruct,
} from "./engine/structs.ts";
export * from "./constants/dec15.ts";
export { type Draft04Masking, type WireInfo, type WireVersion } from "../api/creation/wire_info.ts";
export { type RateExcess, type RateInfo } from "../api/creation/rate_info.ts";
export { type Limits } from "../api/limits.ts";
export { type OwnOptions } from "./engine/limits.ts";
export { type Box } from "./engine/guards.ts";
export { box } from "./engine/pointers.ts";
export { type HandshakeLines } from "./engine/handshake_lines.ts";
export { type lws_pollargs } from "./engine/placements.ts";
export {
  type CreationStruct,
  type ExtensionMembers,
  type ExtensionStruct,
  type lws_plat_file_ops,
  type lws_token_limits,
  type lws_tokens,
  type ProtocolStruct,
  type Soon,
} from "./engine/structs.ts";
export {
  hexdump as lwsl_hexdump,
  type LogEmitFunction,
  lwsl_client,
  lwsl_debug,
  lwsl_err,
  lwsl_ext,
  lwsl_header,
  lwsl_info,
  lwsl_latency,
  lwsl_notice,
  lwsl_parser,
  lwsl_warn,
  setLevels as lws_set_log_level,
} from "./calls/logging.ts";
export { type ClientConnect, type ClientConnectExtended } from "./calls/client_calls.ts";
export {
  contextOf as lws_get_context,
  frameIsBinary as lws_frame_is_binary,
  isFinalFragment as lws_is_final_fragment,
  isSsl as lws_is_ssl,
  partialBuffered as lws_partial_buffered,
  peerWriteAllowance as lws_get_peer_write_allowance,
  remainingPacketPayload as lws_remaining_packet_payload,
  reservedBits as lws_get_reserved_bits,
  rxFlowControl as lws_rx_flow_control,
  sendPipeChoked as lws_send_pipe_choked,
  type SetTimeout,
  socketFd as lws_get_socket_fd,
  type Write,
  wsiUser as lws_wsi_user,
} from "./calls/connection_calls.ts";
export {
  type PeerCertificate,
  type PrivateKeyLoader,
  type TlsInfo,
  type TrustLoader,
} from "../api/tls.ts";
export { type HdrCopy, type HdrCopyFragment, type HdrTotalLength } from "./calls/headers.ts";
export { type BlockingContext, overNetwork } from "./calls/over_network.ts";
export { type Service } from "./calls/context_calls.ts";
export { poll } from "./calls/poll.ts";
export {
  cancelService as lws_cancel_service,
  canonicalHostname as lws_canonical_hostname,
  contextUser as lws_context_user,
  destroy as lws_context_destroy,
  libraryVersionText as lws_get_library_version,
  service as lws_service,
  serviceFd as lws_service_fd,
  setProxy as lws_set_proxy,
} from "./calls/context_calls.ts";
export {
  addByName as lws_add_http_header_by_name,
  addByToken as lws_add_http_header_by_token,
  addContentLength as lws_add_http_header_content_length,
  addStatus as lws_add_http_header_status,
  finalize as lws_finalize_http_header,
  httpTransactionCompleted as lws_http_transaction_completed,
  returnHttpStatus as lws_return_http_status,
} from "./calls/http_calls.ts";
export {
  closeFile as lws_plat_file_close,
  fileTableOf as lws_get_fops,
  openFile as lws_plat_file_open,
  readFile as lws_plat_file_read,
  seekFile as lws_plat_file_seek_cur,
  writeFile as lws_plat_file_write,
} from "./calls/files/plat_files.ts";
export { tokenText as lws_token_to_string } from "./engine/token_texts.ts";
export {
  base64Decode as lws_b64_decode_string,
  base64Encode as lws_b64_encode_string,
  fillRandom as lws_get_random,
  sha1 as lws_SHA1,
} from "./calls/utilities.ts";

const DEC15 = defineGeneration({
  name: "dec15",
  constants,
  call: (callback, wsi, reason, [user, data, len]) => callback(wsi, reason, user, data, len),
  swallowsEmptyFrames: true,
  verdicts: { httpFileCompletion: "ignored" },
  noListenPort: constants.CONTEXT_PORT_NO_LISTEN,
  fillsIn: "port",
  destroys: "cut",
  writeReturns: "length",
  emptyWrites: ["close", "ping", "pong"],
  versions: [13],
  // Others changed nothing in C but a line of the request.
  clientVersions: [13],
  originPrefix: "http://",
});

/** `struct lws`: a connection. */
export type lws = Wsi;
/** `struct lws_context`. */
export type lws_context = Context;
/** `struct lws_pollfd`: `fd`, `events` and `revents`. */
export type lws_pollfd = PollFd;
/** `enum lws_callback_reasons`: `LWS_CALLBACK_` numbers. */
export type lws_callback_reasons = number;
/** `enum lws_extension_callback_reasons`: `LWS_EXT_CALLBACK_` numbers. */
export type lws_extension_callback_reasons = number;
/** `enum lws_write_protocol`: `LWS_WRITE_` numbers, with their flags. */
export type lws_write_protocol = number;
/** `enum pending_timeout`: `PENDING_TIMEOUT_` numbers. */
export type pending_timeout = number;
/** `enum lws_token_indexes`: `WSI_TOKEN_` numbers. */
export type lws_token_indexes = number;
/** A descriptor. */
export type lws_sockfd_type = number;
/** The handle of an open file: whatever `open` of the file operations returned. */
export type lws_filefd_type = unknown;

/**
 * The callback of a protocol. The program names the types that it expects of `user` and `in`; both may
 * be null. What it returns means what it did in release 1.6; nothing is 0.
 */
export type lws_callback_function = {
  call(wsi: lws, reason: number, user: unknown, data: unknown, len: number): number | void;
}["call"];

/** The callback of an extension; `data` is an {@linkcode lws_tokens} for packets and payload. */
export type lws_extension_callback_function = {
  call(
    context: lws_context,
    ext: lws_extension,
    wsi: lws,
    reason: number,
    user: unknown,
    data: lws_tokens<Uint8Array> | string | null,
    len: number,
  ): number | void;
}["call"];

/** `struct lws_protocols`. */
export interface lws_protocols extends ProtocolStruct<lws_callback_function> {
  /** Bytes of the longest frame that comes in one piece. Default: `4096`. */
  rx_buffer_size?: number;
  /** Free for the program. */
  id?: number;
  /** Free for the program: data of the protocol, not of a connection. */
  user?: unknown;
}

/** `struct lws_extension`. */
export type lws_extension = ExtensionMembers<lws_extension_callback_function>;

/** `struct lws_context_creation_info`; `port` 0 is overwritten with the port that was free. */
export interface lws_context_creation_info
  extends CreationStruct<lws_protocols, ExtensionStruct<lws_extension_callback_function>> {}

/** Makes a context; null when that can't be done, and a line in the log says why. */
export function lws_create_context(info: lws_context_creation_info): lws_context | null {
  return createFrom(DEC15, "lws_create_context", info);
}

/** The struct of the protocol that a connection uses; null for a context of the main API. */
export const lws_get_protocol: (wsi: lws) => lws_protocols | null = protocolOf;

/**
 * Writes `len` bytes at `buf` as an `LWS_WRITE_` kind, with its flags. Returns how many bytes of
 * payload were taken; −1: the connection has to be closed.
 */
export const lws_write: Write = writing(DEC15, "lws_write");

const writeAsHttp: Write = writing(DEC15, "lws_write_http");

/** {@linkcode lws_write} with `LWS_WRITE_HTTP`. */
export function lws_write_http(
  wsi: lws,
  buf: string | ArrayBufferView | ArrayBufferLike,
  len: number,
): number {
  return writeAsHttp(wsi, buf, len, constants.LWS_WRITE_HTTP);
}

/** Asks for one writeable callback, in a later service call. 1, or −1 when the connection has ended. */
export function lws_callback_on_writable(wsi: lws): number {
  return callbackOnWritable("lws_callback_on_writable", wsi);
}

/** Asks for a writeable callback for every connection that uses the protocol now. Returns 0. */
export function lws_callback_on_writable_all_protocol(
  context: lws_context,
  protocol: lws_protocols | null,
): number {
  return callbackOnWritableAll("lws_callback_on_writable_all_protocol", context, protocol);
}

/**
 * Calls the protocol back with a reason for every connection that uses it now, before it returns.
 *
 * @param reason Any reason; the program's own are from `LWS_CALLBACK_USER` on.
 * @returns 0, or −1 when the context has no such protocol.
 */
export function lws_callback_all_protocol(
  context: lws_context,
  protocol: lws_protocols | null,
  reason: number,
): number {
  return callbackAll("lws_callback_all_protocol", context, protocol, reason);
}

/** Resumes receiving for every connection that uses the protocol now. */
export function lws_rx_flow_allow_all_protocol(
  context: lws_context,
  protocol: lws_protocols | null,
): void {
  rxFlowAllowAll("lws_rx_flow_allow_all_protocol", context, protocol);
}

/**
 * Fills in the name and the address of a peer, by descriptor; each is cut to fit its size with a
 * terminating zero, and empty when it is not known.
 */
export function lws_get_peer_addresses(
  wsi: lws,
  fd: number,
  name: Box<string>,
  name_len: number,
  rip: Box<string>,
  rip_len: number,
): void {
  peerAddresses(
    "lws_get_peer_addresses",
    () => theConnection(wsi).context,
    fd,
    name,
    name_len,
    rip,
    rip_len,
  );
}

/** Puts a connection under a timeout, in place of the one it is under; see `PENDING_TIMEOUT_…`. */
export const lws_set_timeout: SetTimeout = timing(DEC15, "lws_set_timeout");

/** The length of a header, all occurrences together; 0 when it is absent or headers are gone. */
export const lws_hdr_total_length: HdrTotalLength = measuringHeaders(DEC15);

/**
 * Copies a header, repeated ones joined by a blank. Returns its length; 0 when it is absent; −1 when it
 * does not fit into `len` with a terminating zero, or when headers are gone: a server's last until a
 * transaction is completed or `LWS_CALLBACK_ESTABLISHED` has returned, a client's until
 * `LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH` has.
 */
export const lws_hdr_copy: HdrCopy = copyingHeaders(DEC15);

/**
 * Copies a piece of a header, such as an argument of the URI, percent-decoded; a `+` stays one. Its
 * length, or −1.
 */
export const lws_hdr_copy_fragment: HdrCopyFragment = copyingHeaderPieces(DEC15);

/**
 * Sends a file in answer to a request.
 *
 * @param other_headers Null, or header lines, each with its CR LF, as the calls that add headers write
 *   them.
 * @param other_headers_len Their length.
 * @returns 1 when it has left whole, as one of up to 64 KiB does, and
 *   `LWS_CALLBACK_HTTP_FILE_COMPLETION` has come: ask `lws_http_transaction_completed` whether to close.
 *   0 when it goes on, and that follows. −1 when it can't be opened, after a 404, or when there is no
 *   request to answer.
 */
export function lws_serve_http_file(
  wsi: lws,
  file: string,
  content_type: string,
  other_headers: Uint8Array | string | null,
  other_headers_len: number,
): number {
  const name = "lws_serve_http_file";
  return serveFile(name, wsi, file, content_type, [other_headers, other_headers_len]);
}

/**
 * Begins to connect; `LWS_CALLBACK_CLIENT_ESTABLISHED` or `LWS_CALLBACK_CLIENT_CONNECTION_ERROR`
 * follows in a later service call. Returns the connection; null for wrong arguments, and a line in the
 * log says which.
 *
 * `ssl_connection` is 0 for `ws`, 1 for `wss`, 2 for `wss` with self-signed certificates allowed;
 * `origin` gets `http://` in front when it has no scheme; `protocol` is one name, several with commas,
 * or null; the version is −1 or 13.
 */
export const lws_client_connect: ClientConnect = connecting("lws_client_connect");

/** {@linkcode lws_client_connect} with the connection's `user`, there from the first callback. */
export const lws_client_connect_extended: ClientConnectExtended = connectingExtended(
  "lws_client_connect_extended",
);

/** The extensions that were built in, as a list that a null callback ends. */
export function lws_get_internal_extensions(): lws_extension[] {
  return [...INTERNAL_FRAME_EXTENSIONS];
}
