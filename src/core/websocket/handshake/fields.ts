/** The header fields of opening handshakes: what a program may add, and lists that both sides read. */

import { describeValue } from "../../../base/check.ts";
import { LwsError } from "../../../base/errors.ts";
import type { HeaderFields } from "../../http/fields.ts";
import { isFieldValue, isToken, splitList } from "../../http/syntax.ts";

/** Fields that belong to the handshake itself, of whichever version, in lower case. */
const RESERVED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-key1",
  "sec-websocket-key2",
  "sec-websocket-location",
  "sec-websocket-nonce",
  "sec-websocket-origin",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "transfer-encoding",
  "upgrade",
  "websocket-location",
  "websocket-origin",
  "websocket-protocol",
]);

/** @throws {LwsError} `invalid-argument` that says what is wrong with a field for a handshake */
export function checkHandshakeField(name: string, value: string): void {
  if (typeof name !== "string" || !isToken(name)) {
    refuseField(`header name ${describeValue(name)} is no token`);
  }
  if (RESERVED.has(name.toLowerCase())) {
    refuseField(`header ${name} is set by the handshake itself`);
  }
  if (typeof value !== "string") {
    refuseField(`header ${name}: the value is ${describeValue(value)}, and no text`);
  }
  if (!isFieldValue(value)) {
    refuseField(`header ${name}: the value has a line break or a control character`);
  }
}

function refuseField(why: string): never {
  throw new LwsError("invalid-argument", why);
}

/** Collects checked fields. */
export class HandshakeFields {
  readonly fields: [string, string][] = [];

  add(name: string, value: string): void {
    checkHandshakeField(name, value);
    this.fields.push([name, value]);
  }
}

/**
 * `Sec-WebSocket-Extensions`, empty when no line has anything in it, and `undefined` for commas alone.
 * Section 9.1 wants an element in every line; libwebsockets until 2016 sent the line in any case.
 */
export function listedExtensions(fields: HeaderFields): string | undefined {
  const list = fields.get("sec-websocket-extensions");
  if (list === undefined) return "";
  if (splitList(list).length > 0) return list;
  return fields.getAll("sec-websocket-extensions").every((line) => line === "") ? "" : undefined;
}

/** What is wrong with a list of subprotocols; `undefined` when nothing is (section 4.1, item 10). */
export function faultOfProtocols(protocols: readonly string[]): string | undefined {
  if (protocols.length === 0) return undefined;
  if (!protocols.every(isToken)) return "a name that is not a token";
  if (new Set(protocols).size < protocols.length) return "a name twice";
  return undefined;
}

/** @throws {TypeError} naming the parameter, for a protocol that can't stand in a head */
export function checkProtocol(parameter: string, protocol: string): void {
  if (isToken(protocol)) return;
  throw new TypeError(`${parameter} is not a token`);
}
