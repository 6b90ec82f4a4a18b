/** C calls tell failure by what they return. */

import { LwsError } from "../../base/errors.ts";
import { line, log, own } from "../../base/log.ts";

/** The name of the call that begins now, if it is one under an elder name. */
let elderName: string | undefined;

/**
 * What `call` returns, or `failure` when it refuses what it was given; the log says why, in the C
 * call's name.
 *
 * @param name The call's name in the newest generation that has it; see {@linkcode under}.
 */
export function attempt<T>(name: string, failure: T, call: () => T): T {
  const ownName = takeName(name);
  try {
    return call();
  } catch (error) {
    return refused(ownName, failure, error);
  }
}

/**
 * A call under the name that it had in elder generations, by which the log knows it.
 *
 * @param call One that goes straight to {@linkcode attempt} or {@linkcode attemptSoon}, if to any.
 */
export function under<Given extends unknown[], Result>(
  name: string,
  call: (...given: Given) => Result,
): (...given: Given) => Result {
  const named = (...given: Given): Result => {
    elderName = name;
    try {
      return call(...given);
    } finally {
      elderName = undefined;
    }
  };
  return Object.defineProperty(named, "length", { value: call.length });
}

/** As {@linkcode attempt}, for a call that returns a promise. */
export async function attemptSoon<T>(
  name: string,
  failure: T,
  call: () => T | Promise<T>,
): Promise<T> {
  const ownName = takeName(name);
  try {
    return await call();
  } catch (error) {
    return refused(ownName, failure, error);
  }
}

/** What is called from inside has a name of its own again. */
function takeName(name: string): string {
  const taken = elderName ?? name;
  elderName = undefined;
  return taken;
}

/** What the main API's calls begin their messages with. */
const MAIN_CALL = /^(?:write|close|[a-z]+[A-Z]\w*): /;
/** The one reason that a message of theirs names, as C has it. */
const IN_C = ["addPollFd", "LWS_CALLBACK_ADD_POLL_FD"] as const;

function refused<T>(name: string, failure: T, error: unknown): T {
  if (!(error instanceof LwsError) && !(error instanceof TypeError)) throw error;
  log(
    "err",
    () => line`${own(name)}: ${own(error.message.replace(MAIN_CALL, "").replace(...IN_C))}`,
  );
  return failure;
}
