/** The texts that the C parser looked for, by token. */

import { attempt } from "./attempt.ts";
import { refuse } from "./guards.ts";
import { HEADER_TOKENS, isHeaderName } from "../../core/http/header_tokens.ts";

/** What is no header with a colon at its end. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  [0, "get "],
  [1, "post "],
  [2, "options "],
  [8, "\r\n"],
  [15, "http/1.1 "],
  // The methods that came later had no blank, the query a name that no line has, and the end nothing.
  [73, "patch"],
  [74, "put"],
  [75, "delete"],
  [76, "uri-args"],
  [77, ""],
]);

/**
 * The text of a token, from 0 to 77: for a header its name in lower case and with its colon, such as
 * `host:` and `:path:`, for the others what the parser looked for, `get ` and `http/1.1 ` among them.
 *
 * @returns Null behind them.
 */
export function tokenText(token: number): string | null {
  return attempt("lws_token_to_string", null, () => {
    if (!Number.isInteger(token)) refuse("token", token, "a whole number");
    const other = OTHERS.get(token);
    if (other !== undefined) return other;
    const name = HEADER_TOKENS[token];
    return name !== undefined && isHeaderName(name) ? `${name}:` : null;
  });
}
