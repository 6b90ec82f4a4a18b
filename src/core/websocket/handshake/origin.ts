/** Which pages may connect: the `Origin` check of RFC 6455 section 10.2, after RFC 6454. */

import { consistsOf, tableOf } from "../../http/syntax.ts";
import { type Authority, isSameAuthority, parseAuthority } from "../../http/target.ts";

/**
 * Whether a page of `origin` may connect to `host`.
 *
 * It may when both are the same in scheme, host and port; a sub-domain, another scheme and another
 * port are foreign, and so is `null`, which any sandboxed frame sends. `allowed` adds to that.
 *
 * @param origin the value of `Origin`
 * @param host the value of `Host`
 * @param secure whether the connection has TLS, so that its origin is `https`
 * @param allowed further origins such as `https://example.com`, or `*` for every one; a list of two is
 *   none, even with `*`
 */
export function isAllowedOrigin(
  origin: string,
  host: string,
  secure: boolean,
  allowed: readonly string[] | undefined,
): boolean {
  // Two lines that were joined on their way; no origin has a comma.
  if (origin.includes(",")) return false;
  const parsed = parseOrigin(origin);
  if (parsed !== undefined && isOwnOrigin(parsed, host, secure)) return true;
  return allowed?.some((entry) => entry === "*" || isSameOrigin(origin, parsed, entry)) ?? false;
}

interface Origin {
  /** In lower case. */
  readonly scheme: string;
  readonly authority: Authority;
}

// RFC 3986 section 3.1, in lower case.
const SCHEME_BYTES = /* @__PURE__ */ tableOf("abcdefghijklmnopqrstuvwxyz0123456789+-.");

/** Reads `scheme://host[:port]` without a path; `undefined` for anything else, `null` included. */
function parseOrigin(text: string): Origin | undefined {
  const schemeEnd = text.indexOf("://");
  if (schemeEnd < 1) return undefined;
  const scheme = text.slice(0, schemeEnd).toLowerCase();
  const authority = parseAuthority(text.slice(schemeEnd + 3));
  if (authority === undefined || !consistsOf(SCHEME_BYTES, scheme)) return undefined;
  return { scheme, authority };
}

function isOwnOrigin(origin: Origin, host: string, secure: boolean): boolean {
  const scheme = secure ? "https" : "http";
  const own = parseAuthority(host);
  return own !== undefined && origin.scheme === scheme &&
    isSameAuthority(origin.authority, own, scheme);
}

function isSameOrigin(origin: string, parsed: Origin | undefined, entry: string): boolean {
  if (origin === entry) return true;
  const other = parseOrigin(entry);
  return parsed !== undefined && other !== undefined && parsed.scheme === other.scheme &&
    isSameAuthority(parsed.authority, other.authority, parsed.scheme);
}
