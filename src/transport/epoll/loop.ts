/** How the wait for readiness goes beside the runtime's own. */

import { TurnBudget } from "../../service/turn_budget.ts";
import type { Libc } from "./libc.ts";
import { resetAtClose } from "./socket.ts";
import { Readiness } from "./readiness.ts";
import { type Rests, restsOver } from "./rests.ts";
import { RoundClock } from "./round_clock.ts";

/** Events that one wait fetches: as many as the turn budget has room for when all have much to do. */
const MOST_EVENTS = 64;
/** Turns of the event loop until the next round. */
const TURNS_TO_LOOK = 1;
/** Turns in which the runtime looks for its own readiness though there is something else to do (61; measured). */
const RUNTIME_LOOKS = 64;
/** How long rounds follow each other before the runtime's own sockets and timers are looked after, too. */
const ROUNDS_MS = 4;

/**
 * Tells of readiness by itself. While there is traffic, rounds of `epoll_wait` follow each other in
 * turns of the event loop, the last of them blocking for a moment; with no traffic the wait is a promise.
 */
export class EpollLoop extends Readiness {
  readonly #rounds = new RoundClock();
  /** What all do until the next round. */
  readonly budget: TurnBudget = new TurnBudget(this.#rounds, TURNS_TO_LOOK);
  readonly #busyWaitMs: number;
  readonly #rests: Rests;
  readonly #events = new Int32Array(MOST_EVENTS * this.layout.words);
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  #isRunning = false;
  /** Whether the wait is a promise, which only an event ends. */
  #isResting = false;
  /** Whether there was traffic in the last round. */
  #isBusy = false;
  #busySince = 0;
  #released: PromiseWithResolvers<void> | undefined;

  /** @param busyWaitMs how long a wait blocks while there is traffic; 0 for never */
  constructor(libc: Libc, busyWaitMs: number) {
    super(libc);
    this.#busyWaitMs = busyWaitMs;
    this.#rests = restsOver(libc);
  }

  later(_fd: number, work: () => void): void {
    queueMicrotask(work);
  }

  close(fd: number, isReset: boolean, gone: () => void): void {
    if (isReset) resetAtClose(this.libc, fd);
    this.forget(fd);
    this.libc.close(fd);
    queueMicrotask(gone);
  }

  finish(fd: number, gone: () => void): void {
    this.forget(fd);
    this.libc.close(fd);
    gone();
  }

  /** Resolves when no thread waits any more; at once while something is watched. */
  released(): Promise<void> {
    if (!this.#isRunning || this.watched > 0) return Promise.resolve();
    this.#released ??= Promise.withResolvers();
    return this.#released.promise;
  }

  protected onAdded(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#round);
  }

  protected onLastUnwatched(): void {
    if (this.#isResting) this.libc.eventfd_write(this.wakeFd);
  }

  /** Nothing is watched any more: a program that has nothing else to do may end. */
  #shut(): void {
    this.shut();
    this.#isRunning = this.#isBusy = false;
    this.#rounds.rest();
    this.#released?.resolve();
    this.#released = undefined;
  }

  /** Fetches what is ready and tells it. */
  readonly #round = (): void => {
    if (this.watched === 0) return this.#shut();
    this.#rounds.begin();
    const hasWaiting = this.budget.waiting > 0;
    const wait = this.#isBusy && !hasWaiting ? this.#busyWaitMs : 0;
    const count = this.libc.epoll_wait(this.epoll, this.#eventBytes, MOST_EVENTS, wait);
    if (count <= 0 && !hasWaiting) return this.#rest();
    const now = performance.now();
    if (!this.#isBusy) {
      this.#isBusy = true;
      this.#busySince = now;
    }
    this.#tell(count);
    // The runtime looks for its own readiness, such as a wait's end, only when it has nothing else to do.
    if (now - this.#busySince <= ROUNDS_MS) setImmediate(this.#round);
    else if (this.budget.waiting === 0) this.#rest();
    else this.#passTurn(RUNTIME_LOOKS);
  };

  /** Lets the event loop come round so many times, and goes on. */
  #passTurn(left: number): void {
    this.#isBusy = false;
    setImmediate(left > 0 ? () => this.#passTurn(left - 1) : this.#round);
  }

  #tell(count: number): void {
    const { words, data } = this.layout;
    for (let i = 0; i < count; i++) {
      const start = i * words;
      const fd = this.#events[start + data]!;
      if (fd === this.wakeFd) this.drain(fd);
      // It, or a watcher that was told before it in this round, has closed it meanwhile.
      else if (this.isOf(fd, this.#events[start + data + 1]!)) {
        this.serve(fd, this.#events[start]!);
      }
    }
  }

  /** Waits on another thread, while the runtime goes on. */
  #rest(): void {
    // The last one may have gone in this very round.
    if (this.watched === 0) return this.#shut();
    this.#isBusy = false;
    this.#isResting = true;
    this.#rounds.rest();
    this.#rests.rest(this.epoll, this.#rested);
  }

  readonly #rested = (): void => {
    this.#isResting = false;
    this.#round();
  };
}
