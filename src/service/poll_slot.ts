/** One descriptor in a context's poll table. */

import { POLLHUP, POLLIN, POLLOUT } from "../api/service.ts";
import type { Serviceable } from "./scheduler.ts";

/** One descriptor of a poll table. Implemented by PollSlot and DescriptorSlot. */
export interface Slot {
  /** The number of its owner in the context. */
  readonly id: number;
  readonly fd: number;
  /** Whether the program knows of it. */
  isAnnounced: boolean;
  /** What it is watched for. */
  readonly events: number;
  /** What it is ready for, as far as that is known here. */
  readonly revents: number;
  /** Whether reading goes on, or is held back. */
  setReading(reads: boolean): void;
  /** Whether something is on its way out, so that readiness to write is of interest. */
  setWriting(writes: boolean): void;
  /** Something waits to be told. */
  add(task: Serviceable, events: number): void;
  /** Tells what waits, as far as `revents` allows, once each: what comes of it waits in its turn. */
  serve(revents: number): void;
  /** Tells all that waits, wanted or not. */
  drain(): void;
  /** Forgets all that waits. */
  clear(): void;
}

/** What a {@linkcode PollSlot} tells of its changes. Implemented by PolledService. */
export interface PollSlotOwner {
  /** What is watched for has changed. */
  interestChanged(slot: Slot, previous: number): void;
  /** It may be ready for something now. */
  readinessChanged(slot: Slot): void;
}

/**
 * What a descriptor is watched for, and what has happened to it and waits to be told. Only what it is
 * watched for is ever told, but for its end.
 */
export class PollSlot implements Slot {
  readonly fd: number;
  isAnnounced = false;
  readonly #owner: PollSlotOwner;
  #events: number;
  #readable: Serviceable[] = [];
  #writable: Serviceable[] = [];
  #hangUp: Serviceable | undefined;
  #isWriting = false;
  #isServing = false;

  constructor(fd: number, events: number, owner: PollSlotOwner) {
    this.fd = fd;
    this.#events = events;
    this.#owner = owner;
    this.#isWriting = (events & POLLOUT) !== 0;
  }

  get id(): number {
    return this.fd;
  }

  get events(): number {
    return this.#events;
  }

  /** What it is ready for, of what it is watched for; a hang-up counts always. */
  get revents(): number {
    const bits = (this.#readable.length > 0 ? POLLIN : 0) |
      (this.#writable.length > 0 ? POLLOUT : 0);
    return (bits & this.#events) | (this.#hangUp === undefined ? 0 : POLLHUP);
  }

  setReading(reads: boolean): void {
    this.#watch(reads ? this.#events | POLLIN : this.#events & ~POLLIN);
    if (reads) this.#owner.readinessChanged(this);
  }

  setWriting(writes: boolean): void {
    this.#isWriting = writes;
    this.#watchWritable();
  }

  add(task: Serviceable, events: number): void {
    if (events === POLLHUP) this.#hangUp = task;
    else if (events === POLLIN) this.#readable.push(task);
    else {
      this.#writable.push(task);
      this.#watchWritable();
    }
    this.#owner.readinessChanged(this);
  }

  serve(revents: number): void {
    // A callback may call for service of its own connection.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      this.#serve(revents);
    } finally {
      this.#isServing = false;
      this.#owner.readinessChanged(this);
    }
  }

  #serve(revents: number): void {
    const bits = revents & this.revents;
    if ((bits & POLLOUT) !== 0) {
      this.#run(this.#writable);
      this.#watchWritable();
    }
    // What was told first may have stopped reading.
    if ((bits & this.#events & POLLIN) !== 0) this.#run(this.#readable);
    // As by poll(2), POLLIN alone tells of a hang-up, too, where no more is asked for.
    if (this.#hangUp !== undefined && (revents & (POLLHUP | POLLIN)) !== 0) this.#runHangUp();
  }

  drain(): void {
    this.#run(this.#writable);
    this.#run(this.#readable);
    if (this.#hangUp !== undefined) this.#runHangUp();
  }

  clear(): void {
    this.#readable.length = 0;
    this.#writable.length = 0;
    this.#hangUp = undefined;
  }

  #run(tasks: Serviceable[]): void {
    for (let left = tasks.length; left > 0 && tasks.length > 0; left--) tasks.shift()!.service();
  }

  #runHangUp(): void {
    const task = this.#hangUp!;
    this.#hangUp = undefined;
    task.service();
  }

  #watchWritable(): void {
    const watches = this.#isWriting || this.#writable.length > 0;
    this.#watch(watches ? this.#events | POLLOUT : this.#events & ~POLLOUT);
  }

  #watch(events: number): void {
    const previous = this.#events;
    if (events === previous) return;
    this.#events = events;
    this.#owner.interestChanged(this, previous);
  }
}
