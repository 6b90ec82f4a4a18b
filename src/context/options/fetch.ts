/** The rules of `fetch`, which a context and a protocol have. */

import type { FetchInfo } from "../../api/creation/fetch_info.ts";
import type { FetchHandler } from "../../api/http/fetch.ts";
import { type Inquiry, missingMethods, type Rule } from "../../base/option_rules.ts";

/** The rule of one. */
export function fetchRule(about: string): Rule<FetchHandler | undefined, unknown> {
  return {
    kind: "function",
    allowed: "a function",
    default: "none",
    about,
    check(value, ask: Inquiry<unknown>): FetchHandler | undefined {
      const application = applicationIn(value);
      if (application !== undefined) ask.problems.push(`${ask.field} is ${application}`);
      else if (value !== undefined && typeof value !== "function") ask.refuse(value);
      return value as FetchHandler | undefined;
    },
  };
}

/** What is said of the application of a framework, which is known by its members; undefined for any other value. */
export function applicationIn(value: unknown): string | undefined {
  const has = (...methods: string[]) => missingMethods(value, methods).length === 0;
  if (typeof value === "object" && has("fetch")) {
    return "an application, as of Hono; give its own function: fetch: app.fetch";
  }
  // Express's and Connect's are functions of a request, a response and what comes next; Koa's is an object.
  if (typeof value === "function" ? has("handle", "listen") : has("listen")) {
    return "an application of node:http, as of Express or Koa, which can't answer by a Response; let it listen, and " +
      "give the upgrades of its server to handleUpgrade of @x/lws/node";
  }
}

/** The rules of {@linkcode FetchInfo}. */
export const FETCH_RULES = {
  fetch: fetchRule("Answers requests of HTTP by a `Response`, behind mounts and protocols."),
} satisfies Record<keyof FetchInfo, Rule<unknown, unknown>>;
