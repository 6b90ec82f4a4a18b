/** Header names by token number. */

import { isToken } from "../core/http_syntax.ts";
import { HEADER_TOKENS } from "../core/header_tokens.ts";
import { WSI_TOKEN_COUNT } from "./constants/dec15.ts";

/** The name of a header token in lower case, with its colon; null for one that is none. */
export function tokenText(token: number): string | null {
  const name = token < WSI_TOKEN_COUNT ? HEADER_TOKENS[token] : undefined;
  return name === undefined || !isToken(name) ? null : `${name}:`;
}
