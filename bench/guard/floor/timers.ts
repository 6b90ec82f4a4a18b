/**
 * A timer wheel of one level that never turns: lists of timers by their tick, as long as they may
 * get. No clock, no order of ticks, no wake-up.
 */

const SLOTS = 4096;
const TICK_MS = 16;

/** An entry; it is its own neighbour while it isn't armed. */
export class BareTimer {
  previous: BareTimer = this;
  next: BareTimer = this;
}

/** Arms and cancels {@linkcode BareTimer}s. */
export class BareWheel {
  readonly #heads = Array.from({ length: SLOTS }, () => new BareTimer());
  size = 0;

  arm(timer: BareTimer, delayMs: number): void {
    this.cancel(timer);
    const head = this.#heads[Math.ceil(delayMs / TICK_MS) % SLOTS]!;
    timer.next = head;
    timer.previous = head.previous;
    head.previous.next = timer;
    head.previous = timer;
    this.size++;
  }

  cancel(timer: BareTimer): void {
    if (timer.next === timer) return;
    timer.previous.next = timer.next;
    timer.next.previous = timer.previous;
    timer.previous = timer;
    timer.next = timer;
    this.size--;
  }
}
