/** When established connections are probed, by a clock that a test moves. */

import { assert, assertEquals } from "@std/assert";
import { KeepAlive } from "../../../src/connection/keep_alive.ts";
import { PAUSED, type Probed, type Probing, UNPROBED } from "../../../src/connection/probing.ts";
import { TimerWheel } from "../../../src/service/timer_wheel.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

const TICK = 16;
const TIME = 60_000;
const SETTINGS = { timeMs: TIME, probes: 2, intervalMs: 10_000 };

/** A session whose peer does what a test says. */
class Session implements Probed {
  readonly outbox = { isWriting: false, unsent: 0 };
  readonly connection = {
    socketFd: 0,
    isPaused: false,
    isEstablished: true,
    outbox: this.outbox,
    isHeldUp: () => false,
  };
  aliveAt: number = UNPROBED;
  probing: Probing | undefined;
  probes = 0;
  missed = 0;
  isSilent = false;
  onProbe: () => void = () => {};

  sendProbe(): void {
    this.probes++;
    this.onProbe();
  }

  onMissed(): void {
    this.missed++;
  }

  onSilent(): void {
    this.isSilent = true;
  }
}

function house(startMs = 0) {
  const clock = new FakeClock(startMs);
  const wheel = new TimerWheel(clock);
  const sessions = new Map<number, Session>();
  const keepAlive = new KeepAlive(SETTINGS, wheel, (socketFd) => sessions.get(socketFd));
  return {
    clock,
    wheel,
    keepAlive,
    begin(): Session {
      const session = new Session();
      session.connection.socketFd = sessions.size + 1;
      sessions.set(session.connection.socketFd, session);
      keepAlive.begin(session);
      return session;
    },
    gone(session: Session): void {
      sessions.delete(session.connection.socketFd);
      keepAlive.end(session);
    },
  };
}

for (const startMs of [0, -1_000_000, 2 ** 40]) {
  Deno.test(`each is probed kaTime behind its last sign of life, on a clock from ${startMs}`, () => {
    const { clock, keepAlive, begin } = house(startMs);
    const latest = new Map<Session, number>();
    let probes = 0;
    for (let step = 0; step < 2000; step++) {
      if (step % 20 === 0) {
        const session = begin();
        latest.set(session, clock.now());
        session.onProbe = () => {
          probes++;
          const silence = clock.now() - latest.get(session)!;
          assert(Math.abs(silence - TIME) <= 3 * TICK, `${silence} ms behind the last sign`);
          clock.setTimer(() => keepAlive.heard(session), 1);
          latest.set(session, clock.now() + 1);
        };
      }
      for (const [i, session] of [...latest.keys()].entries()) {
        if ((step * 7 + i * 13) % 97 !== 0) continue;
        keepAlive.heard(session);
        latest.set(session, clock.now());
      }
      clock.advance(step % 5 === 0 ? 1 : 997);
    }
    for (const session of latest.keys()) session.onProbe = () => probes++;
    const before = probes;
    clock.advance(TIME + TICK);
    assertEquals(probes - before >= latest.size, true, "none is forgotten");
  });
}

Deno.test("those that are idle have no timer of their own, and none is left behind them", () => {
  const { clock, wheel, begin, gone } = house();
  const sessions = Array.from({ length: 1000 }, begin);
  assertEquals(wheel.size, 1);
  assert(sessions.every(({ probing }) => probing === undefined));
  clock.advance(TIME / 2);
  assertEquals(wheel.size, 1);
  clock.advance(TIME);
  assert(sessions.every(({ probes }) => probes === 3 || probes === 2));
  for (const session of sessions) gone(session);
  assertEquals(wheel.size, 0);
  assert(sessions.every(({ probing }) => probing === undefined));
  const later = begin();
  clock.advance(TIME + TICK);
  assertEquals(later.probes, 1, "and it begins anew");
  gone(later);
  assertEquals(wheel.size, 0);
});

Deno.test("a probe that is answered leaves nothing behind, one that isn't ends its connection", () => {
  const { clock, wheel, keepAlive, begin } = house();
  const [answering, silent] = [begin(), begin()];
  answering.onProbe = () => clock.setTimer(() => keepAlive.heard(answering), 1);
  clock.advance(TIME + 2 * TICK);
  assertEquals([answering.probes, silent.probes], [1, 1]);
  clock.advance(SETTINGS.intervalMs + 2 * TICK);
  assertEquals(answering.probing, undefined);
  assertEquals(silent.probes, 2);
  clock.advance(SETTINGS.intervalMs + 2 * TICK);
  assertEquals([answering.isSilent, silent.isSilent], [false, true]);
  assertEquals(wheel.size > 0, true);
});

Deno.test("the time rests while receiving is stopped", () => {
  const { clock, keepAlive, begin } = house();
  const session = begin();
  keepAlive.pause(session, true);
  clock.advance(10 * TIME);
  assertEquals([session.probes, session.aliveAt], [0, PAUSED]);
  keepAlive.pause(session, false);
  clock.advance(TIME - 3 * TICK);
  assertEquals(session.probes, 0);
  clock.advance(4 * TICK);
  assertEquals(session.probes, 1);
});

Deno.test("a connection that is gone without a word is passed over", () => {
  const { clock, begin, gone } = house();
  const [first, second] = [begin(), begin()];
  gone(first);
  clock.advance(TIME + TICK);
  assertEquals([first.probes, second.probes], [0, 1]);
});

Deno.test("a clock that has jumped past a probe, and stands still, brings it", () => {
  let now = 0;
  let due: (() => void) | undefined;
  const wheel = new TimerWheel({
    now: () => now,
    setTimer: (callback) => due = callback,
    clearTimer: () => due = undefined,
  });
  const session = new Session();
  const keepAlive = new KeepAlive(SETTINGS, wheel, () => session);
  keepAlive.begin(session);
  now = TIME + 100;
  for (let round = 0; round < 10; round++) {
    const callback = due;
    due = undefined;
    callback?.();
  }
  assertEquals(session.probes, 1);
  keepAlive.end(session);
});
