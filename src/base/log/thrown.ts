/** What was thrown, as texts for the log. */

import { hasDescriptor } from "../descriptors.ts";
import { LwsError } from "../errors.ts";

/**
 * What the program threw, for the log, with its stack. The runtime opens files to map a stack to the
 * sources, and panics when it can't: with no descriptor left there is the message alone.
 */
export function describeError(error: unknown): string {
  try {
    // Asked once: it may be a getter, and each time files are opened.
    const stack = error instanceof Error && hasDescriptor() ? error.stack : undefined;
    if (stack !== undefined) {
      return String(stack);
    }
  } catch {
    // What is thrown may be anything, with getters that throw.
  }
  return describeFailure(error);
}

/** What the runtime threw (an accept, a file that can't be opened), for the log: its stack says nothing. */
export function describeFailure(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return UNSHOWABLE;
  }
}

/** The message of a thrown value of any type. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return UNSHOWABLE;
  }
}

/** Whether it is an error of the library's own. What a program throws may be a Proxy that throws when it is asked. */
export function isOwnError(error: unknown): boolean {
  try {
    return error instanceof LwsError;
  } catch {
    return false;
  }
}

const UNSHOWABLE = "something that can't be shown";
