/** The checks of what requests may bring, and how much of it the program sees. */

import { didYouMean } from "../../base/text/did_you_mean.ts";
import type { Inquiry } from "../../base/option_rules.ts";
import type { CheckedTokenLimits } from "../../connection/http/header_reader.ts";
import { HEADER_TOKENS, type HeaderToken, TOKEN_NAMES } from "../../core/http/header_tokens.ts";
import {
  ANY_METHOD,
  COMMON_METHODS,
  isTakeable,
  LONGEST_METHOD,
  type Methods,
  onlyMethods,
} from "../../core/http/methods.ts";

/** Checks the option `methods`. */
export function checkRequestMethods(given: unknown, ask: Inquiry<unknown>): Methods {
  if (given === undefined) return COMMON_METHODS;
  if (given === "any") return ANY_METHOD;
  if (!Array.isArray(given)) {
    ask.refuse(given);
    return COMMON_METHODS;
  }
  const names: string[] = [];
  for (const [index, method] of given.entries()) {
    if (typeof method === "string" && isTakeable(method)) names.push(method);
    else {
      const allowed = `a token of at most ${LONGEST_METHOD} characters, but for CONNECT and PRI`;
      ask.refusePart(`[${index}]`, method, allowed);
    }
  }
  if (!names.includes("GET")) ask.refuse(given, 'an array with "GET"');
  return onlyMethods(names);
}

/** Checks the option `tokenLimits`. */
export function checkTokenLimits(given: unknown, ask: Inquiry<unknown>): CheckedTokenLimits {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== "object" || Array.isArray(given)) {
    ask.refuse(given);
    return undefined;
  }
  const limits = new Map<string, number>();
  for (const [name, value] of Object.entries(given)) {
    const part = `[${JSON.stringify(name)}]`;
    if (!TOKEN_NAMES.has(name as HeaderToken)) {
      const hint = didYouMean(name, TOKEN_NAMES);
      const example = `such as "${HEADER_TOKENS[69]}"`;
      ask.refusePart(part, value, `names out of HEADER_TOKENS, ${example}${hint}`);
    } else if (value === undefined) continue;
    else if (!Number.isSafeInteger(value) || value < 0) {
      ask.refusePart(part, value, "a whole number from 0 on");
    }
    limits.set(name, value);
  }
  return limits.size === 0 ? undefined : limits;
}
