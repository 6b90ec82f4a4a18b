/** A clock for real sockets, on which a program seems to have blocked for as long as a test likes. */

import type { Clock } from "../../../src/api/service.ts";

/** Long enough for a timer without a delay to be due. */
const SPIN_MS = 20;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
  handle: ReturnType<typeof setTimeout> | undefined;
}

/** The runtime's time, with leaps. */
export class JumpingClock implements Clock {
  /** How many of the runtime's milliseconds make one of this clock. */
  readonly #slowness: number;
  readonly #timers = new Set<Timer>();
  #skippedMs = 0;

  constructor(slowness: number) {
    this.#slowness = slowness;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return performance.now() / this.#slowness + this.#skippedMs;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer = { at: this.now() + delayMs, callback, handle: undefined };
    this.#timers.add(timer);
    this.#start(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    if (!this.#timers.delete(timer as Timer)) return;
    clearTimeout((timer as Timer).handle);
  }

  /**
   * Lets so many milliseconds go by within the call. What is due by then comes before anything is
   * read, as behind a program that computes.
   */
  block(ms: number): void {
    this.#skippedMs += ms;
    for (const timer of this.#timers) {
      clearTimeout(timer.handle);
      this.#start(timer);
    }
    const end = performance.now() + SPIN_MS;
    while (performance.now() < end);
  }

  #start(timer: Timer): void {
    const delayMs = Math.ceil(Math.max(0, timer.at - this.now()) * this.#slowness);
    timer.handle = setTimeout(() => {
      this.#timers.delete(timer);
      timer.callback();
    }, Math.min(delayMs, 2 ** 31 - 1));
  }
}
