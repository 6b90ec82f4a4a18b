import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/service/clock.ts";
import { systemClock } from "../../src/service/clock.ts";
import { FakeClock } from "../../src/service/fake_clock.ts";
import {
  TurnBudget,
  turnBudgetOf,
  type TurnTaker,
  UNLIMITED,
} from "../../src/service/turn_budget.ts";

/** A clock whose time a test sets, and whose timer comes when the test says that the loop came round. */
class LoopClock implements Clock {
  time = 0;
  timer: (() => void) | undefined;

  now = () => this.time;

  setTimer(callback: () => void, delayMs: number): unknown {
    assertEquals([this.timer, delayMs], [undefined, 0]);
    return this.timer = callback;
  }

  clearTimer(): void {
    this.timer = undefined;
  }

  /** The loop comes round, and all that follows from it happens. */
  async comeRound(): Promise<void> {
    const { timer } = this;
    this.timer = undefined;
    timer!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes `ms` of each turn, and waits again until all its work is done. */
class Worker implements TurnTaker {
  servedMs = 0;
  turns = 0;
  readonly #budget: TurnBudget;
  readonly #clock: LoopClock;
  readonly #turnMs: number;
  #left: number;
  readonly #told: string[];
  readonly #name: string;

  constructor(
    budget: TurnBudget,
    clock: LoopClock,
    name: string,
    told: string[],
    turnMs: number,
    left: number,
  ) {
    this.#budget = budget;
    this.#clock = clock;
    this.#name = name;
    this.#told = told;
    this.#turnMs = turnMs;
    this.#left = left;
  }

  onTurn(): void {
    queueMicrotask(() => {
      if (!this.#budget.begin()) return this.#budget.wait(this);
      this.#told.push(this.#name);
      this.#clock.time += this.#turnMs;
      this.#budget.charge(this);
      if (--this.#left > 0) this.#budget.wait(this);
    });
  }
}

Deno.test("it is spent once the loop has not come round for 2.5 ms, looked at when work begins", async () => {
  const clock = new LoopClock();
  const budget = new TurnBudget(clock);
  // Light traffic needs no timer.
  let pieces = 0;
  for (; clock.timer === undefined; pieces++) assertEquals(budget.begin(), true);
  assertEquals(pieces >= 32 && pieces <= 64, true, `${pieces} pieces`);
  clock.time = 2.5;
  for (let i = 0; i < 64; i++) assertEquals(budget.begin(), true);
  clock.time = 2.6;
  for (pieces = 0; budget.begin(); pieces++);
  assertEquals([pieces < 64, budget.isSpent], [true, true]);
  assertEquals([budget.begin(), budget.mayGoOn()], [false, false], "until the loop comes round");
  await clock.comeRound();
  assertEquals([budget.isSpent, clock.timer], [false, undefined]);
  clock.time = 100;
  assertEquals(budget.begin(), true, "an idle time is no work");
  budget.rest();
  assertEquals(clock.timer, undefined);
});

Deno.test("long pieces of work are looked at one by one, short ones up to 64 at a time", () => {
  const clock = new LoopClock();
  const budget = new TurnBudget(clock);
  budget.begin();
  let pieces = 0;
  do clock.time += 1; while (budget.mayGoOn() && ++pieces < 100);
  assertEquals([pieces, clock.time], [2, 3]);
  budget.rest();
  budget.begin();
  let looks = 0;
  const { now } = clock;
  clock.now = () => {
    looks++;
    return now();
  };
  for (let i = 0; i < 64_000; i++) assertEquals(budget.mayGoOn(), true);
  assertEquals(looks > 900 && looks < 1100, true, `${looks} looks`);
  clock.time += 3;
  for (pieces = 0; budget.mayGoOn(); pieces++);
  assertEquals(pieces <= 64, true);
  budget.rest();
});

Deno.test("each turn goes to who was served least, a newcomer first", async () => {
  const clock = new LoopClock();
  const budget = new TurnBudget(clock);
  const told: string[] = [];
  const worker = (name: string, turnMs: number, left: number) =>
    budget.wait(new Worker(budget, clock, name, told, turnMs, left));
  worker("a", 3, 4);
  worker("b", 3, 4);
  for (let i = 0; i < 4; i++) await clock.comeRound();
  assertEquals(told, ["a", "b", "a", "b"]);
  worker("new", 0.1, 1);
  await clock.comeRound();
  assertEquals(told.slice(4), ["new", "a"]);
  for (let i = 0; i < 4; i++) await clock.comeRound();
  assertEquals([budget.waiting, told.length], [0, 9]);
  budget.rest();
});

Deno.test("who comes late doesn't make up for the time when he had nothing to do", async () => {
  const clock = new LoopClock();
  const budget = new TurnBudget(clock);
  const told: string[] = [];
  budget.wait(new Worker(budget, clock, "old", told, 3, 100));
  for (let i = 0; i < 20; i++) await clock.comeRound();
  budget.wait(new Worker(budget, clock, "new", told, 3, 100));
  told.length = 0;
  for (let i = 0; i < 20; i++) await clock.comeRound();
  assertEquals(told.filter((each) => each === "old").length, 10);
});

Deno.test("in one turn go as many as there is time for", async () => {
  const clock = new LoopClock();
  const budget = new TurnBudget(clock);
  const told: string[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    budget.wait(new Worker(budget, clock, name, told, 1, 1));
  }
  await clock.comeRound();
  assertEquals(told, ["a", "b", "c"]);
  await clock.comeRound();
  assertEquals(told, ["a", "b", "c", "d", "e"]);
  budget.rest();
});

Deno.test("all contexts on the runtime's clock share one budget; time that stands still is never used up", () => {
  assertEquals(turnBudgetOf(systemClock), turnBudgetOf(systemClock));
  assertEquals(turnBudgetOf(new FakeClock()), UNLIMITED);
  for (let i = 0; i < 1000; i++) assertEquals(UNLIMITED.begin() && UNLIMITED.mayGoOn(), true);
  UNLIMITED.rest();
});
