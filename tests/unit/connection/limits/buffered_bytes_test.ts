import { assertEquals } from "@std/assert";
import {
  BufferedBytes,
  type BufferingContext,
  type Holder,
} from "../../../../src/connection/limits/buffered_bytes.ts";
import type { WheelTimer } from "../../../../src/service/timer_wheel.ts";
import { captureLog } from "../../../support/recorder.ts";

const LIMIT = 1000;

class Holding implements Holder {
  holding: Holder["holding"] = undefined;
  readonly told: (string | boolean)[] = [];
  readonly unsent: number;

  constructor(unsent = 0) {
    this.unsent = unsent;
  }

  holdForMemory(held: boolean): void {
    this.told.push(held);
  }

  cutForMemory(cause: string): void {
    this.told.push(cause);
  }
}

function sumOf(...holders: Holder[]) {
  const looks: WheelTimer[] = [];
  const sum = new BufferedBytes({
    wheel: { now: () => 0, arm: (timer: WheelTimer) => void looks.push(timer) },
    counters: { hit() {} },
    limits: { maxBufferedBytes: LIMIT, maxUnsentBytes: 100 },
    holders: () => holders,
  } as unknown as BufferingContext);
  return { sum, look: () => looks.shift()!.owner.onTimeout() };
}

Deno.test("a holder has what it was last said to hold of each kind, and nothing is kept of one that holds nothing", () => {
  const holder = new Holding();
  const { sum } = sumOf(holder);
  const gathered = { free() {} };
  sum.holds(holder, 1, 20);
  sum.holdsInPhase(holder, 30);
  sum.gathers(holder, 400, gathered);
  sum.gathers(holder, -100, gathered);
  sum.holdsToSend(holder, 200);
  sum.holdsToSend(holder, 100);
  assertEquals([sum.bytes, sum.weightOf(holder)], [431, 431]);
  sum.holds(holder, 2, 0);
  assertEquals([sum.bytes, sum.weightOf(holder)], [402, 402]);
  sum.holds(holder, 0, 0);
  sum.holdsToSend(holder, 0);
  sum.gathers(holder, -300, undefined);
  assertEquals([sum.bytes, holder.holding], [0, undefined]);
});

Deno.test("one that is gone counts no more, whatever is given back of it later, and its message is freed", () => {
  const holder = new Holding();
  const { sum } = sumOf(holder);
  let freed = 0;
  sum.holds(holder, 10, 10);
  sum.gathers(holder, 300, { free: () => void freed++ });
  sum.holdsToSend(holder, 50);
  sum.forget(holder);
  assertEquals([sum.bytes, holder.holding, freed], [0, undefined, 1]);
  sum.gathers(holder, -300, undefined);
  sum.holdsToSend(holder, 0);
  sum.holds(holder, 0, 0);
  assertEquals([sum.bytes, holder.holding], [0, undefined]);
  sum.forget(holder);
  assertEquals([sum.bytes, freed], [0, 1]);
});

Deno.test("one that is gone is not told that reading goes on", () => {
  using _log = captureLog([]);
  const [gone, stays] = [new Holding(), new Holding()];
  const { sum, look } = sumOf(gone, stays);
  sum.holds(gone, 0, 600);
  sum.holds(stays, 0, 600);
  assertEquals([gone.told, stays.told], [[true], [true]]);
  sum.forget(gone);
  look();
  assertEquals([gone.told, stays.told], [[true], [true, false]]);
});

Deno.test("one that is cut is so for what it holds where that is more than what it has to send", () => {
  using _log = captureLog([]);
  for (const [unsent, cause] of [[1299, "limit"], [1300, "unsent"]] as const) {
    const holder = new Holding(unsent);
    const { sum } = sumOf(holder);
    sum.holds(holder, 0, 1300);
    assertEquals([holder.told, sum.bytes], [[cause], 0]);
  }
});
