/** What programs name headers by. */

import { refuseArgument } from "./arguments.ts";
import {
  HEADER_TOKENS,
  type HeaderToken,
  isHeaderName,
  TOKEN_NAMES,
} from "./core/header_tokens.ts";
import { isToken, trimBlanks } from "./core/http_syntax.ts";

/**
 * The name of a header by its token's number, in lower case and with a colon, as `"host:"` for 3
 * (`lws_token_to_string`). HTTP/2's pseudo headers have theirs in front only.
 *
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
  refuseArgument(call, "token", token, "a field name, or one of HEADER_TOKENS");
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
