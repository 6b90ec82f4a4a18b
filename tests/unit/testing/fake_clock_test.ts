import { assertEquals, assertThrows } from "@std/assert";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

Deno.test("time stands still until it is advanced", () => {
  const clock = new FakeClock(100);
  assertEquals(clock.now(), 100);
  clock.advance(2.5);
  assertEquals(clock.now(), 102.5);
});

Deno.test("due timers run in order of time, each at its own time", () => {
  const clock = new FakeClock();
  const seen: [string, number][] = [];
  clock.setTimer(() => seen.push(["late", clock.now()]), 30);
  clock.setTimer(() => seen.push(["early", clock.now()]), 10);
  clock.setTimer(() => seen.push(["beyond", clock.now()]), 31);
  clock.advance(30);
  assertEquals(seen, [["early", 10], ["late", 30]]);
  assertEquals(clock.pending, 1);
  assertEquals(clock.now(), 30);
});

Deno.test("timers of one time run in the order in which they were set", () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) clock.setTimer(() => seen.push(i), 10);
  clock.advance(10);
  assertEquals(seen, [0, 1, 2, 3, 4]);
});

Deno.test("what a callback arms runs in the same advance when it is due by then", () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  const again = () => {
    seen.push(clock.now());
    clock.setTimer(again, 10);
  };
  clock.setTimer(again, 10);
  clock.advance(35);
  assertEquals(seen, [10, 20, 30]);
  assertEquals(clock.now(), 35);
});

Deno.test("a cleared timer does not run, also when a callback of the same time clears it", () => {
  const clock = new FakeClock();
  let ran = false;
  clock.setTimer(() => clock.clearTimer(doomed), 10);
  const doomed = clock.setTimer(() => ran = true, 10);
  clock.advance(10);
  clock.clearTimer(doomed);
  clock.clearTimer(undefined);
  assertEquals(ran, false);
  assertEquals(clock.pending, 0);
});

Deno.test("a timer without delay runs with an advance of 0, not before", () => {
  const clock = new FakeClock();
  let ran = 0;
  clock.setTimer(() => ran++, 0);
  clock.setTimer(() => ran++, -5);
  assertEquals(ran, 0);
  clock.advance(0);
  assertEquals(ran, 2);
  assertEquals(clock.now(), 0);
});

Deno.test("a callback may advance the clock; time never goes back", () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  clock.setTimer(() => clock.advance(50), 10);
  clock.setTimer(() => seen.push(clock.now()), 20);
  clock.setTimer(() => seen.push(clock.now()), 90);
  clock.advance(30);
  assertEquals(seen, [20]);
  assertEquals(clock.now(), 60);
});

Deno.test("what a callback throws comes out of advance and loses no other timer", () => {
  const clock = new FakeClock();
  let ran = false;
  clock.setTimer(() => {
    throw new Error("broken");
  }, 10);
  clock.setTimer(() => ran = true, 20);
  assertThrows(() => clock.advance(30), Error, "broken");
  assertEquals(clock.now(), 10);
  clock.advance(20);
  assertEquals(ran, true);
});

Deno.test("time goes forward only", () => {
  const clock = new FakeClock();
  assertThrows(() => clock.advance(-1), RangeError);
  assertThrows(() => clock.advance(NaN), RangeError);
});
