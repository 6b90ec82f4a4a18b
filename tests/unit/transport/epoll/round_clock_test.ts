import { assertEquals } from "@std/assert";
import { RoundClock } from "../../../../src/transport/epoll/round_clock.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

Deno.test("a timer comes when the next round begins, and in no turn before", async () => {
  const clock = new RoundClock();
  const told: string[] = [];
  clock.begin();
  clock.setTimer(() => told.push("timer"));
  await nextTurn();
  await nextTurn();
  assertEquals(told, []);
  clock.begin();
  assertEquals(told, ["timer"]);
  clock.begin();
  await nextTurn();
  assertEquals(told, ["timer"]);
});

Deno.test("while no round follows a timer comes in a turn of the event loop", async () => {
  const clock = new RoundClock();
  const told: string[] = [];
  clock.setTimer(() => told.push("before any round"));
  await nextTurn();
  assertEquals(told, ["before any round"]);
  clock.begin();
  clock.setTimer(() => told.push("behind the last round"));
  clock.rest();
  await nextTurn();
  clock.begin();
  assertEquals(told, ["before any round", "behind the last round"]);
});

Deno.test("a timer that is cleared never comes", async () => {
  const clock = new RoundClock();
  const told: string[] = [];
  clock.setTimer(() => told.push("in a turn"));
  clock.clearTimer();
  await nextTurn();
  clock.begin();
  clock.setTimer(() => told.push("in a round"));
  clock.clearTimer();
  clock.begin();
  clock.rest();
  await nextTurn();
  assertEquals(told, []);
});
