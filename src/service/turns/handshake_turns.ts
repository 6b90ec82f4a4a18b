/** When a server's handshake of TLS goes on: a step of it takes as long as a hundred messages, and many can come at once. */

import type { Transport } from "../../api/network.ts";
import type { TurnBudget } from "../turn_budget.ts";
import type { TurnTaker } from "./order.ts";

/** One that waits for its turn stands behind what was served up to so much more, in milliseconds. */
const BEHIND_MS = 2.5;

/** The turns of one handshake; connections that stand go first. */
export class HandshakeTurns implements TurnTaker {
  servedMs = 0;
  readonly #budget: TurnBudget;
  readonly #inner: Transport;
  #isWaiting = false;

  /** @param inner what the handshake goes over */
  constructor(budget: TurnBudget, inner: Transport) {
    this.#budget = budget;
    this.#inner = inner;
  }

  /** Has `step` take of the bytes what it takes, or keeps all of them below until it is its turn. */
  offer(bytes: Uint8Array, step: (bytes: Uint8Array) => number): number {
    const budget = this.#budget;
    // Each step is looked at, as few have room in a turn.
    budget.lookAnew();
    if (budget.isSpent || !budget.begin(this)) {
      this.#wait();
      return 0;
    }
    budget.lookAnew();
    const taken = step(bytes);
    if (!budget.mayGoOn()) budget.charge(this);
    return taken;
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#inner.pause();
    this.#budget.wait(this);
    this.servedMs += BEHIND_MS;
  }

  onTurn(): void {
    this.#isWaiting = false;
    this.#inner.resume();
  }
}
