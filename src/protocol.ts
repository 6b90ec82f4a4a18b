/** What a user writes: a protocol, its callback and its per-session data. */

import type { Context } from "./context.ts";
import type { CallbackArguments } from "./reasons.ts";

/**
 * What a protocol's callback may return: nothing or 0 to go on, another number with the rules of the
 * reason, or a promise; see {@linkcode Protocol.callback}.
 */
export type CallbackResult = number | void | Promise<number | void>;

/**
 * One supported protocol (`struct lws_protocols`). The first of a context's list also gets all of
 * HTTP, and the WebSocket connections whose clients named no subprotocol. A member that is none is refused,
 * but in an instance of a class, which may have members of its own.
 *
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
 */
export interface Protocol<User = unknown> {
  /** What clients name in `Sec-WebSocket-Protocol`; case matters. */
  readonly name: string;
  /**
   * Called for every reason. Returns nothing, or a number: non-zero closes, with the rules of each
   * reason, and a `notice` line in the log says so. A thrown error closes the connection and is logged.
   *
   * Name all four parameters: only then does the compiler narrow `data` by `reason`.
   */
  callback(...args: CallbackArguments<User>): CallbackResult;
  /**
   * Makes the `user` of a connection, when its HTTP part begins (first protocol) or its WebSocket
   * handshake is accepted. A number gives a zeroed `ArrayBuffer` of so many bytes.
   *
   * @default none: `user` is undefined
   */
  readonly perSessionData?: number | (() => User);
  /**
   * Bytes of the longest frame that comes in one piece; longer ones come in several, see
   * `wsi.remainingPacketPayload`. From 1 to 1,073,741,824.
   *
   * @default {65536}
   */
  readonly rxBufferSize?: number;
  /** Free for the program, as a version or capability bits. */
  readonly id?: number;
  /** Free for the program: data of the protocol itself, not of one connection. */
  readonly user?: unknown;
  /**
   * Origins other than the server's own from which browsers may connect; `"*"` allows all. Takes the
   * place of the context's `allowedOrigins`.
   */
  readonly allowedOrigins?: readonly string[];
}

/**
 * A protocol as a context uses it (`lws_get_protocol`): all that the program's own object has, which
 * stays as it was, and what the context knows of it. Wherever a protocol is asked for, either will do.
 *
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
   * What the port wants to hear first: 64 hexadecimal digits, new in every context. Whoever has them
   * can broadcast. Empty without `broadcastSockets`.
   */
  readonly broadcastToken: string;
}
