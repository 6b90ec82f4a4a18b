/** Clients that connect again. */

import type { CloseInfo } from "../reasons.ts";

/**
 * How a client connects again, by `retry` of {@linkcode ClientConnectOptions}.
 *
 * @category Server and client
 * @example
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "@x/lws";
 *
 * const gaveUp = Promise.withResolvers<string>();
 * await using context = createContext({
 *   port: CONTEXT_PORT_NO_LISTEN,
 *   protocols: [{
 *     name: "chat",
 *     callback: handlers({
 *       clientRetry(_wsi, _user, { attempt, cause }) {
 *         if (attempt < 3) return 0;
 *         gaveUp.resolve("code" in cause ? `lost by ${cause.code}` : cause.message);
 *         return -1;
 *       },
 *     }),
 *   }],
 * });
 * // Nothing listens there.
 * context.clientConnect("ws://127.0.0.1:1/", { retry: { delaysMs: [10, 20] } });
 * if (!(await gaveUp.promise).startsWith("can't connect")) throw new Error("it did");
 * ```
 */
export interface RetryOptions {
  /**
   * Milliseconds from the end of a connection, or of an attempt, to the next attempt: before the first, the second
   * and so on; the last one goes for all that follow. One at least, each from 0 to 2,147,483,647.
   *
   * Default: `[500, 1000, 2000, 5000, 15_000, 30_000]`.
   */
  readonly delaysMs?: readonly number[];
  /**
   * By which part of itself a delay may be shorter or longer, at random, so that a crowd of clients does not come
   * back in one instant: from 0 to 1.
   *
   * Default: `0.3`.
   */
  readonly jitter?: number;
  /**
   * The most attempts in a row, a whole number from 1; `Infinity` is without an end.
   *
   * Default: `Infinity`.
   */
  readonly attempts?: number;
  /**
   * Milliseconds from 0 that a connection has to be established for, so that the next attempt is a first one again,
   * with the first delay; `Infinity` for never.
   *
   * Default: `30_000`.
   */
  readonly resetMs?: number;
}

/**
 * Why a client was not established.
 *
 * @category Connections
 */
export interface ConnectFailure {
  /** As `clientConnectionError` has it. */
  readonly message: string;
  /** The status of the server's answer, or of a proxy's; undefined where there was none. */
  readonly status: number | undefined;
}

/**
 * A client is going to connect again: the `data` of `clientRetry`, which is frozen.
 *
 * @category Connections
 */
export interface ClientRetry {
  /** Whole milliseconds from now to the attempt. */
  readonly delayMs: number;
  /** Which one in a row the attempt will be, from 1. */
  readonly attempt: number;
  /** How the WebSocket ended, or why there was none: what has a `code` is a {@linkcode CloseInfo}. */
  readonly cause: CloseInfo | ConnectFailure;
}
