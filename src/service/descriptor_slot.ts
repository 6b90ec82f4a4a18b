/** One descriptor of the kernel's in a context's poll table. */

import { POLLOUT } from "../api/service.ts";
import type { PollSlotOwner, Slot } from "./poll_slot.ts";
import type { Serviceable } from "./scheduler.ts";

/** Reads and writes what a descriptor is ready for, if that is one. */
export type ServeKernel = (fd: number, revents: number) => void;

/**
 * What the kernel watches a descriptor for, and what waits of it in memory: for the latter the program is to watch
 * whether it can be written to, as mostly it can, by which a poller that knows only the kernel sees that.
 */
export class DescriptorSlot implements Slot {
  /** The number of its owner in the context. */
  readonly id: number;
  /** −1 before there is one; what waits is told for the context then. */
  fd = -1;
  isAnnounced = false;
  /** Whether the program is to know of it once it has a descriptor. */
  isWanted = false;
  readonly #owner: PollSlotOwner;
  readonly #serveKernel: ServeKernel;
  #watched: number;
  /** What it was last said to be watched for. */
  #told: number;
  #tasks: Serviceable[] = [];
  /** What its transport has to do, which stays when all else of it is forgotten. */
  #works: (() => void)[] = [];
  #isServing = false;

  constructor(id: number, watched: number, owner: PollSlotOwner, serveKernel: ServeKernel) {
    this.id = id;
    this.#watched = this.#told = watched;
    this.#owner = owner;
    this.#serveKernel = serveKernel;
  }

  get #waits(): boolean {
    return this.#tasks.length > 0 || this.#works.length > 0;
  }

  get events(): number {
    return this.#watched | this.revents;
  }

  get revents(): number {
    return this.#waits ? POLLOUT : 0;
  }

  // What a transport between would say the kernel's watching says.
  setReading(_reads: boolean): void {}
  setWriting(_writes: boolean): void {}

  /** What the kernel watches it for from now on. */
  watch(events: number): void {
    this.#watched = events;
    this.#update();
  }

  add(task: Serviceable): void {
    this.#tasks.push(task);
    this.#update();
    this.#owner.readinessChanged(this);
  }

  /** As {@linkcode add}, of its transport. */
  later(work: () => void): void {
    this.#works.push(work);
    this.#update();
    this.#owner.readinessChanged(this);
  }

  serve(revents: number): void {
    // A callback may call for service of its own connection.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      // As in PollSlot: first what waits, and what comes of that and of what is read waits in its turn.
      this.drain();
      if (this.fd >= 0) this.#serveKernel(this.fd, revents);
      this.#update();
    } finally {
      this.#isServing = false;
      this.#owner.readinessChanged(this);
    }
  }

  drain(): void {
    let works = this.#works.length;
    let tasks = this.#tasks.length;
    for (; works > 0; works--) this.#works.shift()?.();
    for (; tasks > 0; tasks--) this.#tasks.shift()?.service();
  }

  clear(): void {
    this.#tasks.length = 0;
  }

  /** What of its transport waits, and is none of it any more. */
  takeWorks(): (() => void)[] {
    return this.#works.splice(0);
  }

  #update(): void {
    const { events } = this;
    const previous = this.#told;
    if (events === previous) return;
    this.#told = events;
    this.#owner.interestChanged(this, previous);
  }
}
