import { assertEquals } from "@std/assert";
import { TurnOrder, type TurnTaker } from "../../../../src/service/turns/order.ts";
import { keptOf } from "../../../support/collected.ts";

class Named implements TurnTaker {
  readonly name: string;
  servedMs: number;

  constructor(name: string, servedMs = 0) {
    this.name = name;
    this.servedMs = servedMs;
  }

  onTurn(): void {}
}

/** The names of so many that have a turn of 1 ms each. */
function turns(order: TurnOrder, count = Infinity): string[] {
  const names: string[] = [];
  while (names.length < count) {
    const next = order.next();
    if (next === undefined) break;
    order.took(1);
    names.push((next as Named).name);
  }
  return names;
}

function orderOf(...waiting: [name: string, servedMs: number, bytes: number, times?: number][]) {
  const order = new TurnOrder();
  for (const [name, servedMs, bytes, times = 1] of waiting) {
    for (let i = 0; i < times; i++) order.add(new Named(name, servedMs), bytes);
  }
  order.sort();
  return order;
}

const counted = (names: string[], name: string) => names.filter((each) => each === name).length;

Deno.test("turns go to what was served least, and of those served alike to what has least to take", () => {
  const order = orderOf(["c", 1, 65_536], ["d", 1.5, 0], ["b", 1, 8_192], ["a", 0, 65_536]);
  const names = [];
  for (let next = order.next(); next !== undefined; next = order.next()) {
    order.took(0);
    names.push((next as Named).name);
  }
  assertEquals([names.join(" "), order.length], ["a b c d", 0]);
});

Deno.test("of the time four parts go to what was served least, two to what has little, one to what waits longest", () => {
  const order = orderOf(
    ["longest", 100, 0, 20],
    ["much", 50, 4_097, 20],
    ["little", 50, 4_096, 20],
    ["new", 0, 0, 20],
  );
  const names = turns(order, 14);
  assertEquals(["new", "little", "longest", "much"].map((name) => counted(names, name)), [
    8,
    4,
    2,
    0,
  ]);
  const rest = turns(order);
  assertEquals(
    [rest.length, counted(rest, "longest"), order.length],
    [66, 18, 0],
    "each has one turn",
  );
});

Deno.test("parts are of time, not of turns", () => {
  const order = orderOf(["longest", 100, 0, 30], ["new", 0, 0, 30]);
  const names = [];
  for (let i = 0; i < 26; i++) {
    const { name } = order.next() as Named;
    order.took(name === "longest" ? 3 : 1);
    names.push(name);
  }
  assertEquals(counted(names, "longest"), 2, names.join());
});

Deno.test("what had nothing little to choose from for long has nothing to make up for", () => {
  const order = orderOf(["much", 0, 0, 200]);
  turns(order, 100);
  for (let i = 0; i < 20; i++) order.add(new Named("little", 50), 1);
  order.sort();
  assertEquals(counted(turns(order, 14), "little"), 4);
});

Deno.test("what comes behind the sorting waits for the next one", () => {
  const order = orderOf(["first", 1, 0]);
  order.add(new Named("late"), 1);
  assertEquals([turns(order), order.length], [["first"], 1]);
  order.sort();
  assertEquals(turns(order), ["late"]);
});

Deno.test("newcomers begin where the one stands that was served least, not where another line is", () => {
  const order = orderOf(["longest", 9, 1], ["much", 2, 65_536], ["more", 3, 65_536], [
    "last",
    3,
    65_536,
  ]);
  assertEquals([turns(order, 2), order.oldMs], [["much", "longest"], 2]);
  const newcomer = new Named("new");
  order.add(newcomer, 1);
  assertEquals(newcomer.servedMs, 2);
  turns(order);
  order.sort();
  turns(order);
  assertEquals([order.oldMs, order.length], [3, 0], "never younger again");
});

Deno.test("what has had its turn is not kept, though nothing else comes", async () => {
  const order = new TurnOrder();
  const seen = new Map<string, WeakRef<object>>();
  const wait = (...names: string[]) => {
    for (const name of names) {
      const taker = new Named(name);
      seen.set(name, new WeakRef(taker));
      order.add(taker, name === "little" ? 1 : 65_536);
    }
    order.sort();
  };
  wait("little", "much", "more");
  turns(order, 2);
  // Another line may still have chosen them.
  wait("late");
  assertEquals((await keptOf(seen)).toSorted(), ["late", "more"]);
  turns(order, 2);
  assertEquals([order.length, await keptOf(seen)], [0, []], "and the time of the turn is over");
});
