import { assertEquals } from "@std/assert";
import { TurnOrder, type TurnTaker } from "../../../../src/service/turns/order.ts";

class Named implements TurnTaker {
  readonly name: string;
  servedMs: number;

  constructor(name: string, servedMs = 0) {
    this.name = name;
    this.servedMs = servedMs;
  }

  onTurn(): void {}
}

/** The names of all in their order. */
function drain(order: TurnOrder, littleFirst: boolean): string {
  const names = [];
  for (let next = order.next(littleFirst); next !== undefined; next = order.next(littleFirst)) {
    names.push((next as Named).name);
  }
  return names.join(" ");
}

function orderOf(...waiting: [name: string, servedMs: number, bytes: number][]): TurnOrder {
  const order = new TurnOrder();
  for (const [name, servedMs, bytes] of waiting) order.add(new Named(name, servedMs), bytes);
  order.sort();
  return order;
}

Deno.test("turns go to what was served least, and of those served alike to what has least to take", () => {
  const order = orderOf(["c", 1, 65_536], ["d", 1.5, 0], ["b", 1, 8_192], ["a", 0, 65_536]);
  assertEquals([drain(order, false), order.length], ["a b c d", 0]);
});

Deno.test("what waits with up to 4 KiB goes before all others where little goes first, and else in its place", () => {
  const waiting: [string, number, number][] = [
    ["much", 1, 4_097],
    ["little", 5, 4_096],
    ["least", 2, 1],
    ["unknown", 3, 0],
  ];
  assertEquals(drain(orderOf(...waiting), true), "least little much unknown");
  assertEquals(drain(orderOf(...waiting), false), "much least unknown little");
});

Deno.test("what comes behind the sorting waits for the next one", () => {
  const order = orderOf(["first", 1, 0]);
  order.add(new Named("late"), 1);
  assertEquals([drain(order, true), order.length], ["first", 1]);
  order.sort();
  assertEquals(drain(order, true), "late");
});

Deno.test("newcomers begin where the one stands that was served least, not where little went first", () => {
  const order = orderOf(["little", 9, 1], ["much", 2, 65_536], ["more", 3, 65_536]);
  order.next(true);
  assertEquals(order.oldMs, 0);
  order.next(true);
  assertEquals(order.oldMs, 2);
  const newcomer = new Named("new");
  order.add(newcomer, 1);
  assertEquals(newcomer.servedMs, 2);
  order.next(true);
  order.sort();
  order.next(true);
  assertEquals([order.oldMs, order.length], [3, 0], "never younger again");
});
