/** What `clientConnect` is given, and its check. */

import { refuseArgument } from "./arguments.ts";
import { parseAuthority } from "./core/authority.ts";
import { parseIpLiteral } from "./core/ip_address.ts";
import { isFieldValue, isToken, splitList } from "./core/http_syntax.ts";
import type { RouteTarget } from "./client_route.ts";
import { LwsError } from "./errors.ts";
import { checkHandshakeField } from "./handshake_fields.ts";

/** Where a client connects and what it asks for (`lws_client_connect`). */
export interface ClientConnectInfo {
  /**
   * The host name or IP address to connect to. IPv6 may be in brackets, as `URL.hostname` has it, and
   * may have a zone (`fe80::1%eth0`, in brackets also with `%25` as in RFC 6874). The addresses of a name
   * are tried as RFC 8305 says, 250 ms apart. May be left out with `socketPath`.
   */
  readonly address?: string;
  /** 1 to 65,535. May be left out with `socketPath`. */
  readonly port?: number;
  /** The unix socket to connect to, in place of address and port. */
  readonly socketPath?: string;
  /**
   * The IP address or the network interface of this machine to connect from; for a name see the
   * `iface` of `createContext`.
   *
   * @default the context's, if that does not listen; else the system's choice
   */
  readonly iface?: string;
  /** Path and query of the request. @default {"/"} */
  readonly path?: string;
  /**
   * What goes into the `Host` header, as it is, but that IPv6 has brackets there and no zone.
   *
   * @default the address, and the port unless it is 80, or 443 with TLS
   */
  readonly host?: string;
  /** What goes into the `Origin` header. @default no such header */
  readonly origin?: string;
  /**
   * 0 connects with `ws`, 1 with `wss`, 2 with `wss` that forgives a self-signed certificate, and
   * nothing else about it.
   *
   * 1 is the runtime's own TLS, the faster one, where the context has no authorities of its own, no
   * certificate, no `disableOsCaCerts` and no `network`, and neither `iface`, `socketPath` nor
   * `peerCertificate` is given; everything else is `node:tls`. Both trust whom the runtime trusts, and
   * check the same; only `node:tls` takes a certificate as its own authority, by `sslCaFilepath`.
   *
   * @default {0}
   */
  readonly ssl?: 0 | 1 | 2;
  /**
   * Whether `wsi.tls` tells the server's certificate, version and cipher, which takes
   * `node:tls`. Without an effect where that is used anyway, and without TLS.
   *
   * @default {false}
   */
  readonly peerCertificate?: boolean;
  /**
   * The host that the server's certificate has to be for, and that is asked for (SNI).
   *
   * @default the host name of `host`
   */
  readonly serverName?: string;
  /**
   * The subprotocols to ask for, as a list or joined by commas, the best first. One that the server
   * chooses must be a protocol of the context; if it chooses none, the first protocol is used.
   *
   * @default none
   */
  readonly protocol?: string | readonly string[] | null;
  /** The connection's `user`, in place of the protocol's per-session data. */
  readonly userdata?: unknown;
  /** More header fields of the request. */
  readonly headers?: Iterable<readonly [string, string]>;
}

/** Where to connect and what to ask for, checked and complete. */
export interface ClientTarget extends RouteTarget {
  readonly path: string;
  readonly host: string;
  readonly origin: string | undefined;
  readonly protocols: readonly string[];
  readonly headers: readonly (readonly [string, string])[];
  /** Whether the program gave the connection's `user` itself. */
  readonly hasUser: boolean;
}

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
]);

/**
 * Checks and completes it.
 *
 * @throws {LwsError} `invalid-argument`, which names the field.
 */
export function checkClientInfo(info: ClientConnectInfo): ClientTarget {
  if (typeof info !== "object" || info === null) refuse("info", info, "an object");
  for (const [field, value] of Object.entries(info)) {
    if (!FIELDS.has(field)) refuse(field, value, `only ${[...FIELDS].join(", ")}`);
  }
  const { socketPath, iface, path = "/", origin, ssl = 0, peerCertificate = false } = info;
  for (
    const [field, value] of [
      ["socketPath", socketPath],
      ["iface", iface],
      ["serverName", info.serverName],
    ] as const
  ) {
    const isText = typeof value === "string" && value !== "";
    if (value !== undefined && !isText) refuse(field, value, "a text that is not empty");
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
  const headers = listOf("headers", info.headers, "pairs of a name and a value");
  for (const header of headers) {
    if (!Array.isArray(header)) refuse("headers", header, "pairs of a name and a value");
    const [name, value] = header;
    try {
      checkHandshakeField(name, value);
    } catch (cause) {
      const message = `clientConnect: headers: ${(cause as Error).message}`;
      throw new LwsError("invalid-argument", message, { cause });
    }
  }
  if (origin !== undefined && headers.some(([name]) => name.toLowerCase() === "origin")) {
    refuse("headers", "origin", "no Origin beside the option origin");
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
    hasUser,
  };
}

function listOf<T>(field: string, list: Iterable<T> | null | undefined, allowed: string): T[] {
  if (list === undefined || list === null) return [];
  if (typeof list[Symbol.iterator] !== "function") refuse(field, list, allowed);
  return [...list];
}

function refuse(field: string, value: unknown, allowed: string): never {
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
