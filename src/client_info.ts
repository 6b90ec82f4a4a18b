/** What `clientConnect` is given, and its check. */

import { parseAuthority } from "./core/authority.ts";
import { isFieldValue, isToken, splitList } from "./core/http_syntax.ts";
import type { ClientTarget } from "./client_handshake.ts";
import { LwsError } from "./errors.ts";
import { checkHandshakeField } from "./handshake_fields.ts";

/** Where a client connects and what it asks for (`lws_client_connect`). */
export interface ClientConnectInfo {
  /** The host name or IP address to connect to. */
  readonly address: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Path and query of the request. @default {"/"} */
  readonly path?: string;
  /** What goes into the `Host` header, as it is. @default the address, and the port unless it is 80 */
  readonly host?: string;
  /** What goes into the `Origin` header. @default no such header */
  readonly origin?: string;
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

/**
 * Checks and completes it.
 *
 * @throws {LwsError} `invalid-argument`, which names the field.
 */
export function checkClientInfo(info: ClientConnectInfo): ClientTarget {
  const { address, port, path = "/", origin } = info;
  if (typeof address !== "string" || address === "") refuse("address", address, "a host or an IP");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse("port", port, "an integer from 1 to 65535");
  }
  if (!isRequestPath(path)) refuse("path", path, 'visible ASCII that begins with "/", without "#"');
  const host = info.host ?? defaultHost(address, port);
  if (parseAuthority(host) === undefined) {
    refuse("host", host, "a name or an IP, with or without a port");
  }
  if (origin !== undefined && (origin === "" || !isVisible(origin))) {
    refuse("origin", origin, "visible ASCII");
  }
  const protocols = typeof info.protocol === "string"
    ? splitList(info.protocol)
    : [...info.protocol ?? []];
  if (!protocols.every(isToken) || new Set(protocols).size !== protocols.length) {
    refuse("protocol", info.protocol, "different tokens of RFC 9110 section 5.6.2");
  }
  const headers = [...info.headers ?? []];
  for (const [name, value] of headers) {
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
  return { address, port, path, host, origin, protocols, headers, hasUser };
}

function refuse(field: string, value: unknown, allowed: string): never {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new LwsError(
    "invalid-argument",
    `clientConnect: ${field} is ${shown}; allowed: ${allowed}`,
  );
}

function defaultHost(address: string, port: number): string {
  const name = address.includes(":") ? `[${address}]` : address;
  return port === 80 ? name : `${name}:${port}`;
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
