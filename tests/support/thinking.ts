/** Protocols that answer some reasons with promises, which a test settles when it wants. */

import type { CallbackResult, Protocol, Reason, Wsi } from "../../mod.ts";
import { settle } from "./serve.ts";

/** What a callback answers, and with it what it does, after the promise or at once. */
type Answer = (wsi: Wsi, data: unknown) => CallbackResult;

export interface Thinker {
  readonly protocol: Protocol;
  /** All reasons of connections, in the order of their calls. */
  readonly reasons: string[];
  /** The last connection that was called for. */
  readonly wsi: () => Wsi;
  /** Settles the oldest promise that is pending, and lets happen what comes of it. */
  decide(result?: number): Promise<void>;
  /** Rejects it. */
  fail(error: unknown): Promise<void>;
  /** How many promises are pending. */
  readonly pending: () => number;
}

/** Thinks over every call for `about`; other reasons are answered by `others`. */
export function thinking(
  about: Reason | readonly Reason[],
  others: { readonly [R in Reason]?: Answer } = {},
): Thinker {
  const reasons: string[] = [];
  const promises: PromiseWithResolvers<number | void>[] = [];
  let last: Wsi | undefined;
  const protocol: Protocol = {
    name: "x",
    callback(...[wsi, reason, , data]) {
      if (wsi.socketFd !== 0 && !reason.endsWith("Poll") && !reason.endsWith("Fd")) {
        reasons.push(reason);
        last = wsi;
      }
      const answer = others[reason]?.(wsi, data);
      if (!(typeof about === "string" ? reason === about : about.includes(reason))) return answer;
      const promise = Promise.withResolvers<number | void>();
      promises.push(promise);
      return promise.promise;
    },
  };
  const next = () => {
    const promise = promises.shift();
    if (promise === undefined) throw new Error("no promise is pending");
    return promise;
  };
  return {
    protocol,
    reasons,
    wsi: () => last!,
    pending: () => promises.length,
    async decide(result) {
      next().resolve(result);
      await settle();
    },
    async fail(error) {
      next().reject(error);
      await settle();
    },
  };
}
