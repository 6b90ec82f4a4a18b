/** A clock whose timers wait until what lay ready in the sockets has been read. */

import type { Clock } from "../api/service.ts";

/**
 * Turns of the event loop from a timer of the runtime to the end of the reads that were ready before:
 * it looks at its sockets when it waits for a timer, and a read that brings much takes another turn
 * (measured; a turn without a timer, as by `setImmediate`, mostly looks at none).
 */
const TURNS = 3;
/** A timer that comes so late says that the program did not let the runtime work, in milliseconds. */
const LATE_MS = 100;
/** Then peers get as long to say what they could not, up to this. */
const LONGEST_GRACE_MS = 1000;

interface PatientTimer {
  readonly due: number;
  readonly callback: () => void;
  handle: unknown;
  keepsAlive: boolean;
}

/**
 * Wraps a clock for verdicts on peers: a program that has blocked finds its timers due before it has
 * read anything, and a peer with bytes in the socket is not silent.
 */
export class PatientClock implements Clock {
  readonly keepAlive?: (timer: unknown, keeps: boolean) => void;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    if (clock.keepAlive === undefined) return;
    this.keepAlive = (timer, keeps) => {
      const { handle } = timer as PatientTimer;
      (timer as PatientTimer).keepsAlive = keeps;
      clock.keepAlive!(handle, keeps);
    };
  }

  now(): number {
    return this.#clock.now();
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const due = this.#clock.now() + delayMs;
    const timer: PatientTimer = { due, callback, handle: undefined, keepsAlive: true };
    timer.handle = this.#clock.setTimer(() => this.#onDue(timer), delayMs);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#clock.clearTimer((timer as PatientTimer | undefined)?.handle);
  }

  #onDue(timer: PatientTimer): void {
    const lateMs = this.#clock.now() - timer.due;
    this.#wait(timer, TURNS, lateMs < LATE_MS ? 0 : Math.min(lateMs, LONGEST_GRACE_MS));
  }

  #wait(timer: PatientTimer, turns: number, delayMs: number): void {
    if (turns === 0) return timer.callback();
    timer.handle = this.#clock.setTimer(() => this.#wait(timer, turns - 1, 0), delayMs);
    if (!timer.keepsAlive) this.#clock.keepAlive?.(timer.handle, false);
  }
}
