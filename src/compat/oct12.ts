/**
 * libwebsockets as of October 2012, release 0.6: extensions, filters and the program's own event loop
 * came. The conventions are those of `@x/lws/compat`.
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
  protocolOf,
  type SetTimeout,
  timing,
  type Write,
  writing,
} from "./calls/connection_calls.ts";
import { broadcast, callbackOnWritableAll, ownerOf, peerAddresses } from "./calls/context_calls.ts";
import { createFrom } from "./calls/creation.ts";
import { INTERNAL_STREAM_EXTENSIONS } from "./calls/extensions.ts";
import { tokenArray } from "./calls/headers.ts";
import { type ServeFile, servingFiles } from "./calls/http_calls.ts";
import * as constants from "./constants/oct12.ts";
import { attempt, under } from "./engine/attempt.ts";
import { callingContext } from "./engine/callback.ts";
import type {
  callback_function,
  extension_callback_function,
  libwebsocket,
  libwebsocket_context,
  libwebsocket_extension,
} from "./engine/elder_types.ts";
import { defineGeneration, type Generation } from "./engine/generation.ts";
import { type Box, refuse, theConnection, theContext } from "./engine/guards.ts";
import type { OwnOptions } from "./engine/limits.ts";
import { plain, pollPlacements } from "./engine/placements.ts";
import type { BroadcastFilledIn, ExtensionStruct, ProtocolStruct } from "./engine/structs.ts";
import { EVERY_VERSION } from "./engine/versions.ts";
export * from "./constants/oct12.ts";
export { type Draft04Masking, type WireInfo, type WireVersion } from "../api/creation/wire_info.ts";
export { type RateExcess, type RateInfo } from "../api/creation/rate_info.ts";
export { type Limits } from "../api/limits.ts";
export { type OwnOptions } from "./engine/limits.ts";
export { type ClientConnect, type ClientConnectExtended } from "./calls/client_calls.ts";
export {
  sendPipeChoked as lws_send_pipe_choked,
  type SetTimeout,
  type Write,
} from "./calls/connection_calls.ts";
export { type PeerCertificate, type TlsInfo, type TrustLoader } from "../api/tls.ts";
export { type HandshakeLines } from "./engine/handshake_lines.ts";
export { type ServeFile } from "./calls/http_calls.ts";
export { type Box } from "./engine/guards.ts";
export { box } from "./engine/pointers.ts";
export {
  type BroadcastFilledIn,
  type ExtensionMembers,
  type ExtensionStruct,
  type FilledIn,
  type lws_tokens,
  type ProtocolStruct,
} from "./engine/structs.ts";
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
export { forkServiceLoop as libwebsockets_fork_service_loop } from "./calls/background.ts";
export { type BlockingContext, overNetwork } from "./calls/over_network.ts";
export { type Service } from "./calls/context_calls.ts";
export { poll } from "./calls/poll.ts";
export { hangupOnClient as libwebsockets_hangup_on_client } from "./calls/context_calls.ts";
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

/** RFC 6455 section 7.4.1, which came later than this generation's number for it. */
const MESSAGE_TOO_BIG = 1009;
const CLOSE_STATUSES: readonly number[] = [
  constants.LWS_CLOSE_STATUS_NORMAL,
  constants.LWS_CLOSE_STATUS_GOINGAWAY,
  constants.LWS_CLOSE_STATUS_PROTOCOL_ERR,
  constants.LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE,
  constants.LWS_CLOSE_STATUS_PAYLOAD_TOO_LARGE,
];

const OCT12: Generation = defineGeneration({
  name: "oct12",
  constants,
  call: (callback, wsi, reason, [user, data, len]) =>
    callback(wsi.context, wsi, reason, user, data, len),
  placements: {
    ...pollPlacements("user"),
    http: (_user, path) => [null, path, 0],
    established: plain,
    clientConnectionError: plain,
    filterProtocolConnection: (_user, _filter, wsi) => [tokenArray(OCT12, wsi), null, 0],
  },
  verdicts: {
    filterNetworkConnection: "nonZeroCloses",
    filterProtocolConnection: "nonZeroCloses",
    opensslPerformClientCertVerification: "nonZeroCloses",
    confirmExtensionOkay: "nonZeroCloses",
    clientConfirmExtensionSupported: "nonZeroCloses",
  },
  otherwise: "ignored",
  noListenPort: constants.CONTEXT_PORT_NO_LISTEN,
  fillsIn: "broadcast",
  needsProtocolName: true,
  errorsGoToAskedProtocol: true,
  destroys: "goingAway",
  writeReturns: "zero",
  completesWholeAnswers: true,
  emptyWrites: ["close"],
  versions: [13, 8, 7, 6, 5, 4, 0],
  clientVersions: EVERY_VERSION,
});

/** `struct libwebsocket_protocols`; a first one without a name serves clients that ask for none. */
export interface libwebsocket_protocols
  extends ProtocolStruct<callback_function>, BroadcastFilledIn {}

/** The extensions that were built in, as a list that a null callback ends. */
export const libwebsocket_internal_extensions: libwebsocket_extension[] =
  INTERNAL_STREAM_EXTENSIONS;

/**
 * Makes a context; null when that can't be done, and a line in the log says why.
 *
 * @param port The port to listen on; 0 for a context that only connects.
 * @param interf Null for all interfaces, or which one.
 * @param extensions Null, or a list that a null callback ends.
 * @param ssl_cert_filepath The certificate of a server that speaks TLS, with its key, both by their
 *   paths; null for plain HTTP. Without a port it is what clients show.
 * @param gid −1, or the group to change to.
 * @param uid −1, or the user to change to.
 * @param options 0, or `LWS_SERVER_OPTION_` bits.
 * @param user What {@linkcode libwebsocket_context_user} returns.
 * @param limits Null, or options of `createContext` that C had not: limits, and in place of the
 *   versions 0, 4 to 8 and 13 others by `versions`. `docs/porting.md` lists what stands where none is given.
 */
export function libwebsocket_create_context(
  port: number,
  interf: string | null,
  protocols: libwebsocket_protocols[],
  extensions: ExtensionStruct<extension_callback_function>[] | null,
  ssl_cert_filepath: string | null,
  ssl_private_key_filepath: string | null,
  gid: number,
  uid: number,
  options: number,
  user: unknown,
  limits: OwnOptions | null = null,
): libwebsocket_context | null {
  return createFrom(OCT12, "libwebsocket_create_context", {
    port,
    iface: interf,
    protocols,
    extensions,
    ssl_cert_filepath,
    ssl_private_key_filepath,
    gid,
    uid,
    options,
    user,
    limits,
  });
}

/**
 * Ends a WebSocket by a close frame with a status, and the connection once the answer has come; what is
 * no WebSocket, or with `LWS_CLOSE_STATUS_NOSTATUS`, at once and without one. What callbacks return
 * closes nothing in this generation. `LWS_CALLBACK_CLOSED` follows in a later service call, where C
 * called it before it returned.
 *
 * @param reason `LWS_CLOSE_STATUS_`; `…_PAYLOAD_TOO_LARGE` is sent as 1009, its number since RFC 6455.
 */
export function libwebsocket_close_and_free_session(
  context: libwebsocket_context,
  wsi: libwebsocket,
  reason: number,
): void {
  attempt<unknown>("libwebsocket_close_and_free_session", undefined, () => {
    theContext(context);
    theConnection(wsi);
    if (reason === constants.LWS_CLOSE_STATUS_NOSTATUS) {
      return context.hangupOnClient(wsi.socketFd);
    }
    if (!CLOSE_STATUSES.includes(reason)) refuse("reason", reason, "an LWS_CLOSE_STATUS_");
    const isTooLarge = reason === constants.LWS_CLOSE_STATUS_PAYLOAD_TOO_LARGE;
    return wsi.close(isTooLarge ? MESSAGE_TOO_BIG : reason);
  });
}

/**
 * Does nothing: the `user` of a connection is there before the first callback that gets it. In C a
 * program that wanted it earlier had to ask.
 */
export function libwebsocket_ensure_user_space(wsi: libwebsocket): void {
  attempt<unknown>("libwebsocket_ensure_user_space", undefined, () => theConnection(wsi));
}

/** The struct of the protocol that a connection uses; null for a context of the main API. */
export const libwebsockets_get_protocol: (wsi: libwebsocket) => libwebsocket_protocols | null =
  under(
    "libwebsockets_get_protocol",
    protocolOf<libwebsocket_protocols>,
  );

/** Writes `len` bytes at `buf` as an `LWS_WRITE_` kind, with its flags. 0, or −1 when that failed. */
export const libwebsocket_write: Write = writing(OCT12, "libwebsocket_write");

/**
 * Sends a file in answer to a request. 0, or −1 when it can't be opened, after a 404, or when there is no
 * request to answer.
 */
export const libwebsockets_serve_http_file: ServeFile = servingFiles(
  "libwebsockets_serve_http_file",
);

/** Asks for one writeable callback, in a later service call. 1, or −1 for no connection. */
export function libwebsocket_callback_on_writable(
  _context: libwebsocket_context,
  wsi: libwebsocket,
): number {
  return attempt("libwebsocket_callback_on_writable", -1, () => {
    theConnection(wsi).callbackOnWritable();
    return 1;
  });
}

/** Asks for a writeable callback for every connection that uses the protocol now. Returns 0. */
export function libwebsocket_callback_on_writable_all_protocol(
  protocol: libwebsocket_protocols | null,
): number {
  const name = "libwebsocket_callback_on_writable_all_protocol";
  return callbackOnWritableAll(name, ownerOf(protocol), protocol);
}

/**
 * Calls the protocol back with `LWS_CALLBACK_BROADCAST` and `len` bytes at `buf`, for every established
 * connection to this server that uses it, before it returns.
 *
 * Works from other processes and workers as well: those to which {@linkcode
 * libwebsockets_fork_service_loop} has passed on where to, or whose struct has been given the
 * `broadcast_socket_port` and the `broadcast_socket_token` of the server's. There the bytes leave soon
 * after; a program that ends by itself, and not by `Deno.exit`, ends when they have.
 *
 * @returns 0; from another process or worker the number of bytes that were taken. −1 when no context is
 *   known that has the protocol, when that has ended, and when 16 MiB are unsent; a line in the log says
 *   which.
 */
export function libwebsockets_broadcast(
  protocol: libwebsocket_protocols,
  buf: string | ArrayBufferView | ArrayBufferLike,
  len: number,
): number {
  return broadcast(protocol, buf, len);
}

/** Puts a connection under a timeout, in place of the one it is under; see `PENDING_TIMEOUT_…`. */
export const libwebsocket_set_timeout: SetTimeout = timing(OCT12, "libwebsocket_set_timeout");

/**
 * Fills in the name and the address of a peer, by descriptor; each is cut to fit its size with a
 * terminating zero, and empty when it is not known. Descriptors belong to the context whose callback
 * runs: called outside of callbacks both stay empty.
 */
export function libwebsockets_get_peer_addresses(
  fd: number,
  name: Box<string>,
  name_len: number,
  rip: Box<string>,
  rip_len: number,
): void {
  peerAddresses(
    "libwebsockets_get_peer_addresses",
    callingContext,
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
 * `protocol` is one name, several with commas, or null; the version is 0, 4 to 8 or 13, which −1 is
 * as well. Version 0 takes one `protocol`, or none.
 */
export const libwebsocket_client_connect: ClientConnect = connecting("libwebsocket_client_connect");

/** {@linkcode libwebsocket_client_connect} with the connection's `user`, there from the first callback. */
export const libwebsocket_client_connect_extended: ClientConnectExtended = connectingExtended(
  "libwebsocket_client_connect_extended",
);
