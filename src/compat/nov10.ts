/**
 * libwebsockets as of November 2010, before its first release: one call makes a server, one callback
 * serves it. The conventions are those of `@x/lws/compat`; four things differ from C:
 *
 * - Nothing is forked. {@linkcode libwebsocket_create_server} returns at once, the callback runs in this
 *   isolate, and {@linkcode serverContext} gives what the server can be stopped with.
 * - `protocol` may be 13 as well, which is RFC 6455 and the only one that browsers speak since 2012. 76 and 0
 *   are the same draft here, as they are by their texts; 2 is refused, as C only wrote it.
 * - Its protocol has no name. A client of 76 that asks for a subprotocol is served as in C, which repeated
 *   whatever it was; one of 13 is refused with 400, as an answer without one of those asked for would fail
 *   in browsers, and one with it would agree to what the program has never heard of.
 * - `LWS_CALLBACK_RECEIVE` comes, which had not been finished then.
 *
 * @module
 */

import type { Context } from "../api/context.ts";
import type { WireVersion } from "../api/creation/wire_info.ts";
import type { Wsi } from "../api/wsi.ts";
import { behind } from "../base/face.ts";
import { type Write, writing } from "./calls/connection_calls.ts";
import { createFrom, hostInUse } from "./calls/creation.ts";
import { type ServeFile, servingFiles } from "./calls/http_calls.ts";
import * as constants from "./constants/nov10.ts";
import { attempt } from "./engine/attempt.ts";
import { userReason } from "./engine/callback.ts";
import type { libwebsocket, libwebsocket_callback } from "./engine/elder_types.ts";
import { defineGeneration } from "./engine/generation.ts";
import { refuse, theConnection, theWhole } from "./engine/guards.ts";
import type { OwnOptions } from "./engine/limits.ts";
import { plain } from "./engine/placements.ts";
import { systemClock } from "../service/clock.ts";
export * from "./constants/nov10.ts";
export { type Draft04Masking, type WireInfo, type WireVersion } from "../api/creation/wire_info.ts";
export { type RateExcess, type RateInfo } from "../api/creation/rate_info.ts";
export { type Limits } from "../api/limits.ts";
export { type OwnOptions } from "./engine/limits.ts";
export { type BlockingContext, overNetwork } from "./calls/over_network.ts";
export { type ServeFile } from "./calls/http_calls.ts";
export { type Write } from "./calls/connection_calls.ts";
export type {
  libwebsocket,
  libwebsocket_callback,
  libwebsocket_callback_reasons,
  libwebsocket_write_protocol,
} from "./engine/elder_types.ts";

const NOV10 = defineGeneration({
  name: "nov10",
  constants,
  call: (callback, wsi, reason, [user, data, len]) => callback(wsi, reason, user, data, len),
  placements: { established: plain, http: plain },
  otherwise: "ignored",
  fillsIn: "nothing",
  destroys: "goingAway",
  writeReturns: "zero",
  completesWholeAnswers: true,
  emptyWrites: ["text", "binary", "http"],
  // What it serves is said by each creation.
  versions: [],
  clientVersions: [],
});

/** What is asked of a server behind its context. Implemented by ServingContext. */
interface Nameless {
  /** Whether clients of version 0 get the subprotocol that they ask for, whatever it is. */
  repeatsNames: boolean;
}

/** What each `protocol` is in the main API: 76 and 0 were given to the same draft. */
const VERSIONS: Readonly<Record<number, WireVersion>> = { 0: 0, 76: 0, 13: 13 };
const SEND_INTERVAL_MS = 50;
/** Standard streams come first, as in C. */
const FIRST_DESCRIPTOR = 3;

const servers = new Map<number, Context>();
let lastDescriptor = FIRST_DESCRIPTOR - 1;

/**
 * Makes a server, which serves from then on; every 50 ms each established connection gets
 * `LWS_CALLBACK_SEND`.
 *
 * @param port 0 takes a free one; `serverContext` tells which.
 * @param protocol The version of the protocol: 76, which is hixie-76 and all that clients of 2010 speak; or 0,
 *   which is the same; or 13, RFC 6455.
 * @param user_area_size Bytes of each connection's `user`, a zeroed `ArrayBuffer`; 0: `user` is null. Or a
 *   function that makes the struct.
 * @param ssl_cert_filepath The certificate of a server that speaks TLS, with its key, both by their
 *   paths; null for plain HTTP.
 * @param gid −1, or the group to change to.
 * @param uid −1, or the user to change to.
 * @param limits Null, or options of `createContext` that C had not: limits, and by `versions` what
 *   is spoken beside `protocol`, as in `{ versions: [0, 13] }`: 0 is what 76 is called there.
 *   `docs/porting.md` lists what stands where none is given.
 * @returns The descriptor that listens, or −1, and a line in the log says why.
 */
export function libwebsocket_create_server(
  port: number,
  callback: libwebsocket_callback | null,
  protocol: number,
  user_area_size: number | (() => unknown),
  ssl_cert_filepath: string | null,
  ssl_private_key_filepath: string | null,
  gid: number,
  uid: number,
  limits: OwnOptions | null = null,
): number {
  const name = "libwebsocket_create_server";
  const checked = attempt(name, null, () => {
    if (typeof callback !== "function") refuse("callback", callback, "a function");
    const struct = {
      name: null,
      callback: toEstablishedOnly(callback),
      per_session_data_size: typeof user_area_size === "function"
        ? user_area_size
        : theWhole("user_area_size", user_area_size),
    };
    return { struct, version: versionOf(protocol, limits) };
  });
  if (checked === null) return -1;
  const { struct, version } = checked;
  const files = { ssl_cert_filepath, ssl_private_key_filepath };
  const info = { port, protocols: [struct], ...files, gid, uid, limits };
  const context = createFrom({ ...NOV10, versions: [version] }, name, info, "automatic");
  if (context === null) return -1;
  behind<Nameless>(context).repeatsNames = true;
  const descriptor = ++lastDescriptor;
  servers.set(descriptor, context);
  void context.closed.then(() => servers.delete(descriptor));
  sendRegularly(context);
  return descriptor;
}

/**
 * What a server is to the main API: its `destroy` stops it, its `port` tells where it listens. C had
 * nothing of the kind: the process had to be killed.
 *
 * @param descriptor What {@linkcode libwebsocket_create_server} returned.
 * @returns Undefined for another number, and once the server has ended.
 */
export function serverContext(descriptor: number): Context | undefined {
  return servers.get(descriptor);
}

/** The path that is requested; valid on HTTP and on established connections. Null before. */
export function libwebsocket_get_uri(wsi: libwebsocket): string | null {
  return attempt("libwebsocket_get_uri", null, () => theConnection(wsi).uri || null);
}

/** Writes `len` bytes at `buf` as an `LWS_WRITE_` kind. 0, or −1 when that failed. */
export const libwebsocket_write: Write = writing(NOV10, "libwebsocket_write");

/**
 * Sends a file in answer to a request. 0, or −1 when it can't be opened, after a 404, or when there is no
 * request to answer.
 */
export const libwebsockets_serve_http_file: ServeFile = servingFiles(
  "libwebsockets_serve_http_file",
);

/** The version of the main API that `protocol` names; others that are given have to go with it. */
function versionOf(protocol: number, limits: OwnOptions | null): WireVersion {
  const version = VERSIONS[protocol] ?? refuse("protocol", protocol, "76, 0 and 13");
  const versions = limits?.versions;
  if (Array.isArray(versions) && !versions.includes(version)) {
    refuse("limits.versions", versions, `a list with ${version}, as protocol is ${protocol}`);
  }
  return version;
}

/** Keeps `LWS_CALLBACK_SEND` from connections that are no WebSockets. */
function toEstablishedOnly(callback: libwebsocket_callback): libwebsocket_callback {
  const established = new WeakSet<Wsi>();
  return (wsi, reason, user, data, len) => {
    if (reason === constants.LWS_CALLBACK_ESTABLISHED) established.add(wsi);
    if (reason === constants.LWS_CALLBACK_CLOSED) established.delete(wsi);
    if (reason === constants.LWS_CALLBACK_SEND && !established.has(wsi)) return 0;
    return callback(wsi, reason, user, data, len);
  };
}

function sendRegularly(context: Context): void {
  const clock = hostInUse().clock ?? systemClock;
  const { name } = context.protocols[0]!;
  let timer: unknown;
  const send = () => {
    // Connections may take their time to close.
    if (context.isDestroyed) return;
    timer = clock.setTimer(send, SEND_INTERVAL_MS);
    context.callbackAllProtocol(name, userReason(constants.LWS_CALLBACK_SEND));
  };
  timer = clock.setTimer(send, SEND_INTERVAL_MS);
  void context.closed.then(() => clock.clearTimer(timer));
}
