/** One `epoll` instance: which watcher is told that a descriptor is ready, and how the wait for that goes. */

import { TurnBudget } from "../../service/turn_budget.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
} from "./constants.ts";
import { must } from "./failure.ts";
import { orClose } from "./socket.ts";
import type { Libc } from "./libc.ts";
import { type Rests, restsOver } from "./rests.ts";
import { RoundClock } from "./round_clock.ts";
import { epollEventLayout } from "./structs.ts";

/** Events that one wait fetches: as many as the turn budget has room for when all have much to do. */
const MOST_EVENTS = 64;
/** Turns of the event loop until the next round. */
const TURNS_TO_LOOK = 1;
/** Turns in which the runtime looks for its own readiness though there is something else to do (61; measured). */
const RUNTIME_LOOKS = 64;
/** How long rounds follow each other before the runtime's own sockets and timers are looked after, too. */
const ROUNDS_MS = 4;
/** What a read takes at most before all others have had their turn. */
const BUFFER_BYTES = 64 * 1024;
/** A read inside of another one's callback has a buffer of its own. */
const NESTED_BYTES = 64 * 1024;

/** The owner of a descriptor. Implemented by EpollTransport, EpollListener and an attempt to connect. */
export interface Watcher {
  /** Its descriptor is ready, as `events` of `epoll_wait` says. */
  onReady(events: number): void;
  /** Closes its descriptor, and tells nothing of it. */
  abandon(): void;
}

/**
 * Waits for readiness, level-triggered. While there is traffic, rounds of `epoll_wait` follow each other in
 * turns of the event loop, the last of them blocking for a moment; with no traffic the wait is a promise.
 */
export class EpollLoop {
  readonly libc: Libc;
  readonly #rounds = new RoundClock();
  /** What all do until the next round. */
  readonly budget: TurnBudget = new TurnBudget(this.#rounds, TURNS_TO_LOOK);
  readonly #busyWaitMs: number;
  readonly #rests: Rests;
  readonly #layout = epollEventLayout(Deno.build.arch);
  readonly #events = new Int32Array(MOST_EVENTS * this.#layout.words);
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  readonly #event = new Int32Array(this.#layout.words);
  readonly #eventOf = new Uint8Array(this.#event.buffer);
  /** The owners of all descriptors that are open, by descriptor. */
  readonly #watchers: (Watcher | undefined)[] = [];
  /**
   * A descriptor's number is used again at once: what the kernel tells of the former one is not its. Odd while
   * it is watched.
   */
  readonly #generations: number[] = [];
  #watched = 0;
  #epoll = -1;
  #wakeFd = -1;
  #isRunning = false;
  /** Whether the wait is a promise, which only an event ends. */
  #isResting = false;
  /** Whether there was traffic in the last round. */
  #isBusy = false;
  #busySince = 0;
  #released: PromiseWithResolvers<void> | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(BUFFER_BYTES);

  /** @param busyWaitMs how long a wait blocks while there is traffic; 0 for never */
  constructor(libc: Libc, busyWaitMs: number) {
    this.libc = libc;
    this.#busyWaitMs = busyWaitMs;
    this.#rests = restsOver(libc);
  }

  /**
   * Watches a descriptor from now on.
   *
   * @throws {Error} when the kernel can't watch one more
   */
  add(fd: number, events: number, watcher: Watcher): void {
    this.#open();
    this.#generations[fd] = ((this.#generations[fd] ?? 0) + 1) | 0;
    this.#watched++;
    this.#run();
    try {
      must(this.libc, "epoll_ctl", this.#control(this.#epoll, EPOLL_CTL_ADD, fd, events));
    } catch (error) {
      this.#unwatch(fd);
      throw error;
    }
    this.#watchers[fd] = watcher;
  }

  /** Changes what a descriptor is watched for; whether that was done. */
  change(fd: number, events: number): boolean {
    return this.#control(this.#epoll, EPOLL_CTL_MOD, fd, events) === 0;
  }

  /** Watches a descriptor no more that stays open. */
  remove(fd: number): void {
    this.#control(this.#epoll, EPOLL_CTL_DEL, fd, 0);
    this.#unwatch(fd);
  }

  /** A descriptor is open that may never be watched: {@linkcode closeAll} has it closed as well. */
  own(fd: number, owner: Watcher): void {
    this.#watchers[fd] = owner;
  }

  /** Forgets a descriptor that is about to be closed, by which the kernel forgets it. */
  forget(fd: number): void {
    this.#watchers[fd] = undefined;
    this.#unwatch(fd);
  }

  #unwatch(fd: number): void {
    const generation = this.#generations[fd] ?? 0;
    if ((generation & 1) === 0) return;
    this.#generations[fd] = (generation + 1) | 0;
    if (--this.#watched === 0 && this.#isResting) this.libc.eventfd_write(this.#wakeFd);
  }

  /** Has all that is open closed. */
  closeAll(): void {
    for (const watcher of this.#watchers) watcher?.abandon();
  }

  /** The buffer that a read goes to, until {@linkcode giveBack}. */
  borrow(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer ?? new Uint8Array(NESTED_BYTES);
    this.#buffer = undefined;
    return buffer;
  }

  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === BUFFER_BYTES) this.#buffer = buffer;
  }

  #control(epoll: number, operation: number, fd: number, events: number): number {
    const { data } = this.#layout;
    this.#event[0] = events;
    this.#event[data] = fd;
    this.#event[data + 1] = this.#generations[fd]!;
    return this.libc.epoll_ctl(epoll, operation, fd, this.#eventOf);
  }

  #open(): void {
    if (this.#epoll >= 0) return;
    const { libc } = this;
    const epoll = must(libc, "epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
    orClose(libc, epoll, () => {
      const wakeFd = must(libc, "eventfd", libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      orClose(libc, wakeFd, () => {
        this.#generations[wakeFd] ??= 0;
        const added = this.#control(epoll, EPOLL_CTL_ADD, wakeFd, EPOLLIN);
        must(libc, "epoll_ctl", added);
        this.#wakeFd = wakeFd;
      });
    });
    this.#epoll = epoll;
  }

  /** Resolves when no thread waits any more; at once while something is watched. */
  released(): Promise<void> {
    if (!this.#isRunning || this.#watched > 0) return Promise.resolve();
    this.#released ??= Promise.withResolvers();
    return this.#released.promise;
  }

  /** Nothing is watched any more: a program that has nothing else to do may end. */
  #shut(): void {
    this.libc.close(this.#wakeFd);
    this.libc.close(this.#epoll);
    this.#wakeFd = this.#epoll = -1;
    this.#isRunning = this.#isBusy = false;
    this.#rounds.rest();
    this.#released?.resolve();
    this.#released = undefined;
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#round);
  }

  /** Fetches what is ready and tells it. */
  readonly #round = (): void => {
    if (this.#watched === 0) return this.#shut();
    this.#rounds.begin();
    const hasWaiting = this.budget.waiting > 0;
    const wait = this.#isBusy && !hasWaiting ? this.#busyWaitMs : 0;
    const count = this.libc.epoll_wait(this.#epoll, this.#eventBytes, MOST_EVENTS, wait);
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
    const { words, data } = this.#layout;
    for (let i = 0; i < count; i++) {
      const start = i * words;
      const fd = this.#events[start + data]!;
      if (fd === this.#wakeFd) this.libc.eventfd_read(fd, new Uint8Array(8));
      // It, or a watcher that was told before it in this round, has closed it meanwhile.
      if (this.#generations[fd] !== this.#events[start + data + 1]) continue;
      try {
        this.#watchers[fd]?.onReady(this.#events[start]!);
      } catch (error) {
        // The watchers behind it in this round must not suffer from it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Waits on another thread, while the runtime goes on. */
  #rest(): void {
    // The last one may have gone in this very round.
    if (this.#watched === 0) return this.#shut();
    this.#isBusy = false;
    this.#isResting = true;
    this.#rounds.rest();
    this.#rests.rest(this.#epoll, this.#rested);
  }

  readonly #rested = (): void => {
    this.#isResting = false;
    this.#round();
  };
}
