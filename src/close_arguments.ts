/** What `wsi.close` is given, and its check. */

import { refuseArgument } from "./arguments.ts";
import { encodeClose, isCloseCode, MAX_CLOSE_REASON } from "./core/close.ts";
import { LwsError } from "./errors.ts";

/**
 * The payload of the close frame for these arguments.
 *
 * @throws {LwsError} `invalid-argument`, which names the argument
 */
export function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (typeof reason !== "string") refuseArgument("close", "reason", reason, "text");
  if (code === undefined && reason !== "") {
    throw new LwsError("invalid-argument", "close: a reason needs a code");
  }
  if (code !== undefined && !isCloseCode(code)) {
    refuseArgument("close", "code", code, "1000–1003, 1007–1014, 3000–4999");
  }
  const payload = encodeClose(code, reason);
  if (payload.length - 2 > MAX_CLOSE_REASON) {
    throw new LwsError(
      "invalid-argument",
      `close: the reason takes ${payload.length - 2} bytes, at most ${MAX_CLOSE_REASON} fit`,
    );
  }
  return payload;
}
