/** The seam for time, so that tests can drive it. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes backwards. */
  now(): number;
  /** Calls `callback` once, when at least `delayMs` milliseconds have gone by. */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Takes back what `setTimer` returned; harmless when it has run. */
  clearTimer(timer: unknown): void;
  /**
   * Whether a timer that waits keeps the program from ending, as it does at first. A clock whose
   * timers never do has no such method.
   */
  keepAlive?(timer: unknown, keeps: boolean): void;
  /** Whether due timers wait until the program calls for them. @default {false} */
  readonly isServiced?: boolean;
  /** Whether it moves only when a test says so, and no budget of time is ever used up. @default {false} */
  readonly standsStill?: boolean;
}

/** The runtime's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // The runtime cuts fractions off, which would be early.
  setTimer: (callback, delayMs) => setTimeout(callback, Math.ceil(delayMs)),
  clearTimer: (timer) => clearTimeout(timer as number),
  keepAlive: (timer, keeps) => {
    if (keeps) Deno.refTimer(timer as number);
    else Deno.unrefTimer(timer as number);
  },
};
