/** A clock whose timers wait for the program to call service. */

import type { Clock } from "../api/service.ts";

interface ServicedTimer {
  readonly callback: () => void;
  handle: unknown;
  isDue: boolean;
}

/** Wraps a clock: what is due is announced, and runs in {@linkcode ServicedClock.runDue}. */
export class ServicedClock implements Clock {
  readonly isServiced = true;
  readonly keepAlive?: (timer: unknown, keeps: boolean) => void;
  readonly #clock: Clock;
  readonly #onDue: () => void;
  readonly #timers = new Set<ServicedTimer>();
  #isReleased = false;

  /** @param onDue a timer is due */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    if (clock.keepAlive !== undefined) {
      this.keepAlive = (timer, keeps) => clock.keepAlive!((timer as ServicedTimer).handle, keeps);
    }
  }

  now(): number {
    return this.#clock.now();
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer: ServicedTimer = { callback, handle: undefined, isDue: false };
    timer.handle = this.#clock.setTimer(() => this.#fired(timer), delayMs);
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    if (this.#timers.delete(timer as ServicedTimer)) {
      this.#clock.clearTimer((timer as ServicedTimer).handle);
    }
  }

  /** Whether a timer waits for {@linkcode runDue}. */
  get hasDue(): boolean {
    for (const { isDue } of this.#timers) if (isDue) return true;
    return false;
  }

  /** Runs all that the clock below has said to be due. */
  runDue(): void {
    for (const timer of [...this.#timers]) {
      // One that ran may have cleared it.
      if (timer.isDue && this.#timers.delete(timer)) timer.callback();
    }
  }

  /** From now on timers run by themselves. */
  release(): void {
    this.#isReleased = true;
    this.runDue();
  }

  #fired(timer: ServicedTimer): void {
    timer.isDue = true;
    if (!this.#isReleased) return this.#onDue();
    this.#timers.delete(timer);
    timer.callback();
  }
}
