/** What becomes of promises of a connection that has closed. */

import type { CloseInfo } from "../../api/reasons.ts";
import { LwsError } from "../../base/errors.ts";
import { CLOSE_STATUS } from "../../core/websocket/close.ts";

/** Whether a connection has closed as one does that has done its work. */
export function isOrdinary({ code }: CloseInfo): boolean {
  const { normal, goingaway, noStatus } = CLOSE_STATUS;
  return code === normal || code === goingaway || code === noStatus;
}

/** The error of a call that a connection didn't live long enough for. Its `cause` is the {@linkcode CloseInfo}. */
export function closedError(call: string, end: CloseInfo): LwsError {
  const { code, reason, cause } = end;
  const said = reason === "" ? `${code}` : `${code} (${reason})`;
  const text = `${call}: the connection closed with ${said}; cause: ${cause}`;
  return new LwsError("connection-closed", text, { cause: end });
}
