/** The runtime's own time. */

import type { Clock } from "../api/service.ts";
import { runtime } from "../base/runtime/runtime.ts";

/** What a context goes by unless it is given another clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // The runtime cuts fractions off, which would be early.
  setTimer: (callback, delayMs) => setTimeout(callback, Math.ceil(delayMs)),
  clearTimer: (timer) => clearTimeout(timer as number),
  keepAlive: (timer, keeps) => {
    if (keeps) runtime.refTimer(timer as number);
    else runtime.unrefTimer(timer as number);
  },
};
