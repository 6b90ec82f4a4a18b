/** Service in the background, in place of a process of its own. */

import type { Context } from "../../api/context.ts";
import { passSocketsOn } from "./forked_broadcast.ts";
import { attempt, attemptSoon } from "../engine/attempt.ts";
import { theContext } from "../engine/guards.ts";

/** How long one round waits, as it did in C. */
const ROUND_MS = 1000;
const NAME = "libwebsockets_fork_service_loop";

/**
 * Serves the context from now on, in the background of this isolate, until it is destroyed: the same
 * callbacks with the same variables, where C had a process with copies of them. For a worker of its own
 * there is `forkServiceLoop` in `@x/lws`.
 *
 * The workers and processes that the program starts from then on can broadcast to its protocols, by
 * `libwebsockets_broadcast` with a struct of the same name: they inherit the port and the token, in the
 * environment variable `LWS_BROADCAST_SOCKETS`, for which both need `--allow-env`, and the others
 * `--allow-net`.
 *
 * @returns 0, or −1 without a context.
 */
export function forkServiceLoop(context: Context): number {
  return attempt(NAME, -1, () => {
    passSocketsOn(theContext(context));
    void attemptSoon(NAME, undefined, () => serveOn(context));
    return 0;
  });
}

async function serveOn(context: Context): Promise<undefined> {
  while (await context.service(ROUND_MS) >= 0) {
    // Each round serves what came in it.
  }
}
