import { assertEquals } from "@std/assert";
import { LineLimiter } from "../../../../src/base/log/limiter.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";

function limiter() {
  const told: string[] = [];
  return { told, it: new LineLimiter<string>((level, text) => told.push(`${level}: ${text}`)) };
}

/** How many of so many lines of a kind pass. */
function passing(it: LineLimiter<string>, kind: string, count: number, level = "info"): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (it.passes(level, kind)) passed++;
  return passed;
}

Deno.test("five lines of a kind pass in a second, and its end tells how many more there were", () => {
  const { it, told } = limiter();
  const clock = new FakeClock();
  const takeBack = it.lend(clock);
  assertEquals(passing(it, "a", 5), 5);
  assertEquals(clock.pending, 0);
  assertEquals([passing(it, "a", 1_234), passing(it, "b", 2), clock.pending], [0, 2, 1]);
  // Of another level it is another kind.
  assertEquals(passing(it, "a", 1, "warn"), 1);
  clock.advance(999);
  assertEquals([told, passing(it, "a", 1)], [[], 0]);
  clock.advance(1);
  assertEquals(told, ["info: and 1,235 more: a"]);
  assertEquals([passing(it, "a", 6), clock.pending], [5, 1]);
  takeBack();
  assertEquals([told[1], clock.pending], ["info: and 1 more: a", 0]);
  takeBack();
});

Deno.test("without a context's clock the next line tells, and a new log does", () => {
  const { it, told } = limiter();
  assertEquals(passing(it, "a", 7), 5);
  it.reset();
  assertEquals(told, ["info: and 2 more: a"]);
  assertEquals(passing(it, "a", 5), 5);
});

Deno.test("the timer stays with the context that is left", () => {
  const { it, told } = limiter();
  const clocks = [new FakeClock(), new FakeClock(1_000_000)];
  const [first, second] = clocks.map((each) => it.lend(each));
  assertEquals(passing(it, "a", 6), 5);
  assertEquals(clocks.map((each) => each.pending), [0, 1]);
  second!();
  assertEquals([told, clocks.map((each) => each.pending)], [["info: and 1 more: a"], [0, 0]]);
  assertEquals(passing(it, "a", 6), 5);
  assertEquals(clocks.map((each) => each.pending), [1, 0]);
  first!();
  assertEquals(clocks.map((each) => each.pending), [0, 0]);
});

Deno.test("more kinds than 256 in a second are one", () => {
  const { it, told } = limiter();
  const clock = new FakeClock();
  const takeBack = it.lend(clock);
  let passed = 0;
  for (let i = 0; i < 10_000; i++) passed += passing(it, `kind ${i}`, 1);
  assertEquals([passed, it.size], [256 + 5, 257]);
  clock.advance(1_000);
  assertEquals([told, it.size], [["info: and 9,739 more: lines of other kinds"], 0]);
  takeBack();
});
