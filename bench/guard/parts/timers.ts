/** The timer wheel: a timer that is armed, armed anew and cancelled, beside few and many others. */

import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { TimerWheel, WheelTimer } from "../../../src/service/timer_wheel.ts";
import { BareTimer, BareWheel } from "../floor/timers.ts";
import type { Part } from "./part.ts";

const owner = { onTimeout() {} };

/** The delays of the others, spread over ten seconds. */
const delayOf = (index: number) => 5_000 + index % 10_000;

/**
 * Up to 44 seconds, but few enough different ones that their lists' ends stay in the processor's
 * nearest cache: how far apart the others happen to lie in memory says nothing of the code.
 */
const ownDelayOf = (index: number) => (index & 63) * 700;

let litter: number[] = [];

/**
 * Outlives the garbage collector's young generation, as a server's timers do. It takes note of each
 * write that makes an old object refer to a young one, which a measurement would have or not by chance.
 */
function growOld(): void {
  for (let i = 0; i < 1_000_000; i++) litter = [i, i, i, i, i, i];
  if (litter.length === 0) throw new Error("not littered");
}

function beside(others: number): Part {
  return {
    name: `timer beside ${others} others`,
    batch: 1,
    prepare() {
      const timer = new WheelTimer(owner);
      const bareTimer = new BareTimer();
      const wheel = new TimerWheel(new FakeClock());
      const bareWheel = new BareWheel();
      for (let i = 0; i < others; i++) {
        wheel.arm(new WheelTimer(owner), delayOf(i));
        bareWheel.arm(new BareTimer(), delayOf(i));
      }
      growOld();
      return {
        ours(times) {
          let pending = 0;
          for (let i = 0; i < times; i++) {
            const delay = ownDelayOf(i);
            wheel.arm(timer, delay + 1_000);
            wheel.arm(timer, delay + 5_000);
            pending += wheel.size;
            wheel.cancel(timer);
          }
          return pending;
        },
        floor(times) {
          let pending = 0;
          for (let i = 0; i < times; i++) {
            const delay = ownDelayOf(i);
            bareWheel.arm(bareTimer, delay + 1_000);
            bareWheel.arm(bareTimer, delay + 5_000);
            pending += bareWheel.size;
            bareWheel.cancel(bareTimer);
          }
          return pending;
        },
      };
    },
  };
}

/** In the table's order. */
export const TIMER_PARTS: readonly Part[] = [beside(10), beside(100_000)];
