/** What a user writes: a protocol, its callback and its per-session data. */

import type { Context } from "./context.ts";
import type { FetchHandler } from "./http/fetch.ts";
import type { CallbackArguments } from "./reasons.ts";
import type { Publication } from "./topics/topics.ts";
import type { PreparedMessage } from "./write.ts";

/**
 * What a protocol's callback may return: nothing or 0 to go on, another number with the rules of the
 * reason, or a promise; see {@linkcode Protocol.callback}.
 *
 * @category Protocols
 */
export type CallbackResult = number | void | Promise<number | void>;

/**
 * One supported protocol (`struct lws_protocols`). Written by the program. The first of a context's list
 * also gets all of HTTP; WebSocket connections of clients that named no subprotocol get the first whose
 * {@linkcode Protocol.path} fits. An unknown member is refused, but in an instance of a class, which may have
 * members of its own.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data.
 *
 * @example
 * ```ts
 * import type { Protocol } from "@x/lws";
 *
 * const echo: Protocol<{ seen: number }> = {
 *   name: "echo",
 *   perSessionData: () => ({ seen: 0 }),
 *   callback(wsi, reason, user, data) {
 *     if (reason !== "receive") return;
 *     user.seen++;
 *     wsi.write(data, wsi.frameIsBinary ? "binary" : "text");
 *   },
 * };
 * ```
 *
 * @example A session that is looked up before the 101
 * ```ts
 * import { handlers, type Protocol } from "@x/lws";
 *
 * async function findUser(token: string): Promise<string | undefined> {
 *   const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
 *   return new Uint8Array(hash)[0] === 0x2c ? "alice" : undefined;
 * }
 *
 * const chat: Protocol<{ name: string }> = {
 *   name: "chat",
 *   perSessionData: () => ({ name: "" }),
 *   callback: handlers<{ name: string }>({
 *     async filterProtocolConnection(wsi, user) {
 *       const name = await findUser(wsi.hdrCopy("authorization") ?? "");
 *       if (name === undefined) {
 *         wsi.respond(401, "Who are you?", [["www-authenticate", "Bearer"]]);
 *         return -1;
 *       }
 *       user.name = name;
 *       return 0;
 *     },
 *     established(wsi, user) {
 *       wsi.write(`hello, ${user.name}`);
 *     },
 *   }),
 * };
 * ```
 */
export interface Protocol<User = unknown> {
  /** What clients name in `Sec-WebSocket-Protocol`; case matters. */
  readonly name: string;
  /**
   * Called for every reason. Returns nothing, or a number: non-zero closes, with the rules of each
   * reason, and a `notice` line in the log says so. A thrown error closes the connection and is logged.
   *
   * It may return a promise, as an async function does. In `filterNetworkConnection`,
   * `filterHttpConnection`, `filterProtocolConnection`, `http`, `httpBody`, `httpBodyCompletion` and
   * `httpWriteable` that is awaited, and its number counts as if it was returned. Nothing more of the
   * connection is handed on meanwhile; up to `maxHeaderBytes` of what comes are read, so that a peer that
   * goes (the end of its stream counts as that here) is noticed: the last reasons come then, and what is
   * decided later counts no more. A filter has a `headerTimeoutMs` of its own, and is answered 503
   * behind it, or hung up on in `filterNetworkConnection`; the other reasons may take their time, but a
   * peer has to take what is being sent. With `service: "manual"` and `"external"` what was
   * decided is an event of that connection, which waits for service. In all other reasons a promise counts
   * as 0.
   *
   * A rejection is a throw: it is logged, with its stack, and closes the connection with 1011 or 500.
   *
   * Name all four parameters: only then does the compiler narrow `data` by `reason`.
   */
  callback(...args: CallbackArguments<User>): CallbackResult;
  /**
   * Makes the `user` of a connection, when its HTTP part begins (first protocol) or its WebSocket
   * handshake is accepted. A number gives a zeroed `ArrayBuffer` of so many bytes. A promise is not
   * awaited but is the `user`; if it is rejected the connection is closed, as by a callback's. What takes
   * time is best loaded in an async `filterProtocolConnection`, into a `user` that is there already.
   *
   * Default: none, and `user` is undefined.
   */
  readonly perSessionData?: number | (() => User);
  /**
   * Bytes of the longest frame that comes in one piece; longer ones come in several, see
   * `wsi.remainingPacketPayload`. Of the first protocol, which gets all of HTTP, those of the longest
   * piece of a body as well. Up to 1,073,741,824; 0 is the default.
   *
   * Default: `65536`.
   */
  readonly rxBufferSize?: number;
  /**
   * The paths on which servers serve it: the pathname of a
   * [`URLPattern`](https://developer.mozilla.org/docs/Web/API/URL_Pattern_API), as `"/chat/:room"` or
   * `"/files/*"`, that begins with `/` or `*`. A handshake that names no subprotocol gets the first protocol of
   * the list whose path fits; one that names some gets the first of those that is a protocol's name and whose path
   * fits. Where none fits at all it is for {@linkcode fetch}, or answered 404. `wsi.pathParams` has what the groups have
   * matched.
   *
   * What is matched is the path as it was sent, normalised as in a URL: an encoded slash, `%2F`, divides no
   * segment, and `//` is an empty one, whereas `wsi.uri` is decoded. A regular expression in it is the
   * program's own: one that backtracks without end is run on what peers send. It has no meaning on clients.
   *
   * Default: none, and every path fits.
   */
  readonly path?: string;
  /**
   * Answers requests of HTTP by a `Response`, if they are for its {@linkcode path}; see {@linkcode FetchHandler}.
   * The first protocol of the list that has one and serves the path is asked, behind the mounts, and before the
   * context's own {@linkcode ContextCreationInfo.fetch}. `wsi.pathParams` has what the path's groups have matched.
   *
   * A protocol of methods that has a `fetch` and no method of a server's WebSockets, as `message`, is for HTTP alone:
   * handshakes are for the other protocols, or for a `fetch` as well.
   *
   * Default: none.
   */
  readonly fetch?: FetchHandler;
  /** Free for the program, as a version or capability bits. */
  readonly id?: number;
  /** Free for the program: data of the protocol itself, not of one connection. */
  readonly user?: unknown;
  /**
   * Origins other than the server's own from which browsers may connect; `"*"` allows all.
   *
   * Default: the context's `allowedOrigins`.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * What subscribers of this protocol are sent for a publication, as its data with its offset; nothing, if
   * that is undefined. Called once a publication and context, and not for each subscriber. One that throws has a
   * line in the log, and the publication is left out.
   *
   * What `context.presence` publishes, of each connection that joins or leaves, comes here as well, with
   * {@linkcode Publication.presence}, and is not sent otherwise.
   *
   * Default: none, and the data is sent as it is.
   *
   * @example
   * ```ts
   * import { handlers, type Protocol } from "@x/lws";
   *
   * const decoder = new TextDecoder();
   * const chat: Protocol = {
   *   name: "chat",
   *   callback: handlers({ established: (wsi) => void wsi.subscribe("room/1") }),
   *   encode: ({ epoch, offset, data }) =>
   *     JSON.stringify({ epoch, offset, text: decoder.decode(data) }),
   * };
   * ```
   */
  encode?(publication: Publication): Uint8Array | string | PreparedMessage | undefined;
}

/**
 * A protocol as a context uses it (`lws_get_protocol`): all that the program's own object has, which
 * stays as it was, and what the context knows of it. Wherever a protocol is asked for, either will do.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data.
 */
export interface ActiveProtocol<User = unknown> extends Protocol<User> {
  /** The context (`owning_server`). */
  readonly owningServer: Context;
  /** The place in the context's list, from 0. */
  readonly protocolIndex: number;
  /**
   * The port on 127.0.0.1 through which other processes broadcast with {@linkcode connectBroadcast};
   * 0 without `broadcastSockets`.
   */
  readonly broadcastSocketPort: number;
  /**
   * −1, always: the C library keeps its end of a socket to the process that it forked here. No process
   * is forked here, and no descriptor is shared with another; use {@linkcode Context.broadcast}.
   */
  readonly broadcastSocketUserFd: number;
  /**
   * What has to be sent to the port first: 64 hexadecimal digits, new in every context. Any process that
   * has them can broadcast. Empty without `broadcastSockets`.
   */
  readonly broadcastToken: string;
}
