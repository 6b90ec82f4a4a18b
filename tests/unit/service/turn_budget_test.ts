import { assertEquals, assertThrows } from "@std/assert";
import { createContext } from "../../../mod.ts";
import type { Network } from "../../../src/api/network.ts";
import type { Clock } from "../../../src/api/service.ts";
import { systemClock } from "../../../src/service/clock.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import {
  bringTurnBudget,
  TurnBudget,
  turnBudgetOf,
  UNLIMITED,
} from "../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../src/service/turns/order.ts";
import { inUse } from "../../support/clocks/loop_clock.ts";

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
    await turns(80);
  }
}

/** Lets the real event loop come round so many times. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Somebody who was served more than all others. */
const busy: TurnTaker = { servedMs: Infinity, onTurn() {} };

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
      if (!this.#budget.begin(this)) return this.#budget.wait(this);
      this.#told.push(this.#name);
      this.#clock.time += this.#turnMs;
      this.#budget.charge(this);
      if (--this.#left > 0) this.#budget.wait(this);
    });
  }
}

Deno.test("it is spent once the loop has not come round for 2.5 ms, looked at when work begins", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  // Light traffic needs no timer.
  let pieces = 0;
  for (; clock.timer === undefined; pieces++) assertEquals(budget.begin(busy), true);
  assertEquals(pieces >= 32 && pieces <= 64, true, `${pieces} pieces`);
  clock.time = 2.5;
  for (let i = 0; i < 64; i++) assertEquals(budget.begin(busy), true);
  clock.time = 2.6;
  for (pieces = 0; budget.begin(busy); pieces++);
  assertEquals([pieces < 64, budget.isSpent], [true, true]);
  assertEquals(
    [budget.begin(busy), budget.mayGoOn()],
    [false, false],
    "until the loop comes round",
  );
  await clock.comeRound();
  assertEquals([budget.isSpent, clock.timer], [false, undefined]);
  clock.time = 100;
  assertEquals(budget.begin(busy), true, "an idle time is no work");
  budget.leave();
  assertEquals(clock.timer, undefined);
});

Deno.test("it may be another one, which no turn is charged for more than", () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock, 1, 1));
  while (clock.timer === undefined) budget.begin(busy);
  clock.time = 1;
  for (let i = 0; i < 64; i++) assertEquals(budget.begin(busy), true);
  clock.time = 1.1;
  let pieces = 0;
  while (budget.begin(busy)) pieces++;
  assertEquals([pieces < 64, budget.isSpent], [true, true]);
  const taker = { servedMs: 0, onTurn() {} };
  clock.time = 50;
  budget.charge(taker);
  assertEquals(taker.servedMs, 1 + 1 / 64);
});

Deno.test("long pieces of work are looked at one by one, short ones up to 64 at a time", () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  budget.begin(busy);
  let pieces = 0;
  do clock.time += 1; while (budget.mayGoOn() && ++pieces < 100);
  assertEquals([pieces, clock.time], [2, 3]);
  budget.leave();
  budget.enter();
  budget.begin(busy);
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
  budget.leave();
});

Deno.test("each turn goes to who was served least, a newcomer first", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
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
  budget.leave();
});

Deno.test("a pause of the process in somebody's turn keeps him from the next one for no more than others have one", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  budget.wait(new Worker(budget, clock, "paused", told, 3_000, 2));
  await clock.comeRound();
  for (let i = 0; i < 6; i++) budget.wait(new Worker(budget, clock, "a", told, 1, 10));
  while (budget.waiting > 0) await clock.comeRound();
  assertEquals([told.indexOf("paused"), told.length], [0, 62]);
  const again = told.lastIndexOf("paused");
  assertEquals(again <= 30, true, told.join());
});

Deno.test("a turn costs time whether or not its taker was charged: who was waits for no more than that", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  const greedy = (): TurnTaker => ({
    servedMs: 0,
    onTurn() {
      told.push("greedy");
      clock.time += 1;
      if (told.length < 60) budget.wait(this);
    },
  });
  budget.wait(new Worker(budget, clock, "small", told, 2, 3));
  for (let i = 0; i < 6; i++) budget.wait(greedy());
  while (budget.waiting > 0) await clock.comeRound();
  const last = told.lastIndexOf("small");
  assertEquals(last < 40, true, told.join());
});

Deno.test("who comes late doesn't make up for the time when he had nothing to do", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  budget.wait(new Worker(budget, clock, "old", told, 3, 100));
  for (let i = 0; i < 20; i++) await clock.comeRound();
  budget.wait(new Worker(budget, clock, "new", told, 3, 100));
  told.length = 0;
  for (let i = 0; i < 20; i++) await clock.comeRound();
  assertEquals(told.filter((each) => each === "old").length, 10);
});

Deno.test("of those that were served alike the one with few bytes goes first", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  for (const [name, bytes] of [["much", 65_536], ["less", 4_000], ["little", 11]] as const) {
    budget.wait(new Worker(budget, clock, name, told, 0.1, 1), bytes);
  }
  await clock.comeRound();
  assertEquals(told, ["little", "less", "much"]);
  budget.leave();
});

Deno.test("who has little waits for no round of those with much, whatever he was charged for", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  for (let i = 0; i < 20; i++) {
    budget.wait(new Worker(budget, clock, "much", told, 0.5, 1), 65_536);
  }
  const little = new Worker(budget, clock, "little", told, 0.5, 1);
  little.servedMs = 10;
  budget.wait(little, 11);
  await clock.comeRound();
  assertEquals(told.indexOf("little") < 5, true, told.join());
  while (budget.waiting > 0) await clock.comeRound();
  budget.leave();
});

Deno.test("nobody is left out for those who have little and are slow, or for newcomers", async () => {
  for (const bytes of [1, 0]) {
    const clock = new LoopClock();
    const budget = inUse(new TurnBudget(clock));
    const told: string[] = [];
    const slow = (): TurnTaker => ({
      servedMs: 0,
      onTurn() {
        told.push("slow");
        clock.time += 1;
        // As one who stays, or as another one.
        if (told.length < 400) budget.wait(bytes > 0 ? this : slow(), bytes);
      },
    });
    for (let i = 0; i < 4; i++) budget.wait(slow(), bytes);
    budget.wait(new Worker(budget, clock, "other", told, 1, 20), 65_536);
    while (told.length < 400) await clock.comeRound();
    const others = told.filter((each) => each === "other").length;
    assertEquals(others, 20, `${bytes}: ${told.indexOf("other")}`);
    while (budget.waiting > 0) await clock.comeRound();
    budget.leave();
  }
});

Deno.test("who has waited with much doesn't make newcomers older", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  const served = { servedMs: 5, onTurn: () => void told.push("served") };
  const much = { servedMs: 0, onTurn: () => void told.push("much") };
  budget.wait(much, 10 * 1024 * 1024);
  budget.wait(served);
  await clock.comeRound();
  const newcomer = { servedMs: 0, onTurn() {} };
  budget.wait(newcomer);
  assertEquals([told, newcomer.servedMs], [["served", "much"], 5]);
  await clock.comeRound();
  budget.leave();
});

Deno.test("who waits is served before what goes on by itself once the loop has come round", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  budget.wait(new Worker(budget, clock, "waiting", told, 0.1, 1));
  let goesOn = true;
  const goOn = () => {
    if (budget.begin(busy)) told.push("by itself");
    clock.time += 3;
    budget.mayGoOn();
    if (goesOn) setImmediate(goOn);
  };
  setImmediate(goOn);
  await turns(3);
  assertEquals([told, budget.isSpent], [["by itself"], true]);
  await clock.comeRound();
  goesOn = false;
  assertEquals(told.slice(0, 2), ["by itself", "waiting"]);
  await turns(2);
  budget.leave();
});

Deno.test("behind an overdue timer as many turns pass as the runtime needs to look for readiness", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  while (clock.timer === undefined) budget.begin(busy);
  clock.time = 2.6;
  while (budget.begin(busy));
  budget.wait(new Worker(budget, clock, "a", told, 0.1, 1));
  const { timer } = clock;
  clock.timer = undefined;
  timer!();
  await turns(61);
  assertEquals([told, budget.isSpent, clock.timer], [[], true, undefined]);
  await turns(10);
  assertEquals([told, budget.isSpent], [["a"], false]);
  budget.leave();
});

Deno.test("behind its last context no turns pass, no timer stays, and what waits has its turn at once", async () => {
  const clock = new LoopClock();
  const budget = inUse(inUse(new TurnBudget(clock)));
  const spend = () => {
    while (clock.timer === undefined) budget.begin(busy);
    clock.time += 2.6;
    while (budget.begin(busy));
  };
  const told: string[] = [];
  const waits = (name: string): TurnTaker => ({ servedMs: 0, onTurn: () => void told.push(name) });
  spend();
  budget.wait(waits("a"));
  budget.wait(waits("b"));
  budget.leave();
  assertEquals([told, budget.waiting, clock.timer !== undefined], [[], 2, true], "another goes on");
  budget.leave();
  assertEquals([told, budget.waiting, clock.timer], [["a", "b"], 0, undefined]);
  assertEquals(budget.isSpent, false);

  budget.enter();
  spend();
  const { timer } = clock;
  clock.timer = undefined;
  timer!();
  budget.leave();
  budget.enter();
  spend();
  await turns(80);
  assertEquals(budget.isSpent, true, "the turns that were passing have ended");
  budget.leave();
  assertEquals([budget.isSpent, clock.timer], [false, undefined]);

  budget.enter();
  budget.wait(waits("c"));
  const overdue = clock.timer!;
  clock.timer = undefined;
  overdue();
  budget.leave();
  await turns(2);
  assertEquals([told, clock.timer], [["a", "b", "c"], undefined]);
});

Deno.test("a context that ends beside another one takes the timer back where nothing waits", () => {
  const clock = new LoopClock();
  const budget = inUse(inUse(new TurnBudget(clock)));
  while (clock.timer === undefined) budget.begin(busy);
  budget.leave();
  assertEquals(clock.timer, undefined);
  for (let i = 0; clock.timer === undefined; i++) assertEquals(i < 100 && budget.begin(busy), true);
  budget.leave();
});

Deno.test("behind the last context what waits has its turn, whatever another one throws", async () => {
  const thrown = Promise.withResolvers<unknown>();
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    thrown.resolve(event.error);
  };
  addEventListener("error", onError);
  const budget = inUse(new TurnBudget(new LoopClock()));
  const failure = new Error("in its turn");
  let turnsTaken = 0;
  budget.wait({
    servedMs: 0,
    onTurn() {
      throw failure;
    },
  });
  budget.wait({ servedMs: 0, onTurn: () => void turnsTaken++ });
  budget.leave();
  assertEquals([turnsTaken, budget.waiting, await thrown.promise], [1, 0, failure]);
  removeEventListener("error", onError);
});

Deno.test("without a context it is never spent, and sets no timer", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  budget.leave();
  for (let i = 0; i < 1000; i++, clock.time++) {
    assertEquals(budget.begin(busy) && budget.mayGoOn(), true);
  }
  let turnsTaken = 0;
  budget.wait({ servedMs: 0, onTurn: () => void turnsTaken++ });
  assertEquals(turnsTaken, 0, "not within the call");
  await turns(1);
  assertEquals([turnsTaken, budget.waiting, clock.timer], [1, 0, undefined]);
  budget.enter();
  for (let i = 0; clock.timer === undefined; i++, clock.time++) {
    assertEquals(i < 100 && budget.begin(busy), true, "it is looked at again");
  }
  budget.leave();
});

Deno.test("a newcomer goes on with a piece of work within 1 ms of the budget's end", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const old = new Worker(budget, clock, "old", [], 3, 10);
  budget.wait(old);
  for (let i = 0; i < 3; i++) await clock.comeRound();
  while (budget.begin(busy)) clock.time += 0.3;
  const newcomer = { servedMs: 0, onTurn() {} };
  assertEquals([budget.begin(newcomer), budget.begin(old)], [true, false]);
  assertEquals(budget.mayGoOn(), false, "one piece");
  budget.charge(newcomer);
  assertEquals(newcomer.servedMs < 0.1, true, "what others took before is not its own");
  clock.time += 0.9;
  assertEquals(budget.begin(newcomer), true);
  clock.time += 0.2;
  assertEquals(budget.begin(newcomer), false);
});

Deno.test("in one turn go as many as there is time for", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock));
  const told: string[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    budget.wait(new Worker(budget, clock, name, told, 1, 1));
  }
  await clock.comeRound();
  assertEquals(told, ["a", "b", "c"]);
  await clock.comeRound();
  assertEquals(told, ["a", "b", "c", "d", "e"]);
  budget.leave();
});

Deno.test("all contexts on the runtime's clock share one budget; time that stands still is never used up", () => {
  assertEquals(turnBudgetOf(systemClock), turnBudgetOf(systemClock));
  assertEquals(turnBudgetOf(new FakeClock()), UNLIMITED);
  for (let i = 0; i < 1000; i++) assertEquals(UNLIMITED.begin(busy) && UNLIMITED.mayGoOn(), true);
});

Deno.test("where one turn is enough for a look, it is renewed as soon as an overdue timer comes", () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock, 1));
  while (clock.timer === undefined) budget.begin(busy);
  clock.time = 3;
  while (budget.begin(busy));
  const { timer } = clock;
  clock.timer = undefined;
  timer!();
  assertEquals([budget.isSpent, budget.begin(busy)], [false, true]);
  budget.leave();
});

Deno.test("contexts over a network that brings its own budget have that one, and others share one", () => {
  const network: Network = {
    listen: () => {
      throw new Error("nobody listens");
    },
    connect: () => Promise.reject(new Error("nobody connects")),
  };
  const other = { ...network };
  const clock = new LoopClock();
  const budget = new TurnBudget(clock, 1);
  bringTurnBudget(network, budget);
  assertEquals(turnBudgetOf(systemClock, network) === budget, true);
  assertEquals(turnBudgetOf(systemClock, other) === turnBudgetOf(systemClock), true);
  const still = new FakeClock();
  assertEquals(turnBudgetOf(still, network) === UNLIMITED, true, "time that stands still");
  // A context that isn't made doesn't count.
  const protocols = [{ name: "x", callback: () => {} }];
  assertThrows(() => createContext({ port: 0, network, protocols }), Error, "nobody listens");
  for (let i = 0; i < 1000; i++) assertEquals(budget.begin(busy), true);
  assertEquals(clock.timer, undefined);
});
