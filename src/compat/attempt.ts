/** C calls tell failure by what they return. */

import { LwsError } from "../errors.ts";
import { log } from "../log.ts";

/**
 * What `call` returns, or `failure` when the main API refuses what it was given; the log says why,
 * in the C call's name.
 */
export function attempt<T>(name: string, failure: T, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof LwsError) && !(error instanceof TypeError)) throw error;
    log("err", `${name}: ${error.message}`);
    return failure;
  }
}
