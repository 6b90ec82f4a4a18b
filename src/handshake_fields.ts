/** Header fields that a callback adds to a handshake. */

import { isFieldValue, isToken } from "./core/http_syntax.ts";
import type { HandshakeFilter } from "./reasons.ts";

/** Fields that belong to the handshake itself, in lower case. */
const RESERVED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "transfer-encoding",
  "upgrade",
]);

/** Throws a `TypeError` that says what is wrong with a field for a handshake. */
export function checkHandshakeField(name: string, value: string): void {
  if (!isToken(name)) throw new TypeError(`header name ${JSON.stringify(name)} is no token`);
  if (RESERVED.has(name.toLowerCase())) {
    throw new TypeError(`header ${name} is set by the handshake itself`);
  }
  if (typeof value !== "string" || !isFieldValue(value)) {
    throw new TypeError(`header ${name}: the value has a line break or a control character`);
  }
}

/** Collects checked fields. */
export class HandshakeFields implements HandshakeFilter {
  readonly protocol: string;
  readonly fields: [string, string][] = [];

  constructor(protocol: string) {
    this.protocol = protocol;
  }

  add(name: string, value: string): void {
    checkHandshakeField(name, value);
    this.fields.push([name, value]);
  }
}
