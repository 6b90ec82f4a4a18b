/** Time that stands still between the turns of an event loop, which comes round when a test says so. */

import type { Clock } from "../../src/api/service.ts";
import { settle } from "./serve.ts";

/** A clock whose timers without a delay come when the loop comes round. */
export class LoopClock implements Clock {
  time = 0;
  readonly #timers = new Map<number, { callback: () => void; due: number }>();
  #last = 0;

  now = () => this.time;

  setTimer(callback: () => void, delayMs: number): unknown {
    this.#timers.set(++this.#last, { callback, due: this.time + delayMs });
    return this.#last;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  async comeRound(): Promise<void> {
    for (const [id, { callback, due }] of [...this.#timers]) {
      if (due <= this.time && this.#timers.delete(id)) callback();
    }
    // Behind an overdue one so many turns pass by themselves.
    for (let turn = 0; turn < 70; turn++) await new Promise((resolve) => setImmediate(resolve));
    await settle();
  }
}
