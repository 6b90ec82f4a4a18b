/** Time that stands still between the turns of an event loop, which comes round when a test says so. */

import type { Context } from "../../../mod.ts";
import type { Clock } from "../../../src/api/service.ts";
import type { TurnBudget } from "../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../src/service/turns/order.ts";
import { settle } from "../serve.ts";

/** A clock whose timers without a delay come when the loop comes round. */
export class LoopClock implements Clock {
  time = 0;
  readonly #timers = new Map<number, { callback: () => void; due: number }>();
  #last = 0;

  now = () => this.time;

  /** How many were set, and are neither over nor cleared. */
  get timers(): number {
    return this.#timers.size;
  }

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

/** As though a context went by it. */
export function inUse(budget: TurnBudget): TurnBudget {
  budget.enter();
  return budget;
}

/** Uses a budget up until the loop comes round; a newcomer would be served all the same. */
export async function spend(budget: TurnBudget, clock: LoopClock): Promise<void> {
  const busy: TurnTaker = { servedMs: 5, onTurn() {} };
  budget.wait(busy);
  await clock.comeRound();
  budget.lookAnew();
  budget.begin(busy);
  budget.lookAnew();
  do clock.time += 10; while (budget.mayGoOn());
  budget.charge(busy);
}

/** Destroys a context whose peers may never answer a close: they are let go, step by step. */
export async function leaveBy(clock: LoopClock, context: Context): Promise<void> {
  const ended = context.destroy();
  for (let i = 0; i < 20; i++) {
    await clock.comeRound();
    clock.time += 10_000;
  }
  await clock.comeRound();
  await ended;
}
