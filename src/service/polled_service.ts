/** The *manual* and *external* policies: nothing is told but in calls of the program. */

import { type Clock, POLLERR, type PollFd, POLLHUP } from "../api/service.ts";
import { PatientClock } from "./patient_clock.ts";
import { PollSlot, type PollSlotOwner } from "./poll_slot.ts";
import { AutomaticScheduler, type Scheduler, type Serviceable } from "./scheduler.ts";
import { ServicedClock } from "./serviced_clock.ts";

/** Tells the program of the descriptors in use; false where it can't follow. Implemented by Polling. */
export interface PollHost {
  addPollFd(fd: number, events: number): boolean;
  delPollFd(fd: number, events: number): void;
  changeModePollFd(fd: number, events: number, previous: number): void;
  /** The first call that serves begins. */
  serviceBegins(): void;
}

/** Holds what happens to the descriptors of a context until the program asks for it. */
export class PolledService implements Scheduler, PollSlotOwner {
  /** The time for all that must not be called between two calls of service. */
  readonly clock: ServicedClock;
  readonly #hostClock: Clock;
  readonly #host: PollHost;
  readonly #slots = new Map<number, PollSlot>();
  /** Slots that may be ready, in the order in which they became so. */
  readonly #ready = new Set<PollSlot>();
  readonly #waiting = new Set<(isCancelled: boolean) => void>();
  /** Serves by itself once the context has ended. */
  #released: AutomaticScheduler | undefined;
  #isCancelled = false;
  #hasBegun = false;
  /** Whether `poll` has said already that timeouts are due, which only a call that serves runs. */
  #hasToldDue = false;

  constructor(clock: Clock, host: PollHost) {
    this.#hostClock = clock;
    this.#host = host;
    this.clock = new ServicedClock(new PatientClock(clock), () => this.#wake());
  }

  // For connections.

  /** The slot of a descriptor, of which the program need not know yet. */
  slot(fd: number, events = 0): PollSlot {
    const known = this.#slots.get(fd);
    if (known !== undefined) return known;
    const slot = new PollSlot(fd, events, this);
    this.#slots.set(fd, slot);
    return slot;
  }

  /** Tells the program of a slot. False when it can't watch that; it is served at once from then on. */
  announce(slot: PollSlot): boolean {
    // Before the call, in which the program may destroy the context.
    slot.isAnnounced = true;
    if (this.#host.addPollFd(slot.fd, slot.events)) return true;
    slot.isAnnounced = false;
    this.#slots.delete(slot.fd);
    return false;
  }

  /** Forgets a descriptor and what waits of it; harmless when repeated. */
  unwatch(fd: number): void {
    const slot = this.#slots.get(fd);
    if (slot === undefined) return;
    this.#slots.delete(fd);
    this.#ready.delete(slot);
    slot.clear();
    if (slot.isAnnounced) this.#host.delPollFd(fd, slot.events);
  }

  request(task: Serviceable, events: number): void {
    const slot = this.#slots.get(task.socketFd);
    if (this.#released !== undefined) this.#released.request(task);
    else if (slot !== undefined) slot.add(task, events);
    else queueMicrotask(() => task.service());
  }

  arrived(task: Serviceable, events: number): void {
    const slot = this.#slots.get(task.socketFd);
    if (slot !== undefined && this.#released === undefined) return slot.add(task, events);
    // What came before it may still wait.
    slot?.drain();
    task.service();
  }

  hasToTell(fd: number): boolean {
    const slot = this.#slots.get(fd);
    return this.#released === undefined && slot !== undefined && slot.revents !== 0;
  }

  /** The context ends: what waits is told soon, and from now on all is told at once. */
  release(): void {
    const released = new AutomaticScheduler();
    this.#released = released;
    for (const slot of this.#slots.values()) {
      released.request({ socketFd: slot.fd, service: () => slot.drain() });
    }
    released.request({ socketFd: 0, service: () => this.clock.release() });
    this.#wake();
  }

  stop(): void {
    this.#released?.stop();
    this.#slots.clear();
    this.#wake();
  }

  interestChanged(slot: PollSlot, previous: number): void {
    if (slot.isAnnounced && this.#slots.has(slot.fd)) {
      this.#host.changeModePollFd(slot.fd, slot.events, previous);
    }
  }

  readinessChanged(slot: PollSlot): void {
    if (slot.revents === 0) return;
    this.#ready.add(slot);
    this.#wake();
  }

  // For the program.

  /** As `Context.service`. */
  async service(timeoutMs: number): Promise<number> {
    if (this.#released !== undefined) return -1;
    await this.#rest();
    const isCancelled = this.#takeCancel();
    if (!isCancelled && timeoutMs > 0 && !this.#hasWork()) await this.#wait(timeoutMs);
    if (this.#released !== undefined) return -1;
    this.#begin();
    // What came is told before timeouts judge peers that are silent.
    for (const slot of [...this.#ready]) {
      if (this.#ready.delete(slot)) slot.serve(slot.revents);
    }
    this.#runDue();
    return this.#released === undefined ? 0 : -1;
  }

  /** As `Context.cancelService`. */
  cancel(): void {
    if (this.#waiting.size > 0) this.#wake(true);
    else this.#isCancelled = true;
  }

  /** As `Context.serviceFd`. */
  serviceFd(pollFd: PollFd | null): number {
    if (this.#released !== undefined) return -1;
    this.#begin();
    const slot = pollFd === null ? undefined : this.#slots.get(pollFd.fd);
    if (pollFd !== null && slot !== undefined) {
      const { revents } = pollFd;
      pollFd.revents = 0;
      this.#ready.delete(slot);
      slot.serve(revents);
    }
    this.#runDue();
    return slot === undefined || this.#slots.get(slot.fd) === slot ? 0 : 1;
  }

  /** As `Context.poll`. */
  async poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    const deadline = this.#hostClock.now() + timeoutMs;
    await this.#rest();
    let isCancelled = this.#takeCancel();
    for (;;) {
      if (this.#released !== undefined) return -1;
      const count = this.#report(pollFds);
      const leftMs = deadline - this.#hostClock.now();
      const tellsDue = this.clock.hasDue && !this.#hasToldDue;
      if (count > 0 || isCancelled || leftMs <= 0 || tellsDue) {
        this.#hasToldDue ||= tellsDue;
        return count;
      }
      isCancelled = await this.#wait(leftMs);
    }
  }

  /** As `Context.pollNow`. */
  pollNow(pollFds: readonly PollFd[]): number {
    return this.#released === undefined ? this.#report(pollFds) : -1;
  }

  /** Sets each entry's `revents` by the rules of poll(2); returns how many are not 0. */
  #report(pollFds: readonly PollFd[]): number {
    let count = 0;
    for (const entry of pollFds) {
      const slot = this.#slots.get(entry.fd);
      if (slot !== undefined) entry.revents = slot.revents & (entry.events | POLLERR | POLLHUP);
      if (entry.revents !== 0) count++;
    }
    return count;
  }

  #hasWork(): boolean {
    for (const slot of this.#ready) {
      if (slot.revents !== 0) return true;
      this.#ready.delete(slot);
    }
    return this.#released !== undefined || this.clock.hasDue;
  }

  #runDue(): void {
    this.#hasToldDue = false;
    this.clock.runDue();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#host.serviceBegins();
  }

  #takeCancel(): boolean {
    const isCancelled = this.#isCancelled;
    this.#isCancelled = false;
    return isCancelled;
  }

  /** Lets the runtime see to its sockets: a program that only calls this would starve them. */
  #rest(): Promise<void> {
    return new Promise((resolve) => void setImmediate(resolve));
  }

  /** Waits until something may be ready, or for so long; whether the wait was cancelled. */
  async #wait(timeoutMs: number): Promise<boolean> {
    let timer: unknown;
    const isCancelled = await new Promise<boolean>((resolve) => {
      this.#waiting.add(resolve);
      if (timeoutMs === Infinity) return;
      timer = this.#hostClock.setTimer(() => {
        this.#waiting.delete(resolve);
        resolve(false);
      }, timeoutMs);
    });
    if (timer !== undefined) this.#hostClock.clearTimer(timer);
    return isCancelled;
  }

  #wake(isCancelled = false): void {
    for (const resolve of this.#waiting) resolve(isCancelled);
    this.#waiting.clear();
  }
}
