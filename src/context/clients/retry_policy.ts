/** When a client connects again, and when it does not. */

import type { RetryOptions } from "../../api/client/retry.ts";
import { refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { isWhole } from "../../base/option_rules.ts";
import type { ClientEnd } from "../../connection/client/watch.ts";
import { retryAfterOf } from "../../core/http/retry_after.ts";

/** What {@linkcode RetryOptions} come to. */
export type RetryPolicy = Required<RetryOptions>;

const DEFAULTS: RetryPolicy = {
  delaysMs: [500, 1000, 2000, 5000, 15_000, 30_000],
  jitter: 0.3,
  attempts: Infinity,
  resetMs: 30_000,
};

/** The longest delay that the runtime's timers can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** What a server asks for counts up to an hour: a date in the far future would end the client for good. */
const MOST_RETRY_AFTER_S = 3600;

const CLOSE_POLICY_VIOLATION = 1008;
const CLOSE_TRY_AGAIN_LATER = 1013;

/** Of 400 to 499 those that tell of the moment and not of the request (RFC 9110, RFC 8470, RFC 6585). */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Checks and completes them; undefined where nothing is tried again.
 *
 * @throws {LwsError} `invalid-argument`, which names the option.
 */
export function checkRetry(retry: boolean | RetryOptions = false): RetryPolicy | undefined {
  if (retry === false) return undefined;
  if (retry === true) return DEFAULTS;
  if (typeof retry !== "object" || retry === null) refuse("", retry, "true, false or an object");
  for (const [name, value] of Object.entries(retry)) {
    if (Object.hasOwn(DEFAULTS, name)) continue;
    const names = Object.keys(DEFAULTS);
    refuse(`.${name}`, value, `only ${names.join(", ")}${didYouMean(name, names)}`);
  }
  const { delaysMs, jitter, attempts, resetMs } = { ...DEFAULTS, ...given(retry) };
  const isDelay = (each: unknown) => typeof each === "number" && each >= 0 && each <= MAX_DELAY_MS;
  if (!Array.isArray(delaysMs) || delaysMs.length === 0 || !delaysMs.every(isDelay)) {
    const wrong = Array.isArray(delaysMs) ? delaysMs.find((each) => !isDelay(each)) : undefined;
    refuse(".delaysMs", wrong ?? delaysMs, `one number or more from 0 to ${MAX_DELAY_MS}`);
  }
  if (typeof jitter !== "number" || !(jitter >= 0 && jitter <= 1)) {
    refuse(".jitter", jitter, "a number from 0 to 1");
  }
  if (!isWhole(attempts, 1, Infinity)) {
    refuse(".attempts", attempts, "a whole number from 1, or Infinity");
  }
  if (typeof resetMs !== "number" || !(resetMs >= 0)) {
    refuse(".resetMs", resetMs, "a number from 0, or Infinity");
  }
  return { delaysMs: [...delaysMs], jitter, attempts, resetMs };
}

/** Whether there is any use in connecting again, and it is wanted. */
export function mayRetry(end: ClientEnd): boolean {
  if ("code" in end) {
    const { code, cause } = end;
    const isOwn = cause === "self" || cause === "callback" || cause === "destroy";
    return !isOwn && code !== CLOSE_POLICY_VIOLATION;
  }
  if (end.isOwn) return false;
  const status = end.answer?.status ?? 0;
  return status < 400 || status > 499 || PASSING.has(status);
}

/**
 * The delay before an attempt, in whole milliseconds.
 *
 * @param random from 0 up to 1
 * @param now the time in milliseconds since 1970
 */
export function delayBefore(
  attempt: number,
  end: ClientEnd,
  { delaysMs, jitter }: RetryPolicy,
  random: number,
  now: number,
): number {
  const last = delaysMs.length - 1;
  // RFC 6455's registry: the service is overloaded, and is to be left in peace.
  const isOverloaded = "code" in end && end.code === CLOSE_TRY_AGAIN_LATER;
  const delayMs = delaysMs[isOverloaded ? last : Math.min(attempt - 1, last)]!;
  const drawnMs = delayMs * (1 + (2 * random - 1) * jitter);
  const answer = "code" in end ? undefined : end.answer;
  const asked = answer === undefined ? 0 : retryAfterOf(answer.fields, now / 1000) ?? 0;
  // Never before the time that was asked for, and spread as well.
  const askedMs = Math.min(asked, MOST_RETRY_AFTER_S) * 1000 * (1 + random * jitter);
  return Math.round(Math.max(drawnMs, askedMs));
}

function given(retry: RetryOptions): RetryOptions {
  return Object.fromEntries(Object.entries(retry).filter(([, value]) => value !== undefined));
}

function refuse(member: string, value: unknown, allowed: string): never {
  refuseArgument("clientConnect", `retry${member}`, value, allowed);
}
