/** What of the bytes that came is told to those that share the turns of the event loop. */

import { assertEquals } from "@std/assert";
import type { Transport } from "../../../src/api/network.ts";
import { RxFlow } from "../../../src/connection/rx_flow.ts";
import { TurnBudget } from "../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../src/service/turns/order.ts";
import { systemClock } from "../../../src/service/clock.ts";

/** A budget that is used up as a test says. */
class ToldBudget extends TurnBudget {
  mayBegin = true;
  readonly told: (number | undefined)[] = [];

  constructor() {
    super(systemClock);
  }

  override begin(): boolean {
    return this.mayBegin;
  }

  override charge(): void {}

  override wait(_taker: TurnTaker, bytes?: number): void {
    this.told.push(bytes);
  }
}

/** A connection whose phase takes so many bytes of what comes. */
function flowOf(budget: TurnBudget, taken: number): RxFlow {
  // Only what input needs.
  class Flow extends RxFlow {
    override readonly socketFd = 1;
    override readonly isOpen = true;
    override readonly owner = { budget, buffered: { holds() {} } } as unknown as RxFlow["owner"];
    override readonly phase = { held: 0, onBytes: () => taken } as unknown as RxFlow["phase"];
    override readonly entry = { counters: { wireReceived: 0 } } as unknown as RxFlow["entry"];
    override onWritable(): void {}
    override abort(): void {}
    override onDrain(): void {}
    override cutForMemory(): void {}
  }
  const flow = new Flow();
  flow.transport = { pause() {}, resume() {} } as unknown as Transport;
  return flow;
}

Deno.test("one that waits for its turn says how many bytes it has not taken", () => {
  const budget = new ToldBudget();
  budget.mayBegin = false;
  assertEquals(flowOf(budget, 0).onBytes(new Uint8Array(100)), 0);
  budget.mayBegin = true;
  budget.isSpent = true;
  assertEquals(flowOf(budget, 30).onBytes(new Uint8Array(100)), 30);
  assertEquals(budget.told, [100, 70]);
});
