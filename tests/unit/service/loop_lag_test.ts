/** The lag of an event loop, by a clock whose timers come late. */

import { assertEquals } from "@std/assert";
import { LoopLag } from "../../../src/service/loop_lag.ts";
import { LateClock } from "../../support/clocks/late_clock.ts";

Deno.test("who never asks pays nothing, and looks end a minute behind the last question", () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock);
  assertEquals([clock.pending, lag.ms, clock.pending], [0, 0, 1]);
  clock.advance(59_900);
  assertEquals([lag.ms, clock.pending], [0, 1]);
  clock.advance(60_000);
  assertEquals(clock.pending, 1);
  clock.advance(100);
  assertEquals(clock.pending, 0);
  assertEquals([lag.ms, clock.pending], [0, 1]);
});

Deno.test("a lag is how late the timer came, and fades by half from look to look", () => {
  const clock = new LateClock();
  const seen: number[] = [];
  const lag: LoopLag = new LoopLag(clock, () => seen.push(lag.ms));
  assertEquals(lag.ms, 0);
  clock.lag(80);
  clock.advance(100);
  clock.advance(100);
  clock.lag(50);
  clock.advance(100);
  clock.advance(200);
  assertEquals(seen, [80, 40, 50, 25, 12.5]);
});

Deno.test("while the timer is overdue the lag grows", () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock);
  assertEquals(lag.ms, 0);
  clock.lag(100);
  assertEquals(lag.ms, 0);
  clock.lag(30);
  assertEquals(lag.ms, 30);
  clock.lag(30);
  assertEquals(lag.ms, 60);
});

Deno.test("once it is stopped nothing is looked at, however often it is asked", () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock);
  assertEquals(lag.ms, 0);
  lag.stop();
  clock.lag(1_000);
  assertEquals([lag.ms, clock.pending], [0, 0]);
});
