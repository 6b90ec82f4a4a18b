/** C calls tell failure by what they return. */

import { LwsError } from "../errors.ts";
import { log } from "../log.ts";

/**
 * What `call` returns, or `failure` when it refuses what it was given; the log says why, in the C
 * call's name. Calls whose name begins differently in each generation go by the rest of it.
 */
export function attempt<T>(name: string, failure: T, call: () => T): T {
  try {
    return call();
  } catch (error) {
    return refused(name, failure, error);
  }
}

/** As {@linkcode attempt}, for a call that returns a promise. */
export async function attemptSoon<T>(
  name: string,
  failure: T,
  call: () => T | Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    return refused(name, failure, error);
  }
}

function refused<T>(name: string, failure: T, error: unknown): T {
  if (!(error instanceof LwsError) && !(error instanceof TypeError)) throw error;
  log("err", () => `${name}: ${error.message}`);
  return failure;
}
