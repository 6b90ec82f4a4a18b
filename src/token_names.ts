/** What programs name headers by. */

import { refuseArgument } from "./arguments.ts";
import {
  HEADER_TOKENS,
  type HeaderToken,
  isHeaderName,
  TOKEN_NAMES,
} from "./core/header_tokens.ts";
import { isToken } from "./core/http_syntax.ts";

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
