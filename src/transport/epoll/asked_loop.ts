/** Readiness for a context that its program serves: the kernel is asked when the program asks. */

import type { PolledHost, PolledWait } from "../../api/network.ts";
import { type PollFd, POLLIN, POLLOUT } from "../../api/service.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  SHUT_RDWR,
} from "./constants.ts";
import { must } from "./failure.ts";
import type { Libc } from "./libc.ts";
import { Readiness, type Watcher } from "./readiness.ts";
import { orClose } from "./socket.ts";
import { bytesOf, pollTable, takeRevents } from "./structs.ts";

/** Events that one wait fetches. */
const MOST_EVENTS = 256;

/**
 * Tells of nothing by itself, until {@linkcode AskedLoop.release}. A connection that this end closes keeps its
 * descriptor until its owner has heard of that, so that the number is nothing else's meanwhile.
 */
export class AskedLoop extends Readiness {
  override readonly isEager = true;
  readonly #host: PolledHost;
  readonly #onReleased: () => void;
  /** Watches what is no connection's yet; it is watched itself. */
  #aside = -1;
  /** What makes it ready when there is work of no descriptor. */
  #signalFd = -1;
  readonly #watchedAside = new Map<number, number>();
  /** Descriptors that are closed once that is told. */
  #closing = 0;
  /** What ends each wait on another thread: one that ended others' as well would be ended by theirs in turn. */
  readonly #waits = new Set<number>();
  /** What ends no wait now. There is one at least for the first, however few descriptors are left. */
  readonly #spares: number[] = [];
  /** Where a wait puts its events. */
  #events: Int32Array<ArrayBuffer> | undefined = new Int32Array(MOST_EVENTS * this.layout.words);
  #isReleased = false;
  #released: PromiseWithResolvers<void> | undefined;

  /** @param onReleased called when all is closed */
  constructor(libc: Libc, host: PolledHost, onReleased: () => void) {
    super(libc);
    this.#host = host;
    this.#onReleased = onReleased;
  }

  get asideFd(): number {
    this.opened();
    return this.#aside;
  }

  override add(fd: number, events: number, watcher: Watcher): void {
    if (!this.#host.isKnown(fd)) return this.addAside(fd, events, watcher);
    super.add(fd, events, watcher);
    this.#host.watches(fd, events & (POLLIN | POLLOUT));
  }

  override addAside(fd: number, events: number, watcher: Watcher): void {
    this.opened();
    this.addTo(this.#aside, fd, events, watcher);
    this.#watchedAside.set(fd, events);
    this.#host.asideIsNeeded();
  }

  known(fd: number): void {
    const events = this.#watchedAside.get(fd);
    if (events === undefined) return;
    // What the kernel can't watch here is watched aside as before.
    if (this.control(this.epoll, EPOLL_CTL_ADD, fd, events) === 0) {
      this.#watchedAside.delete(fd);
      this.control(this.#aside, EPOLL_CTL_DEL, fd, 0);
    }
    this.#host.watches(fd, events & (POLLIN | POLLOUT));
  }

  override change(fd: number, events: number): boolean {
    if (this.#watchedAside.has(fd)) {
      this.#watchedAside.set(fd, events);
      return this.control(this.#aside, EPOLL_CTL_MOD, fd, events) === 0;
    }
    const isDone = super.change(fd, events);
    if (isDone) this.#host.watches(fd, events & (POLLIN | POLLOUT));
    return isDone;
  }

  override remove(fd: number): void {
    if (this.#watchedAside.delete(fd)) this.control(this.#aside, EPOLL_CTL_DEL, fd, 0);
    else {
      this.control(this.epoll, EPOLL_CTL_DEL, fd, 0);
      this.#host.watches(fd, 0);
    }
    this.unwatch(fd);
  }

  override forget(fd: number): void {
    this.#watchedAside.delete(fd);
    super.forget(fd);
  }

  later(fd: number, work: () => void): void {
    if (this.#isReleased) queueMicrotask(work);
    else this.#host.later(fd, work);
  }

  close(fd: number, isReset: boolean, gone: () => void): void {
    this.#closing++;
    // The kernel tells of a hang-up whatever it is asked for, and again and again.
    this.remove(fd);
    this.forget(fd);
    const { libc } = this;
    const isSevered = isReset && libc.connect(fd, UNSPECIFIED, UNSPECIFIED.length) === 0;
    if (!isSevered) libc.shutdown(fd, SHUT_RDWR);
    this.later(fd, () => this.#end(fd, gone));
  }

  finish(fd: number, gone: () => void): void {
    this.#closing++;
    this.remove(fd);
    this.forget(fd);
    this.#end(fd, gone);
  }

  #end(fd: number, gone: () => void): void {
    try {
      gone();
    } finally {
      this.#host.leaves(fd);
      this.libc.close(fd);
      this.#closing--;
      this.#shutIfDone();
    }
  }

  override closeListener(fd: number): void {
    this.remove(fd);
    this.forget(fd);
    this.#host.leaves(fd);
    this.libc.close(fd);
    this.#shutIfDone();
  }

  // What the context asks.

  get hasReady(): boolean {
    const own = [{ fd: this.opened(), events: POLLIN, revents: 0 }];
    this.pollNow(own);
    return own[0]!.revents !== 0;
  }

  wait(timeoutMs: number, tell: (fd: number, revents: number) => void): void {
    const { words, data } = this.layout;
    const epoll = this.opened();
    // A callback may ask as well: what was fetched for this call is its own.
    const events = this.#events ?? new Int32Array(MOST_EVENTS * words);
    this.#events = undefined;
    const count = this.libc.epoll_wait(epoll, bytesOf(events), MOST_EVENTS, timeoutMs);
    for (let i = 0; i < count; i++) {
      const start = i * words;
      const fd = events[start + data]!;
      if (this.isOf(fd, events[start + data + 1]!)) tell(fd, events[start]!);
    }
    this.#events = events;
  }

  ready(pollFds?: readonly PollFd[]): PolledWait {
    const epoll = this.opened();
    const ending = this.#spares.pop() ?? this.openEvent();
    const isReadable = (fd: number): PollFd => ({ fd, events: POLLIN, revents: 0 });
    const table = pollTable([...pollFds ?? [isReadable(epoll)], isReadable(ending)]);
    this.#waits.add(ending);
    let isOver = false;
    const done = this.libc.pollElsewhere(table).then(() => {
      isOver = true;
      this.#waits.delete(ending);
      // Not before, so that a thread that begins late is ended as well.
      this.drain(ending);
      this.#spares.push(ending);
      this.#shutIfDone();
    });
    return { done, end: () => void (isOver || this.libc.eventfd_write(ending)) };
  }

  pollNow(pollFds: readonly PollFd[]): void {
    const table = pollTable(pollFds);
    if (this.libc.poll(table, pollFds.length, 0) >= 0) takeRevents(table, pollFds);
  }

  #endWaits(): void {
    for (const each of this.#waits) this.libc.eventfd_write(each);
  }

  signal(): void {
    this.opened();
    this.libc.eventfd_write(this.#signalFd);
  }

  override serve(fd: number, revents: number): void {
    if (fd !== this.#aside) return super.serve(fd, revents);
    const { words, data } = this.layout;
    const events = new Int32Array(MOST_EVENTS * words);
    const count = this.libc.epoll_wait(fd, bytesOf(events), MOST_EVENTS, 0);
    for (let i = 0; i < count; i++) {
      const start = i * words;
      const each = events[start + data]!;
      if (each === this.#signalFd) this.drain(each);
      else if (this.isOf(each, events[start + data + 1]!)) super.serve(each, events[start]!);
    }
  }

  /** From now on it tells by itself, until nothing is left. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#endWaits();
    this.#shutIfDone();
    if (this.epoll >= 0) void this.#drive();
    else this.#onReleased();
  }

  override closeAll(): Promise<void> {
    this.release();
    void super.closeAll();
    return this.released();
  }

  async #drive(): Promise<void> {
    while (this.epoll >= 0) {
      await this.ready().done;
      if (this.epoll >= 0) this.wait(0, (fd, revents) => this.serve(fd, revents));
    }
  }

  /** Resolves when all is closed. */
  released(): Promise<void> {
    if (this.epoll < 0) return Promise.resolve();
    this.#released ??= Promise.withResolvers();
    return this.#released.promise;
  }

  protected onAdded(): void {}

  protected onLastUnwatched(): void {
    if (this.#isReleased) this.#endWaits();
  }

  protected onOpened(epoll: number): void {
    const { libc } = this;
    const aside = must(libc, "epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
    orClose(libc, aside, () => {
      const signalFd = this.openEvent();
      orClose(libc, signalFd, () => {
        this.addOwn(aside, signalFd);
        this.addOwn(epoll, aside);
        this.#spares.push(this.openEvent());
      });
      this.#signalFd = signalFd;
    });
    this.#aside = aside;
  }

  #shutIfDone(): void {
    if (!this.#isReleased || this.watched > 0 || this.#closing > 0 || this.epoll < 0) return;
    if (this.#waits.size > 0) return this.#endWaits();
    for (const each of this.#spares.splice(0)) this.libc.close(each);
    this.libc.close(this.#signalFd);
    this.libc.close(this.#aside);
    this.#signalFd = this.#aside = -1;
    this.shut();
    this.#released?.resolve();
    this.#onReleased();
  }
}

/** `struct sockaddr` of `AF_UNSPEC`: connecting to it resets a connection over TCP, and leaves it none. */
const UNSPECIFIED = new Uint8Array(16);
