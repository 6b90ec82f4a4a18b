/** A clock whose timers wait for the program to call service. */

import type { Clock } from "../api/service.ts";

interface ServicedTimer {
  readonly callback: () => void;
  readonly dueAt: number;
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
    const dueAt = this.#clock.now() + delayMs;
    const timer: ServicedTimer = { callback, dueAt, handle: undefined, isDue: false };
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

  /** How long it is until the first timer is due by what time it is, in milliseconds. */
  untilDue(): number {
    let first = Infinity;
    for (const { dueAt } of this.#timers) first = Math.min(first, dueAt);
    return Math.max(0, first - this.#clock.now());
  }

  /** Has the timers run whose time has come, though the clock below had no turn to say so. */
  look(): void {
    const now = this.#clock.now();
    for (const timer of this.#timers) timer.isDue ||= timer.dueAt <= now;
  }

  /** Runs all that the clock below has said to be due. */
  runDue(): void {
    for (const timer of [...this.#timers]) {
      // One that ran may have cleared it.
      if (!timer.isDue || !this.#timers.delete(timer)) continue;
      this.#clock.clearTimer(timer.handle);
      timer.callback();
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
