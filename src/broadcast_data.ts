/** What may be broadcast. */

import { LwsError } from "./errors.ts";

const encoder = new TextEncoder();

/**
 * The bytes of `data`.
 *
 * @throws {LwsError} `invalid-argument` when it is neither a string nor a `Uint8Array`.
 */
export function broadcastBytes(data: Uint8Array | string): Uint8Array {
  checkBroadcastData(data);
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** As {@linkcode broadcastBytes}, for those who let others encode it. */
export function checkBroadcastData(data: unknown): asserts data is Uint8Array | string {
  if (typeof data === "string" || data instanceof Uint8Array) return;
  throw new LwsError(
    "invalid-argument",
    `broadcast: data is ${data === null ? "null" : typeof data}; allowed: string or Uint8Array`,
  );
}
