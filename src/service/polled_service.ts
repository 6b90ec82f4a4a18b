/** The *manual* and *external* policies: nothing is told but in calls of the program. */

import { type Clock, POLLERR, type PollFd, POLLHUP } from "../api/service.ts";
import { line, log, own } from "../base/log.ts";
import { PatientClock } from "./patient_clock.ts";
import { PollSlot, type PollSlotOwner, type Slot } from "./poll_slot.ts";
import { AutomaticScheduler, type Scheduler, type Serviceable } from "./scheduler.ts";
import { ServicedClock } from "./serviced_clock.ts";

/** Tells the program of the descriptors in use; false where it can't follow. Implemented by Polling. */
export interface PollHost {
  /** @param id which connection has the descriptor */
  addPollFd(id: number, fd: number, events: number): boolean;
  delPollFd(id: number, fd: number, events: number): void;
  changeModePollFd(id: number, fd: number, events: number, previous: number): void;
  /** The first call that serves begins. */
  serviceBegins(): void;
  /** Ends a connection that can't be watched. */
  abort(id: number): void;
}

/** As many calls as no program waits for at once, but a loop makes in no time that forgets to await. */
const FORGOTTEN_CALLS = 100;

/** Holds what happens to the descriptors of a context until the program asks for it. */
export class PolledService implements Scheduler, PollSlotOwner {
  /** The time for all that must not be called between two calls of service. */
  readonly clock: ServicedClock;
  readonly #hostClock: Clock;
  protected readonly host: PollHost;
  /** By the number of their owner. */
  protected readonly slots = new Map<number, Slot>();
  /** Slots that may be ready, in the order in which they became so. */
  readonly #ready = new Set<Slot>();
  /** Those of them that the call in hand has yet to serve. */
  #due = new Set<Slot>();
  readonly #waiting = new Set<() => void>();
  /** Calls that wait, or are about to. */
  #calls = 0;
  /** How often calls of service were cancelled. */
  #cancels = 0;
  /** Serves by itself once the context has ended. */
  #released: AutomaticScheduler | undefined;
  /** Whether the next call is cancelled, as there was none that waited. */
  #isCancelled = false;
  #hasBegun = false;
  /** Whether `poll` has said already that timeouts are due, which only a call that serves runs. */
  #hasToldDue = false;

  constructor(clock: Clock, host: PollHost) {
    this.#hostClock = clock;
    this.host = host;
    this.clock = new ServicedClock(new PatientClock(clock), () => this.wake());
  }

  // For connections.

  /** The slot of a descriptor, of which the program need not know yet. */
  slot(id: number, events = 0): Slot {
    const known = this.slots.get(id);
    if (known !== undefined) return known;
    const slot = this.makeSlot(id, events);
    this.slots.set(id, slot);
    return slot;
  }

  protected makeSlot(id: number, events: number): Slot {
    return new PollSlot(id, events, this);
  }

  /** Tells the program of a slot. False when it can't watch that; it is served at once from then on. */
  announce(slot: Slot): boolean {
    // Before the call, in which the program may destroy the context.
    slot.isAnnounced = true;
    if (this.host.addPollFd(slot.id, slot.fd, slot.events)) return true;
    slot.isAnnounced = false;
    this.slots.delete(slot.id);
    return false;
  }

  /** Forgets a descriptor and what waits of it; harmless when repeated. */
  unwatch(id: number): void {
    const slot = this.slots.get(id);
    if (slot === undefined) return;
    this.leave(slot);
    slot.clear();
  }

  /** Forgets a descriptor, and not what waits of it. */
  protected leave(slot: Slot): void {
    this.slots.delete(slot.id);
    this.#ready.delete(slot);
    if (slot.isAnnounced) this.host.delPollFd(slot.id, slot.fd, slot.events);
  }

  request(task: Serviceable, events: number): void {
    const slot = this.slotOf(task);
    if (this.#released !== undefined) this.#released.request(task);
    else if (slot !== undefined) slot.add(task, events);
    else queueMicrotask(() => task.service());
  }

  protected slotOf(task: Serviceable): Slot | undefined {
    return this.slots.get(task.socketFd);
  }

  arrived(task: Serviceable, events: number): void {
    const slot = this.slotOf(task);
    if (slot !== undefined && this.#released === undefined) return slot.add(task, events);
    // What came before it may still wait.
    slot?.drain();
    task.service();
  }

  soon(task: Serviceable): void {
    queueMicrotask(() => task.service());
  }

  hasToTell(fd: number): boolean {
    const slot = this.slots.get(fd);
    return this.#released === undefined && slot !== undefined && slot.revents !== 0;
  }

  /** The context ends: what waits is told soon, and from now on all is told at once. */
  release(): void {
    const released = new AutomaticScheduler();
    this.#released = released;
    for (const slot of this.slots.values()) {
      released.request({ socketFd: slot.id, service: () => slot.drain() });
    }
    released.request({ socketFd: 0, service: () => this.clock.release() });
    this.wake();
  }

  stop(): void {
    this.#released?.stop();
    this.slots.clear();
    this.wake();
  }

  protected get isReleased(): boolean {
    return this.#released !== undefined;
  }

  interestChanged(slot: Slot, previous: number): void {
    if (slot.isAnnounced && this.slots.has(slot.id)) {
      this.host.changeModePollFd(slot.id, slot.fd, slot.events, previous);
    }
  }

  readinessChanged(slot: Slot): void {
    if (slot.revents === 0) return;
    this.#ready.add(slot);
    this.wake();
  }

  // For the program.

  /** As `Context.service`. */
  async service(timeoutMs: number): Promise<number> {
    await this.#call(async (isCancelled) => {
      if (!isCancelled() && timeoutMs > 0 && !this.hasWork()) await this.wait(timeoutMs);
    });
    return this.#released === undefined ? this.serveReady() : -1;
  }

  /** What a call waits for; a cancel counts from its begin to its end, whatever else wakes it meanwhile. */
  async #call<T>(wait: (isCancelled: () => boolean) => Promise<T>): Promise<T> {
    const isCancelled = this.takeCancel();
    const before = this.#cancels;
    if (++this.#calls === FORGOTTEN_CALLS) {
      const count = own(FORGOTTEN_CALLS);
      log(
        "warn",
        () =>
          line`${count} calls of service or poll wait at once: await each, as nothing comes to a loop that doesn't`,
      );
    }
    try {
      // Behind the end as well: a loop that goes on calling must not keep the runtime from all else.
      await this.#rest();
      return await wait(() => isCancelled || this.#cancels !== before);
    } finally {
      this.#calls--;
    }
  }

  /**
   * Tells what waits, and then runs timeouts, which judge peers that are silent. What comes of it waits for the next
   * call, as each slot is served once.
   *
   * @param fetch serves what is to be told before
   */
  protected serveReady(fetch?: () => void): number {
    this.begin();
    const due = this.#due = new Set(this.#ready);
    fetch?.();
    for (const slot of due) this.serveSlot(slot, slot.revents);
    this.#runDue();
    return this.#released === undefined ? 0 : -1;
  }

  protected serveSlot(slot: Slot, revents: number): void {
    this.#due.delete(slot);
    this.#ready.delete(slot);
    if (this.slots.get(slot.id) === slot) slot.serve(revents);
  }

  /** As `Context.cancelService`. */
  cancel(): void {
    this.#cancels++;
    if (this.#calls > 0) this.wake();
    else this.#isCancelled = true;
  }

  /** As `Context.serviceFd`. */
  serviceFd(pollFd: PollFd | null): number {
    if (this.#released !== undefined) return -1;
    this.begin();
    const slot = pollFd === null ? undefined : this.slotAt(pollFd.fd);
    if (pollFd !== null && slot !== undefined) {
      const { revents } = pollFd;
      pollFd.revents = 0;
      this.serveSlot(slot, revents);
    }
    this.#runDue();
    return slot === undefined || this.slots.get(slot.id) === slot ? 0 : 1;
  }

  /** As `Context.poll`. */
  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    const deadline = this.#hostClock.now() + timeoutMs;
    return this.#call(async (isCancelled) => {
      for (;;) {
        if (this.#released !== undefined) return -1;
        const count = this.report(pollFds);
        const leftMs = deadline - this.#hostClock.now();
        const tellsDue = this.clock.hasDue && !this.#hasToldDue;
        if (count > 0 || isCancelled() || leftMs <= 0 || tellsDue) {
          this.#hasToldDue ||= tellsDue;
          return count;
        }
        await this.wait(leftMs, pollFds);
      }
    });
  }

  /** As `Context.pollNow`. */
  pollNow(pollFds: readonly PollFd[]): number {
    return this.#released === undefined ? this.report(pollFds) : -1;
  }

  /** The slot of a descriptor as the program knows it. */
  protected slotAt(fd: number): Slot | undefined {
    return this.slots.get(fd);
  }

  /** Sets each entry's `revents` by the rules of poll(2); returns how many are not 0. */
  protected report(pollFds: readonly PollFd[]): number {
    let count = 0;
    for (const entry of pollFds) {
      const slot = this.slots.get(entry.fd);
      if (slot !== undefined) entry.revents = slot.revents & (entry.events | POLLERR | POLLHUP);
      if (entry.revents !== 0) count++;
    }
    return count;
  }

  protected hasWork(): boolean {
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

  protected begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.host.serviceBegins();
  }

  protected takeCancel(): boolean {
    const isCancelled = this.#isCancelled;
    this.#isCancelled = false;
    return isCancelled;
  }

  /** Lets the runtime see to its sockets: a program that only calls this would starve them. */
  #rest(): Promise<void> {
    return new Promise((resolve) => void setImmediate(resolve));
  }

  /**
   * Waits until something may be ready, or for so long.
   *
   * @param _pollFds what is looked at by `poll`
   * @param ready ends this wait, and no other
   */
  protected async wait(
    timeoutMs: number,
    _pollFds?: readonly PollFd[],
    ready?: Promise<void>,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    ready?.then(resolve, resolve);
    const timer = timeoutMs === Infinity ? undefined : this.#hostClock.setTimer(resolve, timeoutMs);
    await promise;
    this.#waiting.delete(resolve);
    if (timer !== undefined) this.#hostClock.clearTimer(timer);
  }

  protected wake(): void {
    for (const resolve of this.#waiting) resolve();
  }
}
