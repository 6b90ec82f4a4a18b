/** How loops wait on another thread while nothing is ready. */

import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN } from "./constants.ts";
import type { Libc } from "./libc.ts";
import { epollEventLayout } from "./structs.ts";

/** Loops whose readiness one look fetches. */
const MOST_LOOPS = 64;

/**
 * The rests of all loops of a program. The runtime has 32 threads for whatever blocks, files and names included:
 * one waits for the loop that rests first, and one more for all others, by an `epoll` instance of theirs.
 */
export class Rests {
  readonly #libc: Libc;
  readonly #layout = epollEventLayout(Deno.build.arch);
  readonly #event = new Int32Array(this.#layout.words);
  /** Of the loop that has a thread to itself. */
  #first: (() => void) | undefined;
  /** Of all others, by the descriptors of their `epoll` instances. */
  readonly #others = new Map<number, () => void>();
  #epoll = -1;
  #isWaiting = false;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Calls `rested` once something is ready for an `epoll` instance, which stays open until then. */
  rest(epoll: number, rested: () => void): void {
    if (this.#first === undefined) {
      this.#first = rested;
      this.#libc.epollReady(epoll, -1).then(this.#onFirst);
    } else if (this.#watch(epoll)) {
      this.#others.set(epoll, rested);
      this.#wait();
    } else {
      // Out of descriptors, or of memory.
      this.#libc.epollReady(epoll, -1).then(rested);
    }
  }

  readonly #onFirst = (): void => {
    const rested = this.#first!;
    this.#first = undefined;
    rested();
  };

  readonly #onOthers = (): void => {
    this.#isWaiting = false;
    const { words, data } = this.#layout;
    const told = new Int32Array(MOST_LOOPS * words);
    const count = this.#libc.epoll_wait(this.#epoll, new Uint8Array(told.buffer), MOST_LOOPS, 0);
    for (let i = 0; i < count; i++) {
      const epoll = told[i * words + data]!;
      this.#control(EPOLL_CTL_DEL, epoll);
      const rested = this.#others.get(epoll)!;
      this.#others.delete(epoll);
      rested();
    }
    this.#wait();
  };

  #wait(): void {
    if (this.#isWaiting) return;
    if (this.#others.size > 0) {
      this.#isWaiting = true;
      this.#libc.epollReady(this.#epoll, -1).then(this.#onOthers);
    } else if (this.#epoll >= 0) {
      this.#libc.close(this.#epoll);
      this.#epoll = -1;
    }
  }

  #watch(epoll: number): boolean {
    if (this.#epoll < 0) this.#epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) return false;
    if (this.#control(EPOLL_CTL_ADD, epoll) === 0) return true;
    this.#wait();
    return false;
  }

  #control(operation: number, epoll: number): number {
    this.#event[0] = EPOLLIN;
    this.#event[this.#layout.data] = epoll;
    return this.#libc.epoll_ctl(this.#epoll, operation, epoll, new Uint8Array(this.#event.buffer));
  }
}

const restsOf = new WeakMap<Libc, Rests>();

/** Those of the loops that call one table of functions. */
export function restsOver(libc: Libc): Rests {
  const rests = restsOf.get(libc) ?? new Rests(libc);
  restsOf.set(libc, rests);
  return rests;
}
