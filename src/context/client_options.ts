/** What `clientConnect` is given, and its check. */

import { checkRetry, type RetryPolicy } from "./clients/retry_policy.ts";
import type { ClientConnectInfo, ClientConnectOptions } from "../api/client_info.ts";
import { isPlain, refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { isWhole } from "../base/option_rules.ts";
import type { ClientTarget } from "../connection/client/route.ts";
import { isFieldValue, isToken, splitList } from "../core/http/syntax.ts";
import { parseAuthority } from "../core/http/target.ts";
import { authorizationOf, placeOf, readWebSocketUrl } from "../core/http/websocket_url.ts";
import { checkHandshakeField } from "../core/websocket/handshake/fields.ts";
import { DRAFT_04_MASKINGS, WIRE_VERSIONS } from "../core/websocket/wire_version.ts";
import { parseIpLiteral } from "../proxy/ip_address.ts";

const FIELDS: ReadonlySet<string> = new Set([
  "address",
  "port",
  "socketPath",
  "iface",
  "path",
  "host",
  "origin",
  "ssl",
  "peerCertificate",
  "serverName",
  "protocol",
  "userdata",
  "headers",
  "version",
  "draft04Masking",
  "signal",
  "redirects",
  "retry",
]);

/** As many as browsers follow. */
const MOST_REDIRECTS = 20;
const REDIRECTS_OF_URL = 5;

/** Those that a URL says. */
const IN_URL: ReadonlySet<string> = new Set(["address", "port", "path"]);
const BESIDE_URL = [...FIELDS].filter((field) => !IN_URL.has(field));

/** What is to become of a call of `clientConnect`. */
export interface CheckedClient {
  readonly target: ClientTarget;
  /** The connection's, where the program gave it. */
  readonly user: unknown;
  readonly signal: AbortSignal | undefined;
  /** Undefined where it does not connect again. */
  readonly retry: RetryPolicy | undefined;
}

/**
 * Checks and completes what `clientConnect` was given.
 *
 * @throws {LwsError} `invalid-argument`, which names the field; `aborted` when the signal has.
 */
export function checkClient(
  place: string | URL | ClientConnectInfo,
  options?: ClientConnectOptions,
): CheckedClient {
  if (typeof place === "string" || place instanceof URL) {
    return checkClientInfo(infoOf(`${place}`, options));
  }
  const isObject = typeof place === "object" && place !== null;
  if (options !== undefined && isObject) refuse("options", options, "nothing beside an object");
  return checkClientInfo(place);
}

/** The struct for a URL and what goes with it. */
function infoOf(text: string, options: ClientConnectOptions = {}): ClientConnectInfo {
  const url = readWebSocketUrl(text);
  if (typeof url === "string") throw new LwsError("invalid-argument", `clientConnect: ${url}`);
  if (typeof options !== "object" || options === null) refuse("options", options, "an object");
  for (const [field, value] of Object.entries(options)) {
    if (IN_URL.has(field)) refuse(field, value, "nothing beside a URL, which has it");
    if (!FIELDS.has(field)) refuseName(field, value, BESIDE_URL);
  }
  const { address, port, ssl, path } = placeOf(url);
  if (options.ssl !== undefined && (ssl === 0 || options.ssl !== 1 && options.ssl !== 2)) {
    refuse("ssl", options.ssl, ssl === 0 ? "nothing beside ws:" : "1 or 2");
  }
  const { redirects = REDIRECTS_OF_URL, host = url.host } = options;
  const info = {
    ...options,
    ...options.socketPath === undefined ? { address, port } : { host },
    ssl: options.ssl ?? ssl,
    path,
    redirects,
  };
  const authorization = authorizationOf(url);
  if (authorization === undefined) return info;
  const headers = headersOf(options.headers);
  if (headers.some((each) => String(each?.[0]).toLowerCase() === "authorization")) {
    refuse("headers", "authorization", "no authorization beside a user in the URL");
  }
  return { ...info, headers: [...headers, ["authorization", authorization]] };
}

function checkClientInfo(info: ClientConnectInfo): CheckedClient {
  if (typeof info !== "object" || info === null) refuse("info", info, "a URL or an object");
  for (const [field, value] of Object.entries(info)) {
    if (!FIELDS.has(field)) refuseName(field, value, [...FIELDS]);
  }
  const target = targetOf(info);
  const { userdata: user, signal } = info;
  const retry = checkRetry(info.retry);
  if (signal === undefined) return { target, user, signal, retry };
  if (!(signal instanceof AbortSignal)) refuse("signal", signal, "an AbortSignal");
  if (!signal.aborted) return { target, user, signal, retry };
  throw new LwsError("aborted", "clientConnect: signal has aborted already", {
    cause: signal.reason,
  });
}

function targetOf(info: ClientConnectInfo): ClientTarget {
  const { socketPath, iface, path = "/", origin, ssl = 0, peerCertificate = false } = info;
  for (
    const [field, value] of [
      ["socketPath", socketPath],
      ["iface", iface],
      ["serverName", info.serverName],
    ] as const
  ) {
    // A text of C ends at a NUL: another name than the one that was meant.
    const isText = typeof value === "string" && value !== "" && !value.includes("\0");
    if (value !== undefined && !isText) {
      refuse(field, value, "a text that is not empty, without NUL");
    }
  }
  const isUnix = socketPath !== undefined;
  if (isUnix) {
    for (const field of ["address", "port", "iface"] as const) {
      if (info[field] !== undefined) refuse(field, info[field], "nothing beside socketPath");
    }
  }
  const standardPort = ssl === 0 ? 80 : 443;
  const { address = isUnix ? "localhost" : "", port = isUnix ? standardPort : 0 } = info;
  if (ssl !== 0 && ssl !== 1 && ssl !== 2) refuse("ssl", ssl, "0, 1 or 2");
  if (typeof peerCertificate !== "boolean") {
    refuse("peerCertificate", peerCertificate, "true or false");
  }
  const literal = typeof address === "string" ? parseIpLiteral(address) : undefined;
  const isAddress = literal !== undefined ||
    (typeof address === "string" && /^[^:[\]%\s]+$/.test(address));
  if (!isAddress) refuse("address", address, "a host or an IP");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse("port", port, "an integer from 1 to 65535");
  }
  if (typeof path !== "string" || !isRequestPath(path)) {
    refuse("path", path, 'visible ASCII that begins with "/", without "#"');
  }
  const givenHost: unknown = info.host ?? defaultHost(address, port, standardPort);
  const host = typeof givenHost === "string" ? hostField(givenHost) : "";
  const authority = parseAuthority(host);
  if (authority === undefined) {
    if (info.host === undefined) {
      refuse("address", address, "a host name in ASCII or an IP, where no host is given beside it");
    }
    return refuse("host", givenHost, "a name or an IP, with or without a port");
  }
  const serverName = bare(info.serverName ?? authority.host);
  if (origin !== undefined && (typeof origin !== "string" || origin === "" || !isVisible(origin))) {
    refuse("origin", origin, "visible ASCII");
  }
  const protocols = typeof info.protocol === "string"
    ? splitList(info.protocol)
    : listOf("protocol", info.protocol, "names, as a list or joined by commas");
  if (
    !protocols.every((each) => typeof each === "string" && isToken(each)) ||
    new Set(protocols).size !== protocols.length
  ) {
    refuse("protocol", info.protocol, "different tokens of RFC 9110 section 5.6.2");
  }
  const headers = headersOf(info.headers);
  for (const header of headers) {
    if (!Array.isArray(header)) refuse("headers", header, HEADERS);
    const [name, value] = header;
    try {
      checkHandshakeField(name, value);
    } catch (cause) {
      const message = `clientConnect: headers: ${(cause as Error).message}`;
      throw new LwsError("invalid-argument", message, { cause });
    }
  }
  const { version, draft04Masking } = checkVersion(info);
  if (version === 0 && protocols.length > 1) {
    refuse("protocol", info.protocol, "one name at most, in version 0");
  }
  const hasOrigin = headers.some(([name]) => name.toLowerCase() === "origin");
  if (hasOrigin && (origin !== undefined || version !== 13)) {
    const beside = version === 13 ? "beside" : `in version ${version}, but`;
    refuse("headers", "origin", `no Origin ${beside} the option origin`);
  }
  const hasUser = "userdata" in info && info.userdata !== undefined;
  return {
    address: literal?.host ?? address,
    port,
    socketPath,
    iface: iface === undefined ? undefined : parseIpLiteral(iface)?.host ?? iface,
    ssl,
    peerCertificate,
    serverName,
    path,
    host,
    origin,
    protocols,
    headers,
    version,
    draft04Masking,
    hasUser,
    redirects: redirectsOf(info),
    redirected: 0,
    hasLeftOrigin: false,
  };
}

const HEADERS = "a Headers, an object, or pairs of a name and a value";

function headersOf(headers: ClientConnectInfo["headers"]): (readonly [string, string])[] {
  if (headers === undefined || headers === null) return [];
  const isObject = typeof headers === "object";
  if (isObject && !(Symbol.iterator in headers) && isPlain(headers)) return Object.entries(headers);
  if (!isObject || !(Symbol.iterator in headers)) refuse("headers", headers, HEADERS);
  return [...headers as Iterable<readonly [string, string]>];
}

function redirectsOf({ redirects = 0 }: ClientConnectInfo): number {
  if (!isWhole(redirects, 0, MOST_REDIRECTS)) {
    refuse("redirects", redirects, `a whole number from 0 to ${MOST_REDIRECTS}`);
  }
  return redirects;
}

/** Checks the version, and how one of them masks. */
function checkVersion(
  { version = -1, draft04Masking = "draft" }: ClientConnectInfo,
): Pick<ClientTarget, "version" | "draft04Masking"> {
  const spoken = WIRE_VERSIONS.filter((each) => each !== "hixie-75");
  const found = spoken.find((each) => each === (version === -1 ? 13 : version));
  if (found === undefined) refuse("version", version, `-1, ${spoken.join(", ")}`);
  if (!DRAFT_04_MASKINGS.includes(draft04Masking)) {
    refuse("draft04Masking", draft04Masking, DRAFT_04_MASKINGS.join(" or "));
  }
  return { version: found, draft04Masking };
}

function listOf<T>(field: string, list: Iterable<T> | null | undefined, allowed: string): T[] {
  if (list === undefined || list === null) return [];
  if (typeof list[Symbol.iterator] !== "function") refuse(field, list, allowed);
  return [...list];
}

function refuseName(field: string, value: unknown, fields: readonly string[]): never {
  refuse(field, value, `only ${fields.join(", ")}${didYouMean(field, fields)}`);
}

/** In these are tokens and logins, and in what is no option may be anything. */
const SHOWN: ReadonlySet<string> = FIELDS.difference(
  new Set(["headers", "origin", "path", "protocol"]),
);

function refuse(field: string, value: unknown, allowed: string): never {
  if (typeof value === "string" && value !== "" && !SHOWN.has(field)) {
    const what = `a text of ${value.length} characters`;
    throw new LwsError(
      "invalid-argument",
      `clientConnect: ${field} is ${what}; allowed: ${allowed}`,
    );
  }
  refuseArgument("clientConnect", field, value, allowed);
}

function defaultHost(address: string, port: number, standard: number): string {
  const ip = parseIpLiteral(address);
  const name = ip?.isIpv6 ? `[${ip.address}]` : address;
  return port === standard ? name : `${name}:${port}`;
}

/** RFC 3986 section 3.2.2, and RFC 6874 section 1: a zone means nothing on another machine. */
function hostField(host: string): string {
  const [, name = host, port = ""] = /^(\[.*\])(:.*)$/.exec(host) ?? [];
  const ip = parseIpLiteral(name);
  return ip?.isIpv6 ? `[${ip.address}]${port}` : host;
}

/** A host without what only URLs and this machine need. */
function bare(host: string): string {
  return parseIpLiteral(host)?.address ?? host;
}

function isRequestPath(path: string): boolean {
  return path.startsWith("/") && isVisible(path) && !path.includes("#");
}

/** Field content without blanks and beyond ASCII. */
function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return isFieldValue(text);
}
