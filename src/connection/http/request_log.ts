/** What the log tells of a request's head. */

import { isLogged, log } from "../../base/log.ts";
import type { RequestHead } from "../../core/http/head.ts";

/** Names and lengths only: values may be secrets. */
export function logRequest(socketFd: number, head: RequestHead, length: number): void {
  const { fields } = head;
  if (isLogged("parser")) {
    log("parser", `connection ${socketFd}: ${length} bytes of head, ${fields.size} fields`);
  }
  if (!isLogged("header")) return;
  for (const [name, value] of fields.entries()) {
    log("header", `connection ${socketFd}: ${name}, ${value.length} characters`);
  }
}
