/** The opening handshake of RFC 6455 section 4, server's and client's side. */

import { crypto as digests } from "@std/crypto";
import { describeValue } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import type { BodyFraming } from "../http/body/reader.ts";
import type { HeaderFields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/head.ts";
import {
  equalsIgnoreCase,
  isFieldValue,
  isToken,
  isVisibleAscii,
  listHasToken,
  splitList,
  tableOf,
} from "../http/syntax.ts";
import { parseAuthority } from "../http/target.ts";
import { type FieldLine, writeHead } from "../http/writer.ts";

/** The version of the protocol that RFC 6455 defines. */
export const WEBSOCKET_VERSION = 13;

/** What a server makes of a request: plain HTTP, a WebSocket handshake, or a bad one. */
export type UpgradeDecision =
  | { readonly kind: "plain" }
  | {
    readonly kind: "websocket";
    readonly key: string;
    readonly version: 13;
    /** The client's subprotocols in its order of preference. */
    readonly protocols: string[];
    /** `Sec-WebSocket-Extensions`, repeated lines joined; empty without an element. */
    readonly extensions: string;
  }
  | {
    readonly kind: "refused";
    readonly status: number;
    /** What was wrong, for the log. */
    readonly reason: string;
    /** Fields that the answer must have. */
    readonly fields: [string, string][];
  };

/** What a client asks for. */
export interface UpgradeRequest {
  /** Path and query, from the first `/` on. */
  readonly path: string;
  /** `Host`: the name, and the port unless it is the scheme's. */
  readonly host: string;
  /** `Origin`; browsers must send one, others may (section 4.1). */
  readonly origin?: string | undefined;
  /** Subprotocols in the order of preference. */
  readonly protocols: readonly string[];
  /** See {@linkcode newKey}. */
  readonly key: string;
  /** `Sec-WebSocket-Extensions`. */
  readonly extensions?: string | undefined;
  /** Further header fields; none of the handshake's own. */
  readonly fields: Iterable<FieldLine>;
}

/** What the server agreed to. */
export interface UpgradeAnswer {
  /** The chosen subprotocol; `undefined` when the server chose none. */
  readonly protocol: string | undefined;
  /** `Sec-WebSocket-Extensions`; empty without an element. */
  readonly extensions: string;
}

/** The server's answer is no consent to the handshake. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

/**
 * The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` of 24 characters (section 4.2.2,
 * step 5.4).
 */
export function acceptValue(key: string): string {
  encoder.encodeInto(key, keyAndGuid);
  return new Uint8Array(digests.subtle.digestSync("SHA-1", keyAndGuid)).toBase64();
}

/** Checks a request by section 4.2.1; `framing` is that of its body, which it must not have. */
export function readUpgrade(head: RequestHead, framing: BodyFraming): UpgradeDecision {
  const { fields } = head;
  // RFC 9110 section 7.8: an upgrade to anything else may be ignored.
  if (!listHasToken(fields.get("upgrade") ?? "", "websocket")) return { kind: "plain" };
  if (head.method !== "GET") return refuse(405, "the method is not GET", [["Allow", "GET"]]);
  if (head.minorVersion === 0) return refuse(400, "the handshake came in HTTP/1.0");
  for (const name of SINGLE_FIELDS) {
    if (fields.count(name) > 1) return refuse(400, `more than one ${name}`);
  }
  if (!listHasToken(fields.get("connection") ?? "", "upgrade")) {
    return refuse(400, "Connection does not name upgrade");
  }
  const version = fields.get("sec-websocket-version");
  if (version === undefined) return refuse(400, "Sec-WebSocket-Version is missing");
  if (version !== String(WEBSOCKET_VERSION)) {
    return refuse(426, "a Sec-WebSocket-Version other than 13", VERSION_FIELDS);
  }
  const key = fields.get("sec-websocket-key");
  if (key === undefined) return refuse(400, "Sec-WebSocket-Key is missing");
  if (!isKey(key)) return refuse(400, "Sec-WebSocket-Key is not 16 bytes of base64");
  if (framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0)) {
    return refuse(400, "the handshake has a body");
  }
  const protocols = splitList(fields.get("sec-websocket-protocol") ?? "");
  // Section 4.3: of a list that is there, there is at least one element, 1#.
  if (protocols.length === 0 && fields.has("sec-websocket-protocol")) {
    return refuse(400, "Sec-WebSocket-Protocol is empty");
  }
  const fault = faultOfProtocols(protocols);
  if (fault !== undefined) return refuse(400, `Sec-WebSocket-Protocol has ${fault}`);
  const extensions = listedExtensions(fields);
  if (extensions === undefined) return refuse(400, "Sec-WebSocket-Extensions has no element");
  return { kind: "websocket", key, version: WEBSOCKET_VERSION, protocols, extensions };
}

/**
 * The 101 that accepts a handshake (section 4.2.2, step 5).
 *
 * @throws {TypeError} for a protocol that is no token or a field that can't be sent
 */
export function upgradeResponse(
  key: string,
  protocol: string | undefined,
  extraFields: Iterable<FieldLine>,
): Uint8Array {
  let startLines = SWITCHING_PROTOCOLS + acceptValue(key);
  if (protocol !== undefined) {
    if (!isToken(protocol)) throw notAToken("protocol", protocol);
    startLines += "\r\nSec-WebSocket-Protocol: " + protocol;
  }
  return writeHead(startLines, extraFields);
}

/** A fresh `Sec-WebSocket-Key`: 16 random bytes in base64 (section 4.1). */
export function newKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64();
}

/**
 * A client's handshake (section 4.1).
 *
 * @throws {TypeError} naming the parameter that can't be sent: nothing in it may end its line, and no
 * further field may repeat one of the handshake's
 */
export function upgradeRequest(request: UpgradeRequest): Uint8Array {
  const { path, host, origin, protocols, key, extensions } = request;
  checkParameters(request);
  const fields: FieldLine[] = [
    ["Host", host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", String(WEBSOCKET_VERSION)],
  ];
  if (origin !== undefined) fields.push(["Origin", origin]);
  if (protocols.length > 0) fields.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
  if (extensions !== undefined && extensions !== "") {
    fields.push(["Sec-WebSocket-Extensions", extensions]);
  }
  const taken = new Set(RESERVED_FIELDS);
  for (const [name] of fields) taken.add(name.toLowerCase());
  for (const field of request.fields) {
    if (taken.has(field[0].toLowerCase())) {
      throw new TypeError(`fields must not have ${field[0]}: the handshake sets it`);
    }
    fields.push(field);
  }
  return writeHead(`GET ${path} HTTP/1.1`, fields);
}

/**
 * Checks a server's answer (section 4.1, the client's list of the answer's MUSTs).
 *
 * @throws {HandshakeError} saying what is wrong with it
 */
export function checkUpgradeResponse(
  head: ResponseHead,
  key: string,
  offeredProtocols: readonly string[],
  offeredExtensions: boolean,
): UpgradeAnswer {
  const { fields, status, reason } = head;
  if (status !== 101) throw new HandshakeError(`the server answered ${status} ${reason}`.trimEnd());
  if (head.minorVersion === 0) throw new HandshakeError("the server answered in HTTP/1.0");
  if (!equalsIgnoreCase(onlyValue(head, "Upgrade") ?? "", "websocket")) {
    throw new HandshakeError("Upgrade is missing or not websocket");
  }
  if (!listHasToken(fields.get("connection") ?? "", "upgrade")) {
    throw new HandshakeError("Connection is missing or does not name upgrade");
  }
  const accept = onlyValue(head, "Sec-WebSocket-Accept");
  if (accept === undefined) throw new HandshakeError("Sec-WebSocket-Accept is missing");
  if (accept !== acceptValue(key)) throw new HandshakeError("Sec-WebSocket-Accept is wrong");
  const protocol = onlyValue(head, "Sec-WebSocket-Protocol");
  if (protocol !== undefined && !offeredProtocols.includes(protocol)) {
    throw new HandshakeError(
      `the server chose the protocol ${JSON.stringify(protocol)}, which was not offered`,
    );
  }
  const extensions = listedExtensions(fields);
  if (extensions === undefined) {
    throw new HandshakeError("Sec-WebSocket-Extensions has no element");
  }
  if (extensions !== "" && !offeredExtensions) {
    throw new HandshakeError(
      `the server chose the extensions ${JSON.stringify(extensions)}, but none was offered`,
    );
  }
  return { protocol, extensions };
}

/** What every 101 begins with. */
const SWITCHING_PROTOCOLS = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Accept: ";

/**
 * Of these a request must have one line only: RFC 6454 section 7.3 has it so for `Origin`, and RFC 9110
 * section 5.3 for every field that is no list. A request with two is malformed, even where all origins
 * are allowed.
 */
const SINGLE_FIELDS = ["Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Origin"] as const;

/** Section 4.4, and RFC 9110 section 15.5.22, by which a 426 must have the last two. */
const VERSION_FIELDS: [string, string][] = [
  ["Sec-WebSocket-Version", String(WEBSOCKET_VERSION)],
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
];

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

const BASE64_BYTES = /* @__PURE__ */ tableOf(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);

const encoder = new TextEncoder();

const KEY_LENGTH = 24;
/** The GUID of section 1.3 behind the room for a key. */
const keyAndGuid = /* @__PURE__ */ encoder.encode(
  " ".repeat(KEY_LENGTH) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
);

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

/** @throws {LwsError} `invalid-argument` that says what is wrong with a field for a handshake */
export function checkHandshakeField(name: string, value: string): void {
  if (typeof name !== "string" || !isToken(name)) {
    refuseField(`header name ${describeValue(name)} is no token`);
  }
  if (RESERVED.has(name.toLowerCase())) {
    refuseField(`header ${name} is set by the handshake itself`);
  }
  if (typeof value !== "string" || !isFieldValue(value)) {
    refuseField(`header ${name}: the value has a line break or a control character`);
  }
}

function refuseField(why: string): never {
  throw new LwsError("invalid-argument", why);
}

/** Collects checked fields. */
export class HandshakeFields {
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

/**
 * Chooses a subprotocol (RFC 6455 section 4.2.2): the first of the client's, in its order of
 * preference, that `supported` knows; `undefined` when there is none. Names are compared with their case.
 */
export function chooseSubprotocol(
  offered: readonly string[],
  supported: (name: string) => boolean,
): string | undefined {
  return offered.find((name) => supported(name));
}

function refuse(
  status: number,
  reason: string,
  fields: readonly [string, string][] = [],
): UpgradeDecision {
  return { kind: "refused", status, reason, fields: [...fields] };
}

/** 16 bytes in base64 are 22 characters and two of padding. */
function isKey(key: string): boolean {
  if (key.length !== KEY_LENGTH || !key.endsWith("==")) return false;
  for (let i = 0; i < 22; i++) {
    if (BASE64_BYTES[key.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/**
 * `Sec-WebSocket-Extensions`, empty when no line has anything in it, and `undefined` for commas alone.
 * Section 9.1 wants an element in every line; libwebsockets until 2016 sent the line in any case.
 */
function listedExtensions(fields: HeaderFields): string | undefined {
  const list = fields.get("sec-websocket-extensions") ?? "";
  if (splitList(list).length > 0) return list;
  return fields.getAll("sec-websocket-extensions").every((line) => line === "") ? "" : undefined;
}

/** What is wrong with a list of subprotocols; `undefined` when nothing is (section 4.1, item 10). */
function faultOfProtocols(protocols: readonly string[]): string | undefined {
  if (!protocols.every(isToken)) return "a name that is not a token";
  if (new Set(protocols).size < protocols.length) return "a name twice";
  return undefined;
}

function checkParameters({ path, host, origin, protocols, key }: UpgradeRequest): void {
  if (!path.startsWith("/") || !isVisibleAscii(path) || path.includes("#")) {
    throw new TypeError(
      `path must begin with / and have visible ASCII without # only: ${JSON.stringify(path)}`,
    );
  }
  if (parseAuthority(host) === undefined) {
    throw new TypeError(
      `host must be a name or address with or without a port: ${JSON.stringify(host)}`,
    );
  }
  if (origin !== undefined && (origin === "" || !isVisibleAscii(origin))) {
    throw new TypeError(`origin must be visible ASCII: ${JSON.stringify(origin)}`);
  }
  if (!isKey(key)) throw new TypeError(`key must be 16 bytes of base64: ${JSON.stringify(key)}`);
  const fault = faultOfProtocols(protocols);
  if (fault !== undefined) {
    throw new TypeError(`protocols has ${fault}: ${JSON.stringify(protocols)}`);
  }
}

function notAToken(parameter: string, value: string): TypeError {
  return new TypeError(`${parameter} is not a token: ${JSON.stringify(value)}`);
}

/** The value of a field that must not be repeated. */
function onlyValue(head: ResponseHead, name: string): string | undefined {
  if (head.fields.count(name) > 1) throw new HandshakeError(`more than one ${name}`);
  return head.fields.get(name);
}
