/** What tracers are told, by channels of `node:diagnostics_channel`. */

import type { CloseInfo } from "../reasons.ts";
import type { Wsi } from "../wsi.ts";

/**
 * The channel of `node:diagnostics_channel` that {@linkcode ConnectionTrace}s are published to.
 *
 * @category Statistics
 */
export const CONNECTION_CHANNEL = "lws:connection";

/**
 * The channel of `node:diagnostics_channel` that {@linkcode MessageTrace}s are published to.
 *
 * @category Statistics
 */
export const MESSAGE_CHANNEL = "lws:message";

/**
 * What is published to `lws:connection`: a step of a connection, of any context of the program. It begins with
 * `accepted` or `connecting`, and ends with `closed` or `failed`:
 *
 * - `accepted`: a server has let it in;
 * - `connecting`: a client begins;
 * - `established`: it is a WebSocket from now on;
 * - `closed`: it has ended; of a WebSocket `close` tells how;
 * - `failed`: a client was never established; `error` tells why.
 *
 * A subscriber is called in the middle of the library's work and only looks on: it does not write or close. What
 * one throws is a line of the log. Without a subscriber nothing is made.
 *
 * @category Statistics
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { CONNECTION_CHANNEL, type ConnectionTrace } from "@x/lws";
 *
 * subscribe(CONNECTION_CHANNEL, (trace) => {
 *   const { event, wsi, close } = trace as ConnectionTrace;
 *   console.log(wsi.socketFd, event, close?.code ?? "");
 * });
 * ```
 */
export interface ConnectionTrace {
  /** What has happened to it. */
  readonly event: "accepted" | "connecting" | "established" | "closed" | "failed";
  /** The same object as in all of the connection's traces and callbacks. */
  readonly wsi: Wsi;
  /** With `closed` of a WebSocket. */
  readonly close?: CloseInfo;
  /** With `failed`: the text of `clientConnectionError`. */
  readonly error?: string;
}

/**
 * What is published to `lws:message`: a whole message of a WebSocket, when its last part was written, or has come and
 * its callback is about to be called. The same holds for subscribers as with {@linkcode ConnectionTrace}. A message
 * that had begun before there was one is told with the bytes that came since.
 *
 * @category Statistics
 */
export interface MessageTrace {
  /** Which way it went. */
  readonly event: "received" | "sent";
  /** Its connection. */
  readonly wsi: Wsi;
  /** The name of its protocol. */
  readonly protocol: string;
  /** Bytes of payload as the program has it, not compressed. */
  readonly bytes: number;
  /** Whether it is binary, and no text. */
  readonly isBinary: boolean;
}
