/** How the wait for readiness goes beside the runtime's own. */

import { TurnBudget } from "../../service/turn_budget.ts";
import type { Libc } from "./libc.ts";
import { orClose, resetAtClose } from "./socket.ts";
import { Readiness } from "./readiness.ts";
import { type Rests, restsOver } from "./rests.ts";
import { RoundClock } from "./round_clock.ts";

/** Events that one wait fetches: as many as the turn budget has room for when all have much to do. */
const MOST_EVENTS = 64;
/** Turns of the event loop until the next round. */
const TURNS_TO_LOOK = 1;
/** What all events of a wait need where each has little to do; a look costs a hundredth of it. */
const BUDGET_MS = 1.5;
/** Turns in which the runtime looks for its own readiness though there is something else to do (61; measured). */
const RUNTIME_LOOKS = 64;
/** How long rounds follow each other before the runtime's own sockets and timers are looked after, too. */
const ROUNDS_MS = 4;
/** How long rounds follow each other within a turn of the event loop, which costs as much as an echo or two. */
const TURN_MS = 1;
/** Rounds with so few events, each within so long of the one before, are those of peers that answer at once. */
const FEW_EVENTS = 3;
const QUICK_MS = 0.1;
/** Looks without a wait for the next one of these: some 50 µs. */
const SPINS = 100;

/**
 * Tells of readiness by itself. While there is traffic, rounds of `epoll_wait` follow each other in
 * turns of the event loop, the last of them blocking for a moment; with no traffic the wait is a promise.
 */
export class EpollLoop extends Readiness {
  readonly #rounds = new RoundClock();
  /** What all do until the next round. */
  readonly budget: TurnBudget = new TurnBudget(this.#rounds, TURNS_TO_LOOK, BUDGET_MS);
  /** Ends the wait on another thread. */
  #wakeFd = -1;
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
  /** When this turn of the event loop began. */
  #turnAt = 0;
  /** When something was ready last. */
  #toldAt = 0;
  /** Whether the peers answer within a moment, and are so few that nothing is gained by waiting for more. */
  #isQuick = false;
  /** Whether the last event came within a moment of the one before. */
  #wasSoon = false;
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

  protected onOpened(epoll: number): void {
    const wakeFd = this.openEvent();
    orClose(this.libc, wakeFd, () => this.addOwn(epoll, wakeFd));
    this.#wakeFd = wakeFd;
  }

  protected onLastUnwatched(): void {
    if (this.#isResting) this.libc.eventfd_write(this.#wakeFd);
  }

  /** Nothing is watched any more: a program that has nothing else to do may end. */
  #shut(): void {
    this.libc.close(this.#wakeFd);
    this.shut();
    this.#isRunning = this.#isBusy = false;
    this.#rounds.rest();
    this.#released?.resolve();
    this.#released = undefined;
  }

  /** A turn of the event loop: all that was to be done before it has been. */
  readonly #round = (): void => {
    if (this.watched === 0) return this.#shut();
    this.#rounds.begin();
    this.#turnAt = performance.now();
    const hasWaiting = this.budget.waiting > 0;
    const mayWait = this.#isBusy && !hasWaiting;
    let count = mayWait && this.#isQuick ? this.#spin() : 0;
    if (count === 0) count = this.#poll(mayWait ? this.#busyWaitMs : 0);
    if (count <= 0 && !hasWaiting) return this.#rest();
    this.#tell(count);
  };

  /** One more round in the same turn. What else the program has begun goes on meanwhile: no wait. */
  readonly #onceMore = (): void => {
    if (this.watched === 0) return this.#shut();
    this.#rounds.begin();
    const count = this.#isQuick && this.budget.waiting === 0 ? this.#spin() : this.#poll(0);
    if (count > 0) this.#tell(count);
    else setImmediate(this.#round);
  };

  #poll(ms: number): number {
    return this.libc.epoll_wait(this.epoll, this.#eventBytes, MOST_EVENTS, ms);
  }

  /**
   * Looks again and again for a moment. A thread that sleeps costs more to wake, and takes longer, than the
   * answer of a peer on a fast way.
   */
  #spin(): number {
    for (let left = SPINS; left > 0; left--) {
      const count = this.#poll(0);
      if (count !== 0) return count;
    }
    this.#isQuick = false;
    return 0;
  }

  /** Tells what is ready, and sees to the next round. */
  #tell(count: number): void {
    const now = performance.now();
    if (!this.#isBusy) {
      this.#isBusy = true;
      this.#busySince = now;
    }
    // One that comes soon by itself may be the first step of a handshake, and the next one takes its time.
    const isSoon = count <= FEW_EVENTS && now - this.#toldAt < QUICK_MS;
    this.#isQuick = this.#busyWaitMs > 0 && isSoon && this.#wasSoon;
    this.#wasSoon = isSoon;
    this.#toldAt = now;
    this.hasSent = false;
    this.#serveAll(count);
    // What was answered in its own turn leaves no promises behind that the next round would hold up.
    if (this.hasSent && now - this.#turnAt < TURN_MS) queueMicrotask(this.#onceMore);
    // The runtime looks for its own readiness, such as a wait's end, only when it has nothing else to do.
    else if (now - this.#busySince <= ROUNDS_MS) setImmediate(this.#round);
    else if (this.budget.waiting === 0) this.#rest();
    else this.#passTurn(RUNTIME_LOOKS);
  }

  /** Lets the event loop come round so many times, and goes on. */
  #passTurn(left: number): void {
    this.#isBusy = false;
    setImmediate(left > 0 ? () => this.#passTurn(left - 1) : this.#round);
  }

  #serveAll(count: number): void {
    const { words, data } = this.layout;
    for (let i = 0; i < count; i++) {
      const start = i * words;
      const fd = this.#events[start + data]!;
      if (fd === this.#wakeFd) this.drain(fd);
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
