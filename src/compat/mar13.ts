/**
 * libwebsockets as of March 2013, release 1.22: a struct makes a context, new names begin with `lws_`.
 * The conventions are those of `@x/lws/compat`.
 *
 * @module
 */

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
  callbackOnWritableAll,
  ownerOf,
  peerAddresses,
  rxFlowAllowAll,
} from "./calls/context_calls.ts";
import { createFrom } from "./calls/creation.ts";
import { INTERNAL_FRAME_EXTENSIONS } from "./calls/extensions.ts";
import {
  copyingHeaders,
  type HdrCopy,
  type HdrTotalLength,
  measuringHeaders,
  tokenArray,
} from "./calls/headers.ts";
import { serveFile } from "./calls/http_calls.ts";
import * as constants from "./constants/mar13.ts";
import { under } from "./engine/attempt.ts";
import type {
  callback_function,
  extension_callback_function,
  libwebsocket,
  libwebsocket_context,
  libwebsocket_extension,
} from "./engine/elder_types.ts";
import { defineGeneration, type Generation } from "./engine/generation.ts";
import { type Box, theContext } from "./engine/guards.ts";
import { plain, pollPlacements, protocolsAskedFor } from "./engine/placements.ts";
import type {
  CreationStruct,
  ExtensionStruct,
  FilledIn,
  ProtocolStruct,
} from "./engine/structs.ts";
export * from "./constants/mar13.ts";
export { type Draft04Masking, type WireInfo, type WireVersion } from "../api/creation/wire_info.ts";
export { type RateExcess, type RateInfo } from "../api/creation/rate_info.ts";
export { type Limits } from "../api/limits.ts";
export { type OwnOptions } from "./engine/limits.ts";
export { type ClientConnect, type ClientConnectExtended } from "./calls/client_calls.ts";
export {
  frameIsBinary as lws_frame_is_binary,
  sendPipeChoked as lws_send_pipe_choked,
  type SetTimeout,
  type Write,
} from "./calls/connection_calls.ts";
export { type PeerCertificate, type TlsInfo, type TrustLoader } from "../api/tls.ts";
export { type HandshakeLines } from "./engine/handshake_lines.ts";
export { type HdrCopy, type HdrTotalLength } from "./calls/headers.ts";
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
export { type Box } from "./engine/guards.ts";
export { box } from "./engine/pointers.ts";
export {
  type CreationStruct,
  type ExtensionMembers,
  type ExtensionStruct,
  type FilledIn,
  type lws_plat_file_ops,
  type lws_token_limits,
  type lws_tokens,
  type ProtocolStruct,
  type Soon,
} from "./engine/structs.ts";
export { type BlockingContext, overNetwork } from "./calls/over_network.ts";
export { type Service } from "./calls/context_calls.ts";
export { poll } from "./calls/poll.ts";
export {
  libwebsocket_canonical_hostname,
  libwebsocket_context_destroy,
  libwebsocket_context_user,
  libwebsocket_get_reserved_bits,
  libwebsocket_get_socket_fd,
  libwebsocket_is_final_fragment,
  libwebsocket_rx_flow_control,
  libwebsocket_service,
  libwebsocket_service_fd,
  libwebsockets_get_random,
  libwebsockets_remaining_packet_payload,
  libwebsockets_SHA1,
} from "./calls/elder_names.ts";
export { libraryVersionText as lws_get_library_version } from "./calls/context_calls.ts";
export {
  base64Decode as lws_b64_decode_string,
  base64Encode as lws_b64_encode_string,
} from "./calls/utilities.ts";
export type {
  callback_function,
  extension_callback_function,
  libwebsocket,
  libwebsocket_callback_reasons,
  libwebsocket_context,
  libwebsocket_extension,
  libwebsocket_extension_callback_reasons,
  libwebsocket_write_protocol,
  lws_token_indexes,
  pending_timeout,
  pollfd,
} from "./engine/elder_types.ts";

const MAR13: Generation = defineGeneration({
  name: "mar13",
  constants,
  call: (callback, wsi, reason, [user, data, len]) =>
    callback(wsi.context, wsi, reason, user, data, len),
  placements: {
    ...pollPlacements("in"),
    established: plain,
    clientConnectionError: plain,
    filterProtocolConnection: (_user, _filter, wsi) => [
      tokenArray(MAR13, wsi),
      protocolsAskedFor(wsi),
      0,
    ],
  },
  verdicts: {
    receive: "negativeCloses",
    serverWriteable: "negativeCloses",
    clientWriteable: "negativeCloses",
    http: "nonZeroCloses",
    httpWriteable: "negativeCloses",
    httpFileCompletion: "nonZeroCloses",
    filterNetworkConnection: "nonZeroCloses",
    filterProtocolConnection: "nonZeroCloses",
    opensslPerformClientCertVerification: "nonZeroCloses",
    confirmExtensionOkay: "nonZeroCloses",
    clientConfirmExtensionSupported: "nonZeroCloses",
  },
  otherwise: "ignored",
  noListenPort: constants.CONTEXT_PORT_NO_LISTEN,
  fillsIn: "index",
  destroys: "cut",
  writeReturns: "length",
  completesWholeAnswers: true,
  emptyWrites: ["close"],
  versions: [13],
  // Others changed nothing in C but a line of the request.
  clientVersions: [13],
});

/** `struct libwebsocket_protocols`. */
export interface libwebsocket_protocols extends ProtocolStruct<callback_function>, FilledIn {
  /** Bytes of the longest frame that comes in one piece. Default: `4096`. */
  rx_buffer_size?: number;
}

/** `struct lws_context_creation_info`. */
export type lws_context_creation_info = Omit<
  CreationStruct<libwebsocket_protocols, ExtensionStruct<extension_callback_function>>,
  | "token_limits"
  | "ssl_private_key_password"
  | "http_proxy_address"
  | "http_proxy_port"
  | "provided_client_ssl_ctx"
>;

/** Makes a context; null when that can't be done, and a line in the log says why. */
export function libwebsocket_create_context(
  info: lws_context_creation_info,
): libwebsocket_context | null {
  return createFrom(MAR13, "libwebsocket_create_context", info);
}

/** The struct of the protocol that a connection uses; null for a context of the main API. */
export const libwebsockets_get_protocol: (wsi: libwebsocket) => libwebsocket_protocols | null =
  under(
    "libwebsockets_get_protocol",
    protocolOf<libwebsocket_protocols>,
  );

/**
 * Writes `len` bytes at `buf` as an `LWS_WRITE_` kind, with its flags. Returns how many bytes of
 * payload were taken; −1: the connection has to be closed.
 */
export const libwebsocket_write: Write = writing(MAR13, "libwebsocket_write");

/**
 * Sends a file in answer to a request. 1 when it has left whole, as one of up to 64 KiB does, and
 * `LWS_CALLBACK_HTTP_FILE_COMPLETION` has come; 0 when it goes on, and that follows; −1 when it can't be
 * opened, after a 404, or when there is no request to answer.
 */
export function libwebsockets_serve_http_file(
  _context: libwebsocket_context,
  wsi: libwebsocket,
  file: string,
  content_type: string,
): number {
  return serveFile("libwebsockets_serve_http_file", wsi, file, content_type);
}

/** Asks for one writeable callback, in a later service call. 1, or −1 when the connection has ended. */
export function libwebsocket_callback_on_writable(
  _context: libwebsocket_context,
  wsi: libwebsocket,
): number {
  return callbackOnWritable("libwebsocket_callback_on_writable", wsi);
}

/** Asks for a writeable callback for every connection that uses the protocol now. Returns 0. */
export function libwebsocket_callback_on_writable_all_protocol(
  protocol: libwebsocket_protocols | null,
): number {
  const name = "libwebsocket_callback_on_writable_all_protocol";
  return callbackOnWritableAll(name, ownerOf(protocol), protocol);
}

/** Resumes receiving for every connection that uses the protocol now. */
export function libwebsocket_rx_flow_allow_all_protocol(
  protocol: libwebsocket_protocols | null,
): void {
  rxFlowAllowAll("libwebsocket_rx_flow_allow_all_protocol", ownerOf(protocol), protocol);
}

/** Puts a connection under a timeout, in place of the one it is under; see `PENDING_TIMEOUT_…`. */
export const libwebsocket_set_timeout: SetTimeout = timing(MAR13, "libwebsocket_set_timeout");

/** The length of a header, all occurrences together; 0 when it is absent or headers are gone. */
export const lws_hdr_total_length: HdrTotalLength = measuringHeaders(MAR13);

/**
 * Copies a header, repeated ones joined by a blank. Returns its length; 0 when it is absent; −1 when it
 * does not fit into `len` with a terminating zero, or when headers are gone: a server's last until a
 * transaction is completed or `LWS_CALLBACK_ESTABLISHED` has returned, a client's until
 * `LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH` has.
 */
export const lws_hdr_copy: HdrCopy = copyingHeaders(MAR13);

/**
 * Fills in the name and the address of a peer, by descriptor; each is cut to fit its size with a
 * terminating zero, and empty when it is not known.
 */
export function libwebsockets_get_peer_addresses(
  context: libwebsocket_context,
  _wsi: libwebsocket,
  fd: number,
  name: Box<string>,
  name_len: number,
  rip: Box<string>,
  rip_len: number,
): void {
  peerAddresses(
    "libwebsockets_get_peer_addresses",
    () => theContext(context),
    fd,
    name,
    name_len,
    rip,
    rip_len,
  );
}

/**
 * Begins to connect; `LWS_CALLBACK_CLIENT_ESTABLISHED` or `LWS_CALLBACK_CLIENT_CONNECTION_ERROR`
 * follows in a later service call. Returns the connection; null for wrong arguments, and a line in the
 * log says which.
 *
 * `ssl_connection` is 0 for `ws`, 1 for `wss`, 2 for `wss` with self-signed certificates allowed;
 * `protocol` is one name, several with commas, or null; the version is −1 or 13.
 */
export const libwebsocket_client_connect: ClientConnect = connecting("libwebsocket_client_connect");

/** {@linkcode libwebsocket_client_connect} with the connection's `user`, there from the first callback. */
export const libwebsocket_client_connect_extended: ClientConnectExtended = connectingExtended(
  "libwebsocket_client_connect_extended",
);

/** The extensions that were built in, as a list that a null callback ends. */
export function libwebsocket_get_internal_extensions(): libwebsocket_extension[] {
  return [...INTERNAL_FRAME_EXTENSIONS];
}
