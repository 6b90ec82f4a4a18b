import { assert, assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../../../src/service/clock.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { ServicedClock } from "../../../src/service/serviced_clock.ts";
import { TimerWheel, WheelTimer } from "../../../src/service/timer_wheel.ts";

const TICK_MS = 16;
const HOUR_MS = 3_600_000;

/** A fake clock that counts how often it woke somebody. */
class CountingClock extends FakeClock {
  wakes = 0;
  longestDelay = 0;

  override setTimer(callback: () => void, delayMs: number): unknown {
    this.longestDelay = Math.max(this.longestDelay, delayMs);
    return super.setTimer(() => {
      this.wakes++;
      callback();
    }, delayMs);
  }
}

/** A clock whose time and whose timer a test moves apart, as a sleeping laptop does. */
class JumpingClock {
  time = 0;
  callback: (() => void) | undefined;
  now = () => this.time;

  setTimer(callback: () => void): unknown {
    this.callback = callback;
    return callback;
  }

  clearTimer(): void {
    this.callback = undefined;
  }

  wake(): void {
    const callback = this.callback;
    this.callback = undefined;
    callback?.();
  }
}

/** A clock whose timers need not keep a program alive, as the runtime's. */
class ReleasingClock extends FakeClock {
  /** How many timers keep the program alive. */
  holding = 0;

  override setTimer(callback: () => void, delayMs: number): unknown {
    this.holding = 1;
    return super.setTimer(() => {
      this.holding = 0;
      callback();
    }, delayMs);
  }

  override clearTimer(timer: unknown): void {
    this.holding = 0;
    super.clearTimer(timer);
  }

  keepAlive(_timer: unknown, keeps: boolean): void {
    this.holding = keeps ? 1 : 0;
  }
}

const timerThat = (onTimeout: () => void): WheelTimer => new WheelTimer({ onTimeout });

/** Numbers from 0 to 1, the same ones for the same seed (Numerical Recipes' constants). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

Deno.test("a timer fires once, never early and at most one tick late", () => {
  const delays = [0, 0.5, 1, 15, 16, 17, 1_008, 1_023, 1_024, 1_025, 15_000, 65_535, 65_536];
  for (const start of [0, 5.3, 15.999, 16, 1e6 + 7, 2 ** 34 - 20, 1.8e12, -1e9, -3]) {
    for (const delay of delays) {
      const clock = new FakeClock(start);
      const wheel = new TimerWheel(clock);
      const fired: number[] = [];
      wheel.arm(timerThat(() => fired.push(clock.now())), delay);
      clock.advance(2 * delay + 100);
      const context = `start ${start}, delay ${delay}, fired ${fired}`;
      assertEquals(fired.length, 1, context);
      assert(fired[0]! >= start + delay, context);
      assert(fired[0]! <= start + delay + TICK_MS, context);
    }
  }
});

Deno.test("delays of 2^31 ms and far beyond are kept to", () => {
  for (const delay of [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 34 + 3, 2 ** 36, 2 ** 40 + 12_345]) {
    for (const start of [0, 2 ** 34 - 1, 123_456_789]) {
      const clock = new CountingClock(start);
      const wheel = new TimerWheel(clock);
      const fired: number[] = [];
      wheel.arm(timerThat(() => fired.push(clock.now())), delay);
      clock.advance(delay - 1);
      assertEquals(fired, []);
      clock.advance(1 + TICK_MS);
      assertEquals(fired.length, 1);
      assert(clock.longestDelay < 2 ** 31, "setTimeout can't wait longer");
      assertEquals(clock.pending, 0);
    }
  }
});

Deno.test("timers beyond the top level keep company with near ones", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const window = TICK_MS * 2 ** 30;
  wheel.arm(timerThat(() => fired.push("third window")), 2 * window + 5);
  wheel.arm(timerThat(() => fired.push("second window")), window + 5);
  wheel.arm(timerThat(() => fired.push("fourth window")), 3 * window + 5);
  wheel.arm(timerThat(() => fired.push("near")), 5);
  assertEquals(wheel.size, 4);
  clock.advance(window);
  assertEquals(fired, ["near"]);
  clock.advance(3 * window);
  assertEquals(fired, ["near", "second window", "third window", "fourth window"]);
  assertEquals(wheel.size, 0);
});

Deno.test("a timer whose delay is negative or no number fires on the next tick", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  let fired = 0;
  wheel.arm(timerThat(() => fired++), -1);
  wheel.arm(timerThat(() => fired++), NaN);
  assertEquals(fired, 0);
  clock.advance(TICK_MS);
  assertEquals(fired, 2);
});

Deno.test("a timer without end never fires and may be cancelled", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const timer = timerThat(() => assert(false));
  wheel.arm(timer, Infinity);
  clock.advance(2 ** 36);
  assert(timer.pending);
  wheel.cancel(timer);
  assertEquals(clock.pending, 0);
});

Deno.test("the clock holds one timer for all, and none when nothing is pending", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  assertEquals(clock.pending, 0);
  const timers = Array.from({ length: 100 }, () => timerThat(() => {}));
  for (const [i, timer] of timers.entries()) {
    wheel.arm(timer, (100 - i) * 50);
    assertEquals(clock.pending, 1);
  }
  for (const timer of timers) {
    assertEquals(clock.pending, 1);
    wheel.cancel(timer);
  }
  assertEquals(clock.pending, 0);
  wheel.arm(timers[0]!, 20);
  clock.advance(40);
  assertEquals(clock.pending, 0);
});

Deno.test("a clock's timer that is not needed any more stays for the next, and lets the program end", () => {
  const clock = new ReleasingClock();
  const wheel = new TimerWheel(clock);
  const timer = timerThat(() => {});
  wheel.arm(timer, 5_000);
  const set = clock.holding;
  wheel.cancel(timer);
  assertEquals([set, clock.holding, clock.pending], [1, 0, 1]);
  wheel.arm(timer, 6_000);
  assertEquals([clock.holding, clock.pending], [1, 1]);
  wheel.stop();
  assertEquals(clock.pending, 0);
});

Deno.test("ten thousand idle timers wake the wheel a few times, not every tick", () => {
  const clock = new CountingClock(777);
  const wheel = new TimerWheel(clock);
  let fired = 0;
  for (let i = 0; i < 10_000; i++) wheel.arm(timerThat(() => fired++), 15_000);
  clock.advance(14_999);
  assertEquals(fired, 0);
  assert(clock.wakes <= 3, `${clock.wakes} wakes`);
  clock.advance(1 + TICK_MS);
  assertEquals(fired, 10_000);
  assert(clock.wakes <= 4, `${clock.wakes} wakes`);
});

Deno.test("re-arming moves a timer, sooner and later", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: number[] = [];
  const timer = timerThat(() => fired.push(clock.now()));
  wheel.arm(timer, 1_000);
  wheel.arm(timer, 32);
  assertEquals(wheel.size, 1);
  clock.advance(31);
  wheel.arm(timer, 5_000);
  assertEquals(wheel.size, 1);
  clock.advance(5_000);
  assertEquals(fired, []);
  clock.advance(TICK_MS);
  assertEquals(fired, [5_040]);
  assertEquals(timer.pending, false);
});

Deno.test("a cancelled timer doesn't fire, and cancelling is harmless when repeated", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const timers = ["a", "b", "c"].map((name) => timerThat(() => fired.push(name)));
  for (const timer of timers) wheel.arm(timer, 100);
  wheel.cancel(timers[1]!);
  wheel.cancel(timers[1]!);
  assertEquals([wheel.size, timers[1]!.pending], [2, false]);
  clock.advance(200);
  wheel.cancel(timers[0]!);
  assertEquals(fired, ["a", "c"]);
  assertEquals(wheel.size, 0);
});

Deno.test("timers of one tick fire in the order in which they were armed", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: number[] = [];
  // All for the tick at 8,000 ms, from ever nearer, so from different levels.
  for (let i = 0; i < 8; i++) {
    wheel.arm(timerThat(() => fired.push(i)), 8_000 - clock.now());
    clock.advance(999);
  }
  clock.advance(TICK_MS);
  assertEquals(fired, [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("an owner may re-arm its own timer, also without delay", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: number[] = [];
  const timer = timerThat(() => {
    assertEquals(timer.pending, false);
    fired.push(clock.now());
    wheel.arm(timer, fired.length < 3 ? 0 : 100);
  });
  wheel.arm(timer, 10);
  clock.advance(100);
  assertEquals(fired, [16, 32, 48]);
  clock.advance(100);
  assertEquals(fired.length, 4);
});

Deno.test("an owner may cancel and re-arm timers of the same tick", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const first = timerThat(() => {
    fired.push("first");
    wheel.cancel(cancelled);
    wheel.arm(moved, 1_000);
    wheel.arm(added, 40);
  });
  const cancelled = timerThat(() => fired.push("cancelled"));
  const moved = timerThat(() => fired.push("moved"));
  const last = timerThat(() => fired.push("last"));
  const added = timerThat(() => fired.push("added"));
  for (const timer of [first, cancelled, moved, last]) wheel.arm(timer, 10);
  clock.advance(16);
  assertEquals(fired, ["first", "last"]);
  clock.advance(1_100);
  assertEquals(fired, ["first", "last", "added", "moved"]);
});

Deno.test("an owner may stop the wheel, which cancels everything, and use it again", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  let fired = 0;
  const far = timerThat(() => fired++);
  wheel.arm(timerThat(() => wheel.stop()), 10);
  wheel.arm(timerThat(() => fired++), 10);
  wheel.arm(far, 10_000);
  wheel.arm(timerThat(() => fired++), 2 ** 36);
  clock.advance(16);
  assertEquals([wheel.size, clock.pending, far.pending], [0, 0, false]);
  clock.advance(20_000);
  assertEquals(fired, 0);
  wheel.arm(far, 10);
  clock.advance(32);
  assertEquals(fired, 1);
});

Deno.test("stop leaves the clock without a timer", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  wheel.arm(timerThat(() => {}), 10);
  wheel.stop();
  wheel.stop();
  assertEquals([wheel.size, clock.pending], [0, 0]);
});

Deno.test("owners that throw keep nobody from their turn; the first error comes out", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  wheel.arm(
    timerThat(() => {
      throw new Error("first failure");
    }),
    10,
  );
  wheel.arm(
    timerThat(() => {
      throw new Error("second failure");
    }),
    10,
  );
  wheel.arm(timerThat(() => fired.push("same tick")), 10);
  wheel.arm(timerThat(() => fired.push("later")), 1_000);
  assertThrows(() => clock.advance(16), Error, "first failure");
  assertEquals(fired, ["same tick"]);
  clock.advance(1_100);
  assertEquals(fired, ["same tick", "later"]);
});

Deno.test("after a jump of hours all that is due fires in order", () => {
  const clock = new JumpingClock();
  const wheel = new TimerWheel(clock, 1);
  const fired: number[] = [];
  for (const delay of [5_000, 7, 9 * HOUR_MS, 70_000, 100 * HOUR_MS, 2 * HOUR_MS]) {
    wheel.arm(timerThat(() => fired.push(delay)), delay);
  }
  clock.time = 10 * HOUR_MS;
  clock.wake();
  assertEquals(fired, [7, 5_000, 70_000, 2 * HOUR_MS, 9 * HOUR_MS]);
  clock.time = 100 * HOUR_MS - 1;
  clock.wake();
  assertEquals(fired.length, 5);
  clock.time++;
  clock.wake();
  assertEquals(fired.at(-1), 100 * HOUR_MS);
});

Deno.test("after a jump, what an owner arms counts from the time it is now", () => {
  const clock = new JumpingClock();
  const wheel = new TimerWheel(clock);
  let again = 0;
  const rearmed = timerThat(() => again++);
  wheel.arm(timerThat(() => wheel.arm(rearmed, 1_024)), 100);
  clock.time = HOUR_MS;
  clock.wake();
  clock.wake();
  assertEquals(again, 0);
  clock.time += 1_023;
  clock.wake();
  assertEquals(again, 0);
  clock.time += 1 + TICK_MS;
  clock.wake();
  assertEquals(again, 1);
});

Deno.test("what the last owner arms after a jump doesn't fire with it, though it shares its slot", () => {
  const clock = new JumpingClock();
  const wheel = new TimerWheel(clock);
  let again = 0;
  const rearmed = timerThat(() => again++);
  wheel.arm(timerThat(() => wheel.arm(rearmed, 2 * TICK_MS)), 7 * TICK_MS);
  clock.time = (10 * 64 + 5) * TICK_MS;
  clock.wake();
  assertEquals(again, 0);
  clock.time += 2 * TICK_MS;
  clock.wake();
  assertEquals(again, 1);
});

Deno.test("a clock that wakes the wheel too early makes nothing fire early", () => {
  const clock = new JumpingClock();
  const wheel = new TimerWheel(clock);
  let fired = 0;
  wheel.arm(timerThat(() => fired++), 20);
  clock.time = 31.9;
  clock.wake();
  assertEquals(fired, 0);
  clock.time = 32;
  clock.wake();
  assertEquals(fired, 1);
  assertEquals(clock.callback, undefined);
});

Deno.test("the wheel runs on the runtime's own time", async () => {
  const wheel = new TimerWheel(systemClock, 1);
  const started = systemClock.now();
  await new Promise<void>((resolve) => wheel.arm(timerThat(resolve), 3));
  assert(systemClock.now() - started >= 3);
  const idle = timerThat(() => {});
  wheel.arm(idle, HOUR_MS);
  wheel.cancel(idle);
  wheel.stop();
});

Deno.test("a tick is a whole number of milliseconds from 1", () => {
  for (const tickMs of [0, -1, 0.5, NaN, Infinity]) {
    assertThrows(() => new TimerWheel(new FakeClock(), tickMs), RangeError);
  }
});

Deno.test("the wheel agrees with a sorted list under random use", () => {
  for (let seed = 1; seed <= 60; seed++) agreesWithSortedList(seed);
});

interface Expected {
  readonly id: number;
  readonly tick: number;
  readonly order: number;
}

/**
 * Arms, cancels and advances at random, from outside and from inside the callbacks, and holds what
 * fires against a list that is searched from end to end for the first by tick, then by age.
 */
function agreesWithSortedList(seed: number): void {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const tickMs = [1, 10, 16][seed % 3]!;
  const start = below(2) === 0 ? below(1e6) : tickMs * 2 ** 30 - below(5_000);
  const clock = seed % 2 === 0 ? new FakeClock(start) : new ReleasingClock(start);
  const wheel = new TimerWheel(clock, tickMs);
  const expected = new Map<number, Expected>();
  const timers: WheelTimer[] = [];
  let orders = 0;
  let fired = 0;

  // From a millisecond to some 50 days: every level, without preferring the top one.
  const delay = () => 1 + below(2 ** (1 + below(32)));
  const arm = (id: number) => {
    const delayMs = delay();
    wheel.arm(timers[id]!, delayMs);
    expected.set(id, { id, tick: Math.ceil((clock.now() + delayMs) / tickMs), order: orders++ });
  };
  const cancel = (id: number) => {
    wheel.cancel(timers[id]!);
    expected.delete(id);
  };
  const onTimeout = (id: number) => {
    const [next] = [...expected.values()].sort((a, b) => a.tick - b.tick || a.order - b.order);
    assertEquals(id, next?.id, `seed ${seed}: the wrong timer fired`);
    assertEquals(clock.now(), next!.tick * tickMs, `seed ${seed}: fired at the wrong time`);
    expected.delete(id);
    fired++;
    if (below(3) === 0) arm(below(timers.length));
    if (below(3) === 0) cancel(below(timers.length));
  };
  for (let id = 0; id < 40; id++) timers.push(timerThat(() => onTimeout(id)));

  for (let step = 0; step < 300; step++) {
    const id = below(timers.length);
    if (below(3) === 0) cancel(id);
    else arm(id);
    if (below(2) === 0) clock.advance(delay() / 4);
    assertEquals(wheel.size, expected.size, `seed ${seed}`);
    const holding = clock instanceof ReleasingClock ? clock.holding : clock.pending;
    assertEquals(holding, expected.size === 0 ? 0 : 1, `seed ${seed}`);
    for (const [id, timer] of timers.entries()) assertEquals(timer.pending, expected.has(id));
    const overdue = [...expected.values()].some((one) => one.tick * tickMs <= clock.now());
    assertEquals(overdue, false, `seed ${seed}: something is overdue`);
  }
  assert(fired > 20, `seed ${seed}: only ${fired} fired`);
  wheel.stop();
}

Deno.test("the recent time is asked of the clock once in two ticks, and leaves no timer behind", () => {
  let asked = 0;
  class AskedClock extends FakeClock {
    override now(): number {
      asked++;
      return super.now();
    }
  }
  const clock = new AskedClock(1000.5);
  const wheel = new TimerWheel(clock);
  const timer = new WheelTimer({ onTimeout: () => {} });
  wheel.arm(timer, HOUR_MS);
  assertEquals(wheel.recently(), 1000);
  const before = asked;
  for (let i = 0; i < 1000; i++) assertEquals(wheel.recently(), 1000);
  assertEquals(asked, before);
  for (const ms of [2 * TICK_MS, 5_000, HOUR_MS / 2]) {
    clock.advance(ms);
    assertEquals(wheel.recently(), Math.floor(clock.now()));
  }
  wheel.cancel(timer);
  assertEquals([wheel.size, clock.pending], [0, 0]);
});

Deno.test("where timers wait for the program, the recent time is the time", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(new ServicedClock(clock, () => {}));
  assertEquals(wheel.recently(), 0);
  clock.advance(TICK_MS);
  assertEquals(wheel.recently(), TICK_MS);
  assertEquals(wheel.size, 0);
});

Deno.test("who is held up is asked again every 50 ms, with the times, until a verdict is just", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock, TICK_MS);
  const asked: number[] = [];
  let isHeldUp = true;
  let fired = 0;
  const timer = new WheelTimer({
    isHeldUp(times) {
      asked.push(times);
      return isHeldUp;
    },
    onTimeout: () => fired++,
  });
  wheel.arm(timer, 160);
  clock.advance(160);
  assertEquals([asked, fired, timer.pending], [[0], 0, true]);
  clock.advance(128);
  assertEquals(asked, [0, 1, 2]);
  wheel.arm(timer, 160);
  clock.advance(176);
  assertEquals(asked.at(-1), 0, "armed anew, it counts anew");
  isHeldUp = false;
  clock.advance(64);
  assertEquals([fired, timer.pending], [1, false]);
});
