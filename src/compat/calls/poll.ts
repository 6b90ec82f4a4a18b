/** `poll(2)`, for programs that serve by a loop of their own. */

import type { Context } from "../../api/context.ts";
import type { PollFd } from "../../api/service.ts";
import { log } from "../../base/log.ts";
import { attempt } from "../engine/attempt.ts";
import { refuse, theContext, theList, theWhole } from "../engine/guards.ts";

/** The contexts there are that a program's own loop may serve. */
const contexts = new Set<Context>();

/** A context is there, until it is destroyed. */
export function willBePolled(context: Context): void {
  contexts.add(context);
  void context.closed.then(() => contexts.delete(context));
}

/**
 * Waits until one of the first `nfds` entries is ready for what its `events` ask, and puts that into
 * `revents`; `service_fd` serves it. An entry whose descriptor is none of the context's is left as it
 * is: it counts when the program has set its `revents`, and `context.cancelService()` ends the wait.
 *
 * Descriptors are numbers of one context. With several contexts each needs a table of its own, and
 * `context` names the one.
 *
 * @param timeout Milliseconds to wait; negative: as long as it takes. With 0 the call is done when it
 *   returns, and tells what had come by the last turn of the runtime's event loop: a loop of such calls
 *   has to await something else.
 * @param context The context of the descriptors. @default {null}: the only one there is
 * @returns How many entries have `revents`; −1 once the context is destroyed and for wrong arguments.
 *   With another timeout than 0 a promise of that, in place of blocking.
 */
export function poll(
  pollfds: PollFd[],
  nfds: number,
  timeout: 0,
  context?: Context | null,
): number;
/** As above, where it is not known that the timeout is 0; `await` it. */
export function poll(
  pollfds: PollFd[],
  nfds: number,
  timeout: number,
  context?: Context | null,
): number | Promise<number>;
export function poll(
  pollfds: PollFd[],
  nfds: number,
  timeout: number,
  context: Context | null = null,
): number | Promise<number> {
  return attempt<number | Promise<number>>("poll", -1, () => {
    const entries = theEntries(pollfds, nfds);
    if (typeof timeout !== "number" || Number.isNaN(timeout)) {
      refuse("timeout", timeout, "a number");
    }
    const polled = context === null ? theOnlyOne() : theContext(context);
    if (timeout === 0) return polledAtOnce(polled, entries);
    return polled === undefined
      ? afterATurn(-1)
      : polled.poll(entries, timeout < 0 ? Infinity : timeout);
  });
}

/** The context that is meant when none is named; undefined when all have ended. */
function theOnlyOne(): Context | undefined {
  const living = [...contexts].filter(({ isDestroyed }) => !isDestroyed);
  if (living.length > 1) refuse("context", null, `one of the ${living.length} there are`);
  return living[0];
}

function theEntries(pollfds: PollFd[], nfds: number): readonly PollFd[] {
  theWhole("nfds", nfds, 0, theList("pollfds", pollfds).length);
  const entries = nfds === pollfds.length ? pollfds : pollfds.slice(0, nfds);
  for (const [index, each] of entries.entries()) {
    const isOne = Number.isInteger(each?.fd) && Number.isInteger(each.events) &&
      Number.isInteger(each.revents);
    if (!isOne) refuse(`pollfds[${index}]`, each, "fd, events and revents");
  }
  return entries;
}

/** So many calls in one turn of the event loop that do not wait are a loop that waits for nothing. */
const CALLS_TO_LOOK = 1_000;
const CALLS_TO_WARN = 100_000;
let callsInTurn = 0;

function polledAtOnce(context: Context | undefined, entries: readonly PollFd[]): number {
  const count = context?.pollNow(entries) ?? -1;
  callsInTurn = count === 0 ? callsInTurn + 1 : 0;
  if (callsInTurn === CALLS_TO_LOOK) setImmediate(() => callsInTurn = 0);
  if (callsInTurn === CALLS_TO_WARN) {
    log(
      "warn",
      `poll: ${CALLS_TO_WARN} calls in a row with timeout 0, while nothing can come; ` +
        "await a call with another timeout",
    );
  }
  return count;
}

function afterATurn(value: number): Promise<number> {
  return new Promise((resolve) => void setImmediate(() => resolve(value)));
}
