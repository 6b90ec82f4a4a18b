/** What the log tells of a request's head. */

import { isLogged, line, log } from "../../base/log.ts";
import type { RequestHead } from "../../core/http/head.ts";

/** Names and lengths only: values may be secrets. */
export function logRequest(socketFd: number, head: RequestHead, length: number): void {
  const { fields } = head;
  if (isLogged("parser")) {
    log("parser", line`connection ${socketFd}: ${length} bytes of head, ${fields.size} fields`);
  }
  if (!isLogged("header")) return;
  for (const [name, value] of fields.entries()) {
    log("header", line`connection ${socketFd}: ${name}, ${value.length} characters`);
  }
}
