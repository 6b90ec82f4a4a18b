/** The rules of `fetch`, which a context and a protocol have. */

import type { FetchInfo } from "../../api/creation/fetch_info.ts";
import type { FetchHandler } from "../../api/http/fetch.ts";
import type { Inquiry, Rule } from "../../base/option_rules.ts";

/** The rule of one. */
export function fetchRule(about: string): Rule<FetchHandler | undefined, unknown> {
  return {
    kind: "function",
    allowed: "a function",
    default: "none",
    about,
    check(value, ask: Inquiry<unknown>): FetchHandler | undefined {
      if (value === undefined || typeof value === "function") return value as FetchHandler;
      ask.refuse(value);
    },
  };
}

/** The rules of {@linkcode FetchInfo}. */
export const FETCH_RULES = {
  fetch: fetchRule("Answers requests of HTTP by a `Response`, behind mounts and protocols."),
} satisfies Record<keyof FetchInfo, Rule<unknown, unknown>>;
