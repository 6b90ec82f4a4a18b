/** When the rounds of a loop begin, as a clock tells it. */

import type { Clock } from "../../api/service.ts";

/**
 * A clock for a `TurnBudget`, which has one timer at a time: it comes at the beginning of the next round, in
 * which the kernel is asked for readiness, and in a turn of the event loop while no rounds follow.
 */
export class RoundClock implements Clock {
  #due: (() => void) | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #hasRounds = false;

  now(): number {
    return performance.now();
  }

  setTimer(callback: () => void): unknown {
    this.#due = callback;
    if (!this.#hasRounds) this.#comeSoon();
    return callback;
  }

  clearTimer(): void {
    this.#due = undefined;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  /** A round begins, and another one follows. */
  begin(): void {
    this.#hasRounds = true;
    this.#come();
  }

  /** No round follows before something is ready. */
  rest(): void {
    this.#hasRounds = false;
    if (this.#due !== undefined) this.#comeSoon();
  }

  #comeSoon(): void {
    this.#immediate ??= setImmediate(this.#come);
  }

  readonly #come = (): void => {
    const due = this.#due;
    this.clearTimer();
    due?.();
  };
}
