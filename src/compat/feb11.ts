/**
 * libwebsockets as of February 2011: a context serves a list of protocols, each with a callback of its
 * own, and connects to other servers. The conventions are those of `@x/lws/compat`.
 *
 * `libwebsocket_client_connect` blocked until the handshake was over; here it returns a promise, and
 * serves its context meanwhile. It blocks, as the calls of service, for a context of `overNetwork`.
 *
 * @module
 */

import { type ClientConnectWhole, connectingWhole } from "./calls/client_calls.ts";
import {
  callbackOnWritable,
  protocolOf,
  switchReceiving,
  type Write,
  writing,
} from "./calls/connection_calls.ts";
import { broadcast, callbackOnWritableAll, ownerOf, type Service } from "./calls/context_calls.ts";
import { createFrom } from "./calls/creation.ts";
import {
  libwebsocket_service as elderService,
  libwebsocket_service_fd as elderServiceFd,
} from "./calls/elder_names.ts";
import { type ServeFile, servingFiles } from "./calls/http_calls.ts";
import * as constants from "./constants/feb11.ts";
import { attempt, under } from "./engine/attempt.ts";
import type {
  libwebsocket,
  libwebsocket_callback,
  libwebsocket_context,
  pollfd,
} from "./engine/elder_types.ts";
import { defineGeneration } from "./engine/generation.ts";
import { theConnection } from "./engine/guards.ts";
import type { OwnOptions } from "./engine/limits.ts";
import { plain } from "./engine/placements.ts";
import type { BroadcastFilledIn, ProtocolStruct } from "./engine/structs.ts";
export * from "./constants/feb11.ts";
export { type Draft04Masking, type WireInfo, type WireVersion } from "../api/creation/wire_info.ts";
export { type RateExcess, type RateInfo } from "../api/creation/rate_info.ts";
export { type Limits } from "../api/limits.ts";
export { type OwnOptions } from "./engine/limits.ts";
export {
  type ClientConnect,
  type ClientConnectWhole,
  type ConnectTarget,
} from "./calls/client_calls.ts";
export { type Write } from "./calls/connection_calls.ts";
export { type ServeFile } from "./calls/http_calls.ts";
export { type BroadcastFilledIn, type FilledIn, type ProtocolStruct } from "./engine/structs.ts";
export { type BlockingContext, overNetwork } from "./calls/over_network.ts";
export { type Service } from "./calls/context_calls.ts";
export { poll } from "./calls/poll.ts";
export {
  libwebsocket_canonical_hostname,
  libwebsocket_context_destroy,
  libwebsocket_get_socket_fd,
  libwebsockets_remaining_packet_payload,
} from "./calls/elder_names.ts";
export { forkServiceLoop as libwebsockets_fork_service_loop } from "./calls/background.ts";
export type {
  libwebsocket,
  libwebsocket_callback,
  libwebsocket_callback_reasons,
  libwebsocket_context,
  libwebsocket_write_protocol,
  pollfd,
} from "./engine/elder_types.ts";

const FEB11 = defineGeneration({
  name: "feb11",
  constants,
  call: (callback, wsi, reason, [user, data, len]) => callback(wsi, reason, user, data, len),
  placements: { established: plain, http: (_user, path) => [null, path, 0] },
  otherwise: "ignored",
  noListenPort: constants.CONTEXT_PORT_NO_LISTEN,
  fillsIn: "broadcast",
  needsProtocolName: true,
  destroys: "withEmptyClose",
  writeReturns: "zero",
  completesWholeAnswers: true,
  emptyWrites: ["close"],
  // 13 came later; a server that lacks it is reached by none of today's clients.
  versions: [13, 5, 4, 0],
  clientVersions: [4, 5, 13],
});

/** `struct libwebsocket_protocols`; a first one without a name serves clients that ask for none. */
export interface libwebsocket_protocols
  extends ProtocolStruct<libwebsocket_callback>, BroadcastFilledIn {}

/**
 * Makes a context; null when that can't be done, and a line in the log says why.
 *
 * @param port The port to listen on; 0 for a context that only connects.
 * @param ssl_cert_filepath The certificate of a server that speaks TLS, with its key, both by their
 *   paths; null for plain HTTP. Without a port it is what clients show.
 * @param gid −1, or the group to change to.
 * @param uid −1, or the user to change to.
 * @param options 0, or `LWS_SERVER_OPTION_` bits.
 * @param limits Null, or options of `createContext` that C had not: limits, and in place of the
 *   versions 0, 4, 5 and 13 others by `versions`. `docs/porting.md` lists what stands where none is given.
 */
export function libwebsocket_create_context(
  port: number,
  protocols: libwebsocket_protocols[],
  ssl_cert_filepath: string | null,
  ssl_private_key_filepath: string | null,
  gid: number,
  uid: number,
  options: number,
  limits: OwnOptions | null = null,
): libwebsocket_context | null {
  return createFrom(FEB11, "libwebsocket_create_context", {
    port,
    protocols,
    ssl_cert_filepath,
    ssl_private_key_filepath,
    gid,
    uid,
    options,
    limits,
  });
}

/**
 * Delivers what is pending; when nothing is, waits for it, `timeout_ms` milliseconds at most.
 *
 * @returns A promise, in place of blocking: 0, or 1 without a context or once it is destroyed.
 */
export const libwebsocket_service: Service = ((
  context: libwebsocket_context | null,
  timeout_ms: number,
) => {
  const result: number | Promise<number> = elderService(context, timeout_ms);
  const asThen = (code: number) => code === 0 ? 0 : 1;
  return typeof result === "number" ? asThen(result) : result.then(asThen);
}) as Service;

/** Serves a descriptor that has something waiting. 0, or 1 when it is none of the context. */
export function libwebsocket_service_fd(context: libwebsocket_context, pollfd: pollfd): number {
  const result = elderServiceFd(context, pollfd);
  return result < 0 || (result === 0 && (pollfd?.revents ?? 0) !== 0) ? 1 : 0;
}

/**
 * Ends a connection at once, without a close frame; `LWS_CALLBACK_CLOSED` follows in a later service
 * call, where C called it before it returned.
 */
export function libwebsocket_client_close(wsi: libwebsocket): void {
  attempt<unknown>(
    "libwebsocket_client_close",
    undefined,
    () => theConnection(wsi).context.hangupOnClient(wsi.socketFd),
  );
}

/** The struct of the protocol that a connection uses; null for a context of the main API. */
export const libwebsockets_get_protocol: (wsi: libwebsocket) => libwebsocket_protocols | null =
  under(
    "libwebsockets_get_protocol",
    protocolOf<libwebsocket_protocols>,
  );

/** Writes `len` bytes at `buf` as an `LWS_WRITE_` kind, with its flags. 0, or −1 when that failed. */
export const libwebsocket_write: Write = writing(FEB11, "libwebsocket_write");

/**
 * Sends a file in answer to a request. 0, or −1 when it can't be opened, after a 404, or when there is no
 * request to answer.
 */
export const libwebsockets_serve_http_file: ServeFile = servingFiles(
  "libwebsockets_serve_http_file",
);

/** Asks for one `LWS_CALLBACK_CLIENT_WRITEABLE`. 0, or 1 when the connection has ended. */
export function libwebsocket_callback_on_writable(wsi: libwebsocket): number {
  return callbackOnWritable("libwebsocket_callback_on_writable", wsi) < 0 ? 1 : 0;
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

/** Stops receiving with 0, and resumes with 1. 0, or 1 when the connection has ended. */
export function libwebsocket_rx_flow_control(wsi: libwebsocket, enable: number): number {
  return (switchReceiving("libwebsocket_rx_flow_control", wsi, enable) ?? -1) < 0 ? 1 : 0;
}

/**
 * Connects, and serves the context until the handshake is over. A promise, in place of blocking, unless the
 * context is one of `overNetwork`: the connection, or null when that failed; `LWS_CALLBACK_CLIENT_ESTABLISHED` has come before.
 *
 * `ssl_connection` is 0 for `ws`, 1 for `wss`, 2 for `wss` with self-signed certificates allowed;
 * `protocol` is one name, several with commas, or null; the version is 4, 5 or 13, which −1 is as well:
 * the newest was 5 then, and servers of today speak 13.
 */
export const libwebsocket_client_connect: ClientConnectWhole = connectingWhole(
  "libwebsocket_client_connect",
);
