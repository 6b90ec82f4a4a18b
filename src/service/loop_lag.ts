/** How late the event loop comes to its timers. */

import type { Clock } from "../api/service.ts";

/** From one look to the next. */
const PERIOD_MS = 100;
/** Looks without anybody asking until they end. */
const MOST_UNASKED = 600;

/**
 * Looks with a coarse timer, from the first time that it is asked: without a question it costs nothing. A lag fades
 * by half from look to look, so that one that has just passed is seen.
 */
export class LoopLag {
  readonly #clock: Clock;
  readonly #onLook: () => void;
  #timer: unknown;
  #dueAt = 0;
  #lastMs = 0;
  #unasked = 0;
  #isStopped = false;

  /** @param onLook called behind each look, in which it may be asked */
  constructor(clock: Clock, onLook: () => void = () => {}) {
    this.#clock = clock;
    this.#onLook = onLook;
  }

  /** Milliseconds; 0 when it is asked for the first time. */
  get ms(): number {
    this.#unasked = 0;
    if (this.#isStopped) return 0;
    if (this.#timer === undefined) this.#arm();
    // While it is overdue the lag grows.
    return Math.max(this.#lastMs, this.#clock.now() - this.#dueAt);
  }

  /** Looks no more. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    this.#dueAt = this.#clock.now() + PERIOD_MS;
    this.#timer = this.#clock.setTimer(this.#look, PERIOD_MS);
    this.#clock.keepAlive?.(this.#timer, false);
  }

  readonly #look = (): void => {
    const lateMs = Math.max(0, this.#clock.now() - this.#dueAt);
    this.#lastMs = Math.max(lateMs, this.#lastMs / 2);
    this.#timer = undefined;
    if (++this.#unasked > MOST_UNASKED) {
      this.#lastMs = 0;
      return;
    }
    this.#arm();
    this.#onLook();
  };
}
