/**
 * libwebsockets' header tokens by their number, as the names that {@linkcode HeaderFields} uses, and the
 * check of names that programs ask for.
 */

import { refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { isToken, trimBlanks } from "./syntax.ts";

/**
 * The token table in the numeric order of `enum lws_token_indexes`: `HEADER_TOKENS[n]` is the name
 * of token `n`. A header has its field name in lower case. What is no header has a name with a
 * blank, which no field from the wire can have.
 *
 * `WSI_TOKEN_PROXY` and `WSI_TOKEN_PATCH_URI` both have the number 73 in the C header. 73 is
 * `"patch uri"` here, among the other methods, which keeps 74 to 81 in place; `"proxy line"` follows
 * the table as 82, and `"head uri"`, which the C table does not have, as 83.
 *
 * @category Files and HTTP
 */
export const HEADER_TOKENS = [
  // 0 to 16: the methods' URIs, the handshake.
  "get uri",
  "post uri",
  "options uri",
  "host",
  "connection",
  "upgrade",
  "origin",
  "sec-websocket-draft",
  "challenge body",
  "sec-websocket-extensions",
  "sec-websocket-key1",
  "sec-websocket-key2",
  "sec-websocket-protocol",
  "sec-websocket-accept",
  "sec-websocket-nonce",
  "http status",
  "http2-settings",
  // 17 to 31: plain HTTP.
  "accept",
  "access-control-request-headers",
  "if-modified-since",
  "if-none-match",
  "accept-encoding",
  "accept-language",
  "pragma",
  "cache-control",
  "authorization",
  "cookie",
  "content-length",
  "content-type",
  "date",
  "range",
  "referer",
  // 32 to 34: the handshake again.
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-origin",
  // 35 to 39: HTTP/2's pseudo headers.
  ":authority",
  ":method",
  ":path",
  ":scheme",
  ":status",
  // 40 to 72: the rest of HTTP.
  "accept-charset",
  "accept-ranges",
  "access-control-allow-origin",
  "age",
  "allow",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-location",
  "content-range",
  "etag",
  "expect",
  "expires",
  "from",
  "if-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "link",
  "location",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "refresh",
  "retry-after",
  "server",
  "set-cookie",
  "strict-transport-security",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
  // 73 to 76: later methods, and the query.
  "patch uri",
  "put uri",
  "delete uri",
  "uri args",
  // 77 to 81: what a client connection keeps for itself.
  "client sent protocols",
  "client peer address",
  "client uri",
  "client host",
  "client origin",
  // 82 and 83: not in the C table.
  "proxy line",
  "head uri",
] as const;

/**
 * The name of a header token.
 *
 * @category Files and HTTP
 */
export type HeaderToken = typeof HEADER_TOKENS[number];

/** What tells a pseudo token: a blank, which no field name can have. */
const PSEUDO = " ";
/** What of a refusing answer's body is kept: no header, and without a number. */
const HTTP_BODY = "http body";

/** Every name that there is besides those of fields, to look one up. */
export const TOKEN_NAMES: ReadonlySet<string> = new Set([...HEADER_TOKENS, HTTP_BODY]);

/** Whether `token` is a header, and no pseudo token such as `"uri args"`. */
export function isHeaderName(token: HeaderToken): boolean {
  return !token.includes(PSEUDO);
}

/**
 * The name of a header by its token's number, in lower case and with a colon, as `"host:"` for 3
 * (`lws_token_to_string`). HTTP/2's pseudo headers have theirs in front only.
 *
 * @category Files and HTTP
 * @param n An index of {@linkcode HEADER_TOKENS}.
 * @returns Null outside the table, and for what is no header, such as `"uri args"`.
 * @throws {LwsError} `invalid-argument` when it is no whole number.
 *
 * @example
 * ```ts
 * import { HEADER_TOKENS, tokenToString } from "@x/lws";
 *
 * const name = tokenToString(HEADER_TOKENS.indexOf("user-agent"));
 * if (name !== "user-agent:") throw new Error("another table");
 * ```
 */
export function tokenToString(n: number): string | null {
  if (!Number.isInteger(n)) {
    refuseArgument("tokenToString", "n", n, "a whole number");
  }
  const token: HeaderToken | undefined = HEADER_TOKENS[n];
  if (token === undefined || !isHeaderName(token)) return null;
  return token.startsWith(":") ? token : `${token}:`;
}

/**
 * Checks the token of a call.
 *
 * @throws {LwsError} `invalid-argument` when it is neither a field name nor one of the pseudo tokens
 */
export function checkToken(call: string, token: string): void {
  if (typeof token === "string") {
    if (isToken(token) || TOKEN_NAMES.has(token.toLowerCase() as HeaderToken)) return;
  }
  const allowed = `a field name, or one of HEADER_TOKENS${didYouMean(token, TOKEN_NAMES)}`;
  refuseArgument(call, "token", token, allowed);
}

/**
 * Checks the name of a cookie: what browsers send may be no token (RFC 6265 section 5.2), but has to end.
 *
 * @throws {LwsError} `invalid-argument`
 */
export function checkCookieName(name: string): void {
  const isName = typeof name === "string" && name !== "" && !/[=;]/.test(name) &&
    trimBlanks(name) === name;
  if (!isName) {
    refuseArgument("cookie", "name", name, 'text without "=", ";" and blanks at its ends');
  }
}

/**
 * Checks the name of a URI's argument, which may be any text.
 *
 * @throws {LwsError} `invalid-argument`
 */
export function checkArgumentName(call: string, name: string): void {
  if (typeof name !== "string") refuseArgument(call, "name", name, "text");
}
