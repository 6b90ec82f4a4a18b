/**
 * A client's side of the opening handshake: RFC 6455 section 4.1, and what the drafts before it had
 * otherwise. That of hixie-76 is in `hixie_client`.
 */

import { shown } from "../../../base/log/escaping.ts";
import { fieldName } from "../../http/fields.ts";
import type { ResponseHead } from "../../http/head.ts";
import { equalsIgnoreCase, isVisibleAscii, listHasToken } from "../../http/syntax.ts";
import { parseAuthority } from "../../http/target.ts";
import { type FieldLine, writeHead } from "../../http/writer.ts";
import type { NumberedVersion } from "./decision.ts";
import { faultOfProtocols, listedExtensions } from "./fields.ts";
import { acceptValue, isKey, type Sha1 } from "./keys.ts";

/** What a client asks for, whatever the version. */
export interface UpgradeRequest {
  /** Path and query, from the first `/` on. */
  readonly path: string;
  /** `Host`: the name, and the port unless it is the scheme's. */
  readonly host: string;
  /** `Origin`; browsers must send one, others may (section 4.1). */
  readonly origin?: string | undefined;
  /** Subprotocols in the order of preference. */
  readonly protocols: readonly string[];
  /** `Sec-WebSocket-Extensions`. */
  readonly extensions?: string | undefined;
  /** Further header fields; none of the handshake's own. */
  readonly fields: Iterable<FieldLine>;
}

/** How it asks since draft 04. */
export interface KeyedRequest extends UpgradeRequest {
  /** `Sec-WebSocket-Version`: 13 is RFC 6455's. */
  readonly version: NumberedVersion;
  /** See {@linkcode newKey}. */
  readonly key: string;
}

/** What the server agreed to. */
export interface UpgradeAnswer {
  /** The chosen subprotocol; `undefined` when the server chose none. */
  readonly protocol: string | undefined;
  /** `Sec-WebSocket-Extensions`; empty without an element. */
  readonly extensions: string;
  /** From what draft 04 masks. */
  readonly connectionKey?: Uint8Array;
}

/** The server's answer is no consent to the handshake. */
export class HandshakeError extends Error {
  /** The class's name. */
  override readonly name = "HandshakeError";
}

/**
 * A client's handshake (section 4.1).
 *
 * @throws {TypeError} naming the parameter that can't be sent: nothing in it may end its line, and no
 * further field may repeat one of the handshake's
 */
export function upgradeRequest(request: KeyedRequest): Uint8Array {
  const { path, host, origin, protocols, key, extensions, version } = request;
  checkParameters(request);
  if (!isKey(key)) throw new TypeError(`key must be 16 bytes of base64`);
  const lines: FieldLine[] = [
    ["Host", host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", String(version)],
  ];
  if (origin !== undefined) {
    lines.push([version === 13 ? "Origin" : "Sec-WebSocket-Origin", origin]);
  }
  if (protocols.length > 0) lines.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
  if (extensions !== undefined && extensions !== "") {
    lines.push(["Sec-WebSocket-Extensions", extensions]);
  }
  return writeRequest(path, lines, request.fields);
}

/** @throws {TypeError} for a further field that repeats one of the handshake's, or can't be sent */
export function writeRequest(
  path: string,
  lines: readonly FieldLine[],
  further: Iterable<FieldLine>,
): Uint8Array {
  const all = [...lines];
  const taken = new Set(RESERVED_FIELDS);
  for (const [name] of lines) taken.add(name.toLowerCase());
  for (const field of further) {
    if (taken.has(field[0].toLowerCase())) {
      throw new TypeError(`fields must not have ${field[0]}: the handshake sets it`);
    }
    all.push(field);
  }
  return writeHead(`GET ${path} HTTP/1.1`, all);
}

/** What a client has offered, by which an answer is judged. */
export interface Offer {
  /** The subprotocols, of which the answer may name one. */
  readonly protocols: readonly string[];
  /** Whether any extension was offered. */
  readonly hasExtensions: boolean;
}

/**
 * Checks a server's answer (section 4.1, the client's list of the answer's MUSTs).
 *
 * @throws {HandshakeError} saying what is wrong with it
 */
export function checkUpgradeResponse(
  head: ResponseHead,
  key: string,
  offer: Offer,
  digests: Sha1,
): UpgradeAnswer {
  checkSwitch(head);
  const accept = onlyValue(head, "Sec-WebSocket-Accept");
  if (accept === undefined) throw new HandshakeError("Sec-WebSocket-Accept is missing");
  if (accept !== acceptValue(key, digests)) {
    throw new HandshakeError("Sec-WebSocket-Accept is wrong");
  }
  const protocol = onlyValue(head, "Sec-WebSocket-Protocol");
  if (protocol !== undefined && !offer.protocols.includes(protocol)) {
    // It may be almost the one that was, with the token in it.
    throw new HandshakeError("the server chose a protocol that was not offered");
  }
  const extensions = listedExtensions(head.fields);
  if (extensions === undefined) {
    throw new HandshakeError("Sec-WebSocket-Extensions has no element");
  }
  if (extensions !== "" && !offer.hasExtensions) {
    throw new HandshakeError(
      `the server chose the extensions "${shown(extensions)}", but none was offered`,
    );
  }
  return { protocol, extensions };
}

/** What every version asks of an answer: 101, and the two fields of an upgrade. */
export function checkSwitch(head: ResponseHead): void {
  const { fields, status, reason } = head;
  if (status !== 101) {
    throw new HandshakeError(`the server answered ${status} ${shown(reason)}`.trimEnd());
  }
  if (head.minorVersion === 0) throw new HandshakeError("the server answered in HTTP/1.0");
  if (!equalsIgnoreCase(onlyValue(head, "Upgrade") ?? "", "websocket")) {
    throw new HandshakeError("Upgrade is missing or not websocket");
  }
  if (!listHasToken(fields.get("connection") ?? "", "upgrade")) {
    throw new HandshakeError("Connection is missing or does not name upgrade");
  }
}

/** What draft 04 has beside the accept value. */
export function nonceOf(head: ResponseHead): string {
  const nonce = onlyValue(head, "Sec-WebSocket-Nonce");
  if (nonce === undefined) throw new HandshakeError("Sec-WebSocket-Nonce is missing");
  if (!isKey(nonce)) throw new HandshakeError("Sec-WebSocket-Nonce is not 16 bytes of base64");
  return nonce;
}

/** The value of a field that must not be repeated. */
export function onlyValue(head: ResponseHead, name: string): string | undefined {
  const key = fieldName(name);
  if (head.fields.count(key) > 1) throw new HandshakeError(`more than one ${name}`);
  return head.fields.get(key);
}

/** @throws {TypeError} naming the parameter that can't be sent; its value may be secret, and is not told */
export function checkParameters({ path, host, origin, protocols }: UpgradeRequest): void {
  if (!path.startsWith("/") || !isVisibleAscii(path) || path.includes("#")) {
    throw new TypeError("path must begin with / and have visible ASCII without # only");
  }
  if (parseAuthority(host) === undefined) {
    throw new TypeError("host must be a name or address with or without a port");
  }
  if (origin !== undefined && (origin === "" || !isVisibleAscii(origin))) {
    throw new TypeError("origin must be visible ASCII");
  }
  const fault = faultOfProtocols(protocols);
  if (fault !== undefined) {
    throw new TypeError(`protocols has ${fault}`);
  }
}

/**
 * What no further field may be, even where the handshake has it not: the framing of a body, or an extension
 * or subprotocol that would be negotiated behind the library's back.
 */
const RESERVED_FIELDS = [
  "content-length",
  "transfer-encoding",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];
