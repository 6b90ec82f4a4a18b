/** Asks the broker where topics stand that have been silent: a live feed may be dead without a word. */

import type { Clock } from "../../api/service.ts";

/** How often it is looked which topics are due, as a part of the period. */
const LOOKS = 5;
/** The part by which periods differ, so that contexts don't ask in step. */
const JITTER = 0.2;

/** A topic as far as this goes. */
export interface Checked {
  readonly heardAt: number;
  checkedAt: number;
}

/** The topics that are looked at in turn. */
export class PositionChecks<Of extends Checked> {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #check: (topics: readonly Of[]) => void;
  /** By the time when they were checked. */
  readonly #topics = new Set<Of>();
  #timer: unknown;
  #isArmed = false;

  /** @param check asks for these */
  constructor(clock: Clock, periodMs: number, check: (topics: readonly Of[]) => void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#check = check;
  }

  add(topic: Of): void {
    if (this.#periodMs === Infinity) return;
    topic.checkedAt = this.#clock.now();
    this.#topics.add(topic);
    this.#arm();
  }

  remove(topic: Of): void {
    this.#topics.delete(topic);
    if (this.#topics.size > 0) return;
    this.#clock.clearTimer(this.#timer);
    this.#isArmed = false;
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#timer = this.#clock.setTimer(() => this.#look(), this.#periodMs / LOOKS);
  }

  #look(): void {
    this.#isArmed = false;
    const now = this.#clock.now();
    const least = this.#periodMs * (1 - JITTER + 2 * JITTER * Math.random());
    const due: Of[] = [];
    for (const topic of this.#topics) {
      if (now - topic.checkedAt < least) break;
      // Heard of meanwhile, or asked about now: behind the others either way.
      this.#topics.delete(topic);
      this.#topics.add(topic);
      if (now - topic.heardAt < least) topic.checkedAt = topic.heardAt;
      else {
        topic.checkedAt = now;
        due.push(topic);
      }
    }
    if (due.length > 0) this.#check(due);
    if (this.#topics.size > 0) this.#arm();
  }
}
