/** Time that stands still, and timers that come late. */

import { FakeClock } from "../../../src/testing/fake_clock.ts";

/** As a loop that is kept busy sees it: time has gone by, and its timers have not come. */
export class LateClock extends FakeClock {
  #skippedMs = 0;

  override now(): number {
    return super.now() + this.#skippedMs;
  }

  /** What waits comes so much later. */
  lag(ms: number): void {
    this.#skippedMs += ms;
  }
}
