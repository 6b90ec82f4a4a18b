/** Service in the background, in place of a process of its own. */

import type { Context } from "../context.ts";

/** How long one round waits, as it did in C. */
const ROUND_MS = 1000;

/**
 * Serves the context from now on, in the background of this isolate, until it is destroyed: the same
 * callbacks with the same variables, where C had a process with copies of them. For a worker of its own
 * there is `forkServiceLoop` in `@x/lws`.
 *
 * @returns 0.
 */
export function forkServiceLoop(context: Context): number {
  void serveOn(context);
  return 0;
}

async function serveOn(context: Context): Promise<void> {
  while (await context.service(ROUND_MS) >= 0) {
    // Each round serves what came in it.
  }
}
