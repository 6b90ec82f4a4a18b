/** The *manual* and *external* policies over a network whose descriptors are real. */

import type { PolledHost, PolledNetwork } from "../api/network.ts";
import { type Clock, type PollFd, POLLIN, POLLOUT } from "../api/service.ts";
import { DescriptorSlot } from "./descriptor_slot.ts";
import type { Slot } from "./poll_slot.ts";
import { PolledService, type PollHost } from "./polled_service.ts";
import type { Serviceable } from "./scheduler.ts";

/** Of what has no descriptor, or none yet. */
const ASIDE = -1;
/** A listening socket can't be written to: what waits for it is told for the context. */
const LISTENER = 0;

/** Asks the kernel, which is the one that knows what is ready, whenever the program asks for service. */
export class DescriptorService extends PolledService implements PolledHost {
  readonly #network: PolledNetwork;
  readonly #byFd = new Map<number, DescriptorSlot>();
  #aside: DescriptorSlot | undefined;

  /** @param polled makes the network */
  constructor(clock: Clock, host: PollHost, polled: (host: PolledHost) => PolledNetwork) {
    super(clock, host);
    this.#network = polled(this);
  }

  get network(): PolledNetwork {
    return this.#network;
  }

  protected override makeSlot(id: number, events: number): DescriptorSlot {
    return new DescriptorSlot(id, events, this, this.#serveKernel);
  }

  readonly #serveKernel = (fd: number, revents: number): void => {
    this.#network.serve(fd, revents);
  };

  /** Gives a slot its descriptor. */
  open(id: number, fd: number, events: number): void {
    const slot = this.slot(id, events) as DescriptorSlot;
    slot.fd = fd;
    this.#byFd.set(fd, slot);
    this.#network.known(fd);
  }

  /** Tells the program of a slot, once that has a descriptor. */
  override announce(slot: Slot): boolean {
    if (slot.fd >= 0) return super.announce(slot);
    (slot as DescriptorSlot).isWanted = true;
    return true;
  }

  override unwatch(id: number): void {
    const slot = this.slots.get(id) as DescriptorSlot | undefined;
    if (slot === undefined) return;
    this.#byFd.delete(slot.fd);
    for (const work of slot.takeWorks()) this.later(slot.fd, work);
    super.unwatch(id);
  }

  protected override slotOf({ socketFd }: Serviceable): Slot {
    return socketFd === LISTENER
      ? this.#asideSlot()
      : this.slots.get(socketFd) ?? this.#asideSlot();
  }

  /** In service as well: a program that blocks the thread has no microtasks. */
  override soon(task: Serviceable): void {
    if (this.isReleased) super.soon(task);
    else this.slotOf(task).add(task, POLLOUT);
  }

  // What the network tells.

  isKnown(fd: number): boolean {
    return this.#byFd.has(fd);
  }

  watches(fd: number, events: number): void {
    const slot = this.#byFd.get(fd);
    slot?.watch(events);
    if (!slot?.isWanted) return;
    slot.isWanted = false;
    if (!this.announce(slot)) this.later(fd, () => this.host.abort(slot.id));
  }

  leaves(fd: number): void {
    const slot = this.#byFd.get(fd);
    if (slot === undefined) return;
    this.#byFd.delete(fd);
    if (slot.isAnnounced) this.host.delPollFd(slot.id, fd, slot.events);
    slot.isAnnounced = false;
    // A layer over the socket, as of TLS, may have yet to tell its end.
    slot.fd = -1;
    this.readinessChanged(slot);
  }

  later(fd: number, work: () => void): void {
    if (this.isReleased) queueMicrotask(work);
    else (this.#byFd.get(fd) ?? this.#asideSlot()).later(work);
  }

  asideIsNeeded(): void {
    this.#asideSlot();
  }

  #asideSlot(): DescriptorSlot {
    if (this.#aside !== undefined) return this.#aside;
    const slot = this.slot(ASIDE, POLLIN) as DescriptorSlot;
    this.#aside = slot;
    this.open(ASIDE, this.#network.asideFd, POLLIN);
    this.announce(slot);
    return slot;
  }

  // What waits in memory, and in the kernel.

  override interestChanged(slot: Slot, previous: number): void {
    if (slot === this.#aside) return;
    super.interestChanged(slot, previous);
    this.wake();
  }

  override readinessChanged(slot: Slot): void {
    const isUnseen = slot.fd < 0 || slot === this.#aside;
    if (isUnseen && slot.revents !== 0 && !this.isReleased) {
      this.#asideSlot();
      this.#network.signal();
    }
    super.readinessChanged(slot);
  }

  protected override hasWork(): boolean {
    return super.hasWork() || this.#network.hasReady;
  }

  protected override serveReady(): number {
    return super.serveReady(() => this.#fetch(0));
  }

  #fetch(timeoutMs: number): void {
    this.#network.wait(timeoutMs, (fd, revents) => {
      const slot = this.#byFd.get(fd);
      if (slot === undefined) this.#network.serve(fd, revents);
      else this.serveSlot(slot, revents);
    });
  }

  protected override serveSlot(slot: Slot, revents: number): void {
    super.serveSlot(slot, revents);
    if (slot !== this.#aside) return;
    for (const each of this.slots.values()) {
      if (each.fd < 0 && each.revents !== 0) super.serveSlot(each, each.revents);
    }
  }

  override serviceFd(pollFd: PollFd | null): number {
    // A program that blocks in a poll(2) of its own leaves the clock below no turn.
    this.clock.look();
    return super.serviceFd(pollFd);
  }

  protected override slotAt(fd: number): Slot | undefined {
    return this.#byFd.get(fd);
  }

  protected override report(pollFds: readonly PollFd[]): number {
    this.#network.pollNow(pollFds);
    return pollFds.filter(({ revents }) => revents !== 0).length;
  }

  protected override async wait(timeoutMs: number, pollFds?: readonly PollFd[]): Promise<void> {
    const { done, end } = this.#network.ready(pollFds);
    await super.wait(timeoutMs, pollFds, done);
    end();
    await done;
  }

  /** As `Context.serviceSync`. */
  serviceSync(timeoutMs: number): number {
    if (this.isReleased) return -1;
    const isAtOnce = this.takeCancel() || super.hasWork();
    const waitMs = isAtOnce ? 0 : Math.min(timeoutMs, this.clock.untilDue());
    return super.serveReady(() => {
      this.#fetch(Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS)));
      this.clock.look();
    });
  }

  override release(): void {
    super.release();
    // Without a connection the context may have ended before what waits is told.
    for (const slot of this.slots.values()) {
      for (const work of (slot as DescriptorSlot).takeWorks()) queueMicrotask(work);
    }
    // Its descriptor is closed before the last connection is gone.
    if (this.#aside !== undefined) this.leave(this.#aside);
    this.#network.release();
  }
}

/** What `epoll_wait` can wait. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
