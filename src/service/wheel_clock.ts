/** A timer wheel as a clock, for work that knows no wheel. */

import type { Clock } from "../api/service.ts";
import { type TimerWheel, WheelTimer } from "./timer_wheel.ts";

/** Its timers are those of a context: where the program serves, they run in service. */
export function wheelClock(wheel: TimerWheel): Clock {
  return {
    now: () => wheel.now(),
    setTimer(callback, delayMs) {
      if (delayMs === Infinity) return undefined;
      const timer = new WheelTimer({ onTimeout: callback });
      wheel.arm(timer, delayMs);
      return timer;
    },
    clearTimer(timer) {
      if (timer instanceof WheelTimer) wheel.cancel(timer);
    },
  };
}
