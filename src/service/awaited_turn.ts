/**
 * What a program goes on with in microtasks, as a loop does whose next value is there and whose writes leave at once,
 * counts as work of its connection. Nothing else would come between for as long as the peer sends, or reads.
 */

import type { TurnBudget } from "./turn_budget.ts";
import type { TurnTaker } from "./turns/order.ts";

/** Whose share of a turn it is. Implemented by Connection. */
export interface Sharing {
  servedMs: number;
  readonly owner: { readonly budget: TurnBudget };
}

class AwaitedTurn implements TurnTaker {
  readonly #sharing: Sharing;
  readonly #goOn: () => void;

  constructor(sharing: Sharing, goOn: () => void) {
    this.#sharing = sharing;
    this.#goOn = goOn;
  }

  get servedMs(): number {
    return this.#sharing.servedMs;
  }

  set servedMs(ms: number) {
    this.#sharing.servedMs = ms;
  }

  onTurn(): void {
    // However soon the budget is spent again, a turn is worth a piece of work.
    const { budget } = this.#sharing.owner;
    budget.begin(this);
    budget.lookAnew();
    this.#goOn();
  }
}

/**
 * The budget is used up, as `mayGoOn` has said: calls `goOn` when it is the connection's turn.
 *
 * @param bytes as of `TurnBudget.wait`
 */
export function waitForTurn(sharing: Sharing, goOn: () => void, bytes = 0): void {
  const { budget } = sharing.owner;
  const turn = new AwaitedTurn(sharing, goOn);
  budget.charge(turn);
  budget.wait(turn, bytes);
}
