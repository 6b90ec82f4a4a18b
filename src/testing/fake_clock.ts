/** Time that stands still until a test moves it. */

import type { Clock } from "../api/service.ts";

interface FakeTimer {
  readonly due: number;
  readonly callback: () => void;
}

/**
 * A clock for tests: nothing waits, and timers fire when {@linkcode FakeClock.advance} says so.
 *
 * @example
 * ```ts
 * import { FakeClock } from "@x/lws/testing";
 *
 * const clock = new FakeClock();
 * const fired: number[] = [];
 * clock.setTimer(() => fired.push(clock.now()), 5_000);
 * clock.advance(4_999);
 * if (fired.length !== 0) throw new Error("too early");
 * clock.advance(60_000);
 * if (fired[0] !== 5_000) throw new Error("at the wrong time");
 * ```
 */
export class FakeClock implements Clock {
  /** It moves only by {@linkcode advance}. */
  readonly standsStill = true;
  #now: number;
  /** By time, then by age. */
  readonly #timers: FakeTimer[] = [];

  /**
   * Makes a clock that stands still.
   *
   * @param start the time it shows, in milliseconds.
   */
  constructor(start = 0) {
    this.#now = start;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer: FakeTimer = { due: this.#now + (delayMs > 0 ? delayMs : 0), callback };
    const later = this.#timers.findIndex((other) => other.due > timer.due);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    const index = this.#timers.indexOf(timer as FakeTimer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /**
   * Lets `ms` milliseconds go by: runs what becomes due in order of time, each at its own time, and
   * with it what those callbacks arm. What a callback throws ends the call at that callback's time;
   * the timers behind it stay and fire with the next `advance`.
   *
   * @param ms from 0; with 0, only what is due already runs.
   * @throws {RangeError} when `ms` is negative or not a number.
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`ms is ${ms}; time goes forward only`);
    const end = this.#now + ms;
    for (let first = this.#timers[0]; first && first.due <= end; first = this.#timers[0]) {
      this.#timers.shift();
      this.#now = first.due;
      first.callback();
    }
    // A callback that advances the clock itself may have passed the end.
    this.#now = Math.max(this.#now, end);
  }
}
