/** What C callbacks return. */

import { line, log, own, thrown } from "../../base/log.ts";
import type { Constants } from "./names.ts";

/** Structs of which it was logged that their callbacks' promises are not awaited. */
const told = new WeakSet<object>();

/**
 * The number that a callback returned; 0 for anything else. A promise is told of in the log, once for
 * each struct: C callbacks are over when they return, and what a promise becomes comes too late.
 *
 * @param prefix What the names of the reasons begin with, among `constants`.
 */
export function numberFrom(
  result: unknown,
  struct: { name: string | null },
  { constants }: { readonly constants: Constants },
  prefix: string,
  reason: number,
): number {
  if (typeof result === "number") return result;
  if (result instanceof Promise) refusePromise(result, struct, constants, prefix, reason);
  return 0;
}

function refusePromise(
  promise: Promise<unknown>,
  struct: { name: string | null },
  constants: Constants,
  prefix: string,
  reason: number,
): void {
  const isReason = ([name, number]: [string, unknown]) =>
    number === reason && name.startsWith(prefix);
  const [name = String(reason)] = Object.entries(constants).find(isReason) ?? [];
  const who = `the callback of ${JSON.stringify(struct.name)}`;
  // It would be an unhandled rejection, and end the program.
  promise.catch((error) =>
    log("err", () => line`${own(who)} rejected after ${own(name)}: ${thrown(error)}`)
  );
  if (told.has(struct)) return;
  told.add(struct);
  log(
    "err",
    () =>
      line`${own(who)} returned a promise for ${
        own(name)
      }; that counts as 0, as nothing waits for it`,
  );
}
