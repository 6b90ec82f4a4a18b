/** What callbacks return: numbers, and promises of them. */

import { line, log, own, thrown } from "./log.ts";

/** The result of a callback that threw: less than any number of the program's, and logged already. */
export const THREW = -Infinity;

/** Whether a callback returned something to be awaited. */
export function isPromised(result: unknown): result is PromiseLike<unknown> {
  return (typeof result === "object" || typeof result === "function") && result !== null &&
    typeof (result as { then?: unknown }).then === "function";
}

let blocked = 0;

/** Runs `work`, which no promise settles during. */
export function whileBlocking<Result>(work: () => Result): Result {
  blocked++;
  try {
    return work();
  } finally {
    blocked--;
  }
}

/** Whether the thread is blocked for callbacks: what one promises could never be waited for. */
export function isBlocking(): boolean {
  return blocked > 0;
}

/** The number that a value counts as: what is none says no wherever a number other than 0 does. */
export function numberOf(result: unknown): number {
  if (typeof result === "number") return result;
  return result === undefined || result === null ? 0 : 1;
}

/** What a callback that returned no number is taken for. */
export function promiseOrNumber(result: unknown): PromiseLike<unknown> | number {
  return isPromised(result) ? result : numberOf(result);
}

/**
 * Calls `tell` with the number of what was promised once that is there, or with {@linkcode THREW} for a
 * rejection, which is logged. Nothing that comes of it is left unhandled.
 *
 * @param what the callback that returned it, for the log
 */
export function whenSettled(
  promised: PromiseLike<unknown>,
  what: string,
  tell: (result: number) => void,
): void {
  // Adopted by a new promise, one that breaks the rules can't settle twice or throw from `then`.
  new Promise((resolve) => resolve(promised)).then(numberOf, (error) => {
    log("err", () => line`${own(what)} was rejected: ${thrown(error)}`);
    return THREW;
  }).then(tell).catch((error) => log("err", () => line`${own(what)}: ${thrown(error)}`));
}

/** Ignores the result of a callback, promise or not, but logs a rejection and calls `failed` for it. */
export function disregard(result: unknown, what: string, failed: () => void = () => {}): void {
  if (isPromised(result)) disregardPromise(result, what, failed);
}

/** As {@linkcode disregard}, of what is known to be a promise: `then` may be a getter, to be read once. */
export function disregardPromise(
  promised: PromiseLike<unknown>,
  what: string,
  failed: () => void,
): void {
  whenSettled(promised, what, (number) => {
    if (number === THREW) failed();
  });
}

/** Tells that a number which a callback returned closes a connection. */
export function noteClosing(socketFd: number, reason: string, result: number): void {
  if (result === THREW) return;
  log(
    "notice",
    () => line`connection ${socketFd}: ${own(reason)} returned ${result}, which closes it`,
  );
}
