/** How much of each header a program gets to see (`struct lws_token_limits`). */

import { HEADER_TOKENS, type HeaderToken, TOKEN_NAMES } from "./core/header_tokens.ts";

/**
 * Characters of each header, by its token: a longer value is cut there, with a line in the log, and the
 * connection goes on. 0 empties the header. What has no entry is not limited. Values on the wire have
 * one byte a character; of `"uri args"` the decoded ones count.
 */
export type TokenLimits = Readonly<Partial<Record<HeaderToken, number>>>;

/** Checked limits by name; undefined where nothing is limited. */
export type CheckedTokenLimits = ReadonlyMap<string, number> | undefined;

type Complain = (field: string, value: unknown, allowed: string) => void;

/** Checks the creation option. */
export function checkTokenLimits(given: unknown, complain: Complain): CheckedTokenLimits {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== "object" || Array.isArray(given)) {
    complain("tokenLimits", given, "an object of numbers by header token");
    return undefined;
  }
  const limits = new Map<string, number>();
  for (const [name, value] of Object.entries(given)) {
    const field = `tokenLimits[${JSON.stringify(name)}]`;
    if (!TOKEN_NAMES.has(name as HeaderToken)) {
      complain(field, value, `names out of HEADER_TOKENS, such as "${HEADER_TOKENS[69]}"`);
    } else if (value === undefined) continue;
    else if (!Number.isSafeInteger(value) || value < 0) {
      complain(field, value, "a whole number from 0 on");
    }
    limits.set(name, value);
  }
  return limits.size === 0 ? undefined : limits;
}
