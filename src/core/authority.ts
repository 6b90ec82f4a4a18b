/** Hosts and ports as `Host`, `Origin` and absolute request targets have them (RFC 3986 section 3.2). */

import { consistsOf, parseLength, tableOf } from "./http_syntax.ts";

/** A host with its port. */
export interface Authority {
  /** In lower case; an IPv6 address keeps its brackets. */
  readonly host: string;
  /** `undefined` when none is given, or an empty one. */
  readonly port: number | undefined;
}

/** The ports that a URI need not name (RFC 9110 section 4.2, RFC 6455 section 3). */
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["ws", 80],
  ["wss", 443],
]);

/**
 * Reads `host[:port]`; `undefined` when that is not what `text` is. Two characters that a registered
 * name could have by RFC 3986 are refused: the comma, since proxies join two `Host` headers with it,
 * and the percent sign, since no host of the DNS has one and an escape could hide anything.
 */
export function parseAuthority(text: string): Authority | undefined {
  const hostEnd = text.startsWith("[") ? text.indexOf("]") + 1 : portColon(text);
  const host = text.slice(0, hostEnd).toLowerCase();
  if (!isHost(host)) return undefined;
  if (hostEnd === text.length) return { host, port: undefined };
  if (text[hostEnd] !== ":") return undefined;
  if (hostEnd + 1 === text.length) return { host, port: undefined };
  const port = parseLength(text.slice(hostEnd + 1));
  return port < 0 || port > 65535 ? undefined : { host, port };
}

/** The port of `authority`, or the one that `scheme`, in lower case, implies. */
export function effectivePort(authority: Authority, scheme: string): number | undefined {
  return authority.port ?? DEFAULT_PORTS.get(scheme);
}

/** Whether both name the same host and port for `scheme`. */
export function isSameAuthority(a: Authority, b: Authority, scheme: string): boolean {
  return a.host === b.host && effectivePort(a, scheme) === effectivePort(b, scheme);
}

// RFC 3986 section 3.2.2: unreserved and sub-delims but the comma, in lower case.
const NAME_BYTES = /* @__PURE__ */ tableOf("0123456789abcdefghijklmnopqrstuvwxyz-._~!$&'()*+;=");
const ADDRESS_BYTES = /* @__PURE__ */ tableOf("0123456789abcdef:.");

function portColon(text: string): number {
  const colon = text.indexOf(":");
  return colon < 0 ? text.length : colon;
}

function isHost(host: string): boolean {
  if (host.length === 0) return false;
  if (host[0] !== "[") return consistsOf(NAME_BYTES, host);
  return host.length > 2 && consistsOf(ADDRESS_BYTES, host.slice(1, -1));
}
