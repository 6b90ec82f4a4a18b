import { assertEquals } from "@std/assert";
import type { Clock } from "../../../src/api/service.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { PatientClock } from "../../../src/service/patient_clock.ts";

interface SetTimer {
  readonly callback: () => void;
  readonly delayMs: number;
  keepsAlive: boolean;
}

/** A clock whose timers come when a test says so, however late. */
class LateClock implements Clock {
  time = 0;
  readonly timers: SetTimer[] = [];

  now = () => this.time;

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer = { callback, delayMs, keepsAlive: true };
    this.timers.push(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    const at = this.timers.indexOf(timer as SetTimer);
    if (at >= 0) this.timers.splice(at, 1);
  }

  keepAlive(timer: unknown, keeps: boolean): void {
    (timer as SetTimer).keepsAlive = keeps;
  }

  /** Lets the one timer that waits come at a time; the delay of the next one. */
  come(time: number): number | undefined {
    this.time = time;
    this.timers.shift()!.callback();
    return this.timers[0]?.delayMs;
  }
}

function setUp(delayMs: number) {
  const clock = new LateClock();
  const patient = new PatientClock(clock);
  let fired = 0;
  const timer = patient.setTimer(() => fired++, delayMs);
  return { clock, patient, timer, fired: () => fired };
}

Deno.test("a timer fires three turns of the event loop after it is due", () => {
  const { clock, fired } = setUp(1000);
  assertEquals(clock.timers[0]!.delayMs, 1000);
  assertEquals(clock.come(1000), 0);
  assertEquals(clock.come(1001), 0);
  assertEquals(clock.come(1002), 0);
  assertEquals(fired(), 0);
  assertEquals(clock.come(1003), undefined);
  assertEquals(fired(), 1);
});

for (const [lateMs, graceMs] of [[99, 0], [100, 100], [700, 700], [30_000, 1000]]) {
  Deno.test(`one that comes ${lateMs} ms late, as the program has blocked, leaves peers ${graceMs} ms`, () => {
    const { clock, fired } = setUp(1000);
    assertEquals(clock.come(1000 + lateMs!), graceMs);
    assertEquals([clock.come(40_000), clock.come(40_000)], [0, 0]);
    clock.come(40_000);
    assertEquals(fired(), 1);
  });
}

Deno.test("one that is cleared on the way never fires", () => {
  for (const turns of [0, 1, 2, 3]) {
    const { clock, patient, timer, fired } = setUp(1000);
    for (let i = 0; i < turns; i++) clock.come(1000);
    patient.clearTimer(timer);
    assertEquals([clock.timers.length, fired()], [0, 0]);
  }
  new PatientClock(new FakeClock()).clearTimer(undefined);
});

Deno.test("one that keeps no program alive doesn't on the way either, until it shall", () => {
  const { clock, patient, timer } = setUp(1000);
  patient.keepAlive!(timer, false);
  for (let turn = 0; turn < 3; turn++) {
    assertEquals(clock.timers[0]!.keepsAlive, false);
    clock.come(1000);
  }
  patient.keepAlive!(timer, true);
  assertEquals(clock.timers[0]!.keepsAlive, true);
});

Deno.test("time that stands still makes no difference: all happens in one advance", () => {
  const clock = new FakeClock(5);
  const patient = new PatientClock(clock);
  const seen: number[] = [];
  patient.setTimer(() => seen.push(patient.now()), 1000);
  clock.advance(999);
  assertEquals(seen, []);
  clock.advance(60_000);
  assertEquals(seen, [1005]);
  assertEquals(clock.pending, 0);
  assertEquals(patient.keepAlive, undefined);
});
