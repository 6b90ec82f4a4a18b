/** One `epoll` instance: which watcher is told that a descriptor is ready. */

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
import { epollEventLayout } from "./structs.ts";

/** What a read takes at most before all others have had their turn: four messages of 64 KiB with their headers. */
const BUFFER_BYTES = 256 * 1024 + 64;

/** The owner of a descriptor. Implemented by EpollTransport, EpollListener and an attempt to connect. */
export interface Watcher {
  /** Its descriptor is ready, as `events` of `epoll_wait` says. */
  onReady(events: number): void;
  /** Closes its descriptor, and tells nothing of it. */
  abandon(): void;
}

/** Watches descriptors, level-triggered; when the kernel is asked about them, the subclasses say. */
export abstract class Readiness {
  readonly libc: Libc;
  /** Whether a pause takes effect at once in what is watched, and not with the first useless event. */
  readonly isEager: boolean = false;
  /** Whether a connection has sent anything since this was made false. */
  hasSent = false;
  protected readonly layout = epollEventLayout(Deno.build.arch);
  protected epoll = -1;
  /** How many descriptors are watched. */
  protected watched = 0;
  readonly #event = new Int32Array(this.layout.words);
  readonly #eventOf = new Uint8Array(this.#event.buffer);
  readonly #eventfdValue = new Uint8Array(8);
  /** The owners of all descriptors that are open, by descriptor. */
  readonly #watchers: (Watcher | undefined)[] = [];
  /**
   * A descriptor's number is used again at once: what the kernel tells of the former one is not its. Odd while
   * it is watched.
   */
  readonly #generations: number[] = [];
  #buffer: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(BUFFER_BYTES);
  #view: Uint8Array | undefined;

  constructor(libc: Libc) {
    this.libc = libc;
  }

  /** Called when there is one more to watch. */
  protected abstract onAdded(): void;
  /** Called when nothing is watched any more. */
  protected abstract onLastUnwatched(): void;
  /** Has `work`, which belongs to a descriptor, done soon, and not from inside this call. */
  abstract later(fd: number, work: () => void): void;
  /** Closes a connection from this end, by a reset if that is wanted, and tells by `gone` soon. */
  abstract close(fd: number, isReset: boolean, gone: () => void): void;
  /** Closes a descriptor whose connection has ended by itself, and tells by `gone`. */
  abstract finish(fd: number, gone: () => void): void;

  /**
   * Watches a descriptor from now on.
   *
   * @throws {Error} when the kernel can't watch one more
   */
  add(fd: number, events: number, watcher: Watcher): void {
    this.addTo(this.opened(), fd, events, watcher);
  }

  /** As {@linkcode add}, of a listener. */
  addListener(fd: number, events: number, watcher: Watcher): void {
    this.addTo(this.opened(), fd, events, watcher);
  }

  /** As {@linkcode add}, of what is no connection yet. */
  addAside(fd: number, events: number, watcher: Watcher): void {
    this.add(fd, events, watcher);
  }

  protected addTo(epoll: number, fd: number, events: number, watcher: Watcher): void {
    this.#generations[fd] = ((this.#generations[fd] ?? 0) + 1) | 0;
    this.watched++;
    this.onAdded();
    try {
      must(this.libc, "epoll_ctl", this.control(epoll, EPOLL_CTL_ADD, fd, events));
    } catch (error) {
      this.unwatch(fd);
      throw error;
    }
    this.#watchers[fd] = watcher;
  }

  /** Closes a descriptor that is no connection's. */
  closeListener(fd: number): void {
    // Another process may have the same socket, by which it would stay in the set.
    this.remove(fd);
    this.forget(fd);
    this.libc.close(fd);
  }

  /** Changes what a descriptor is watched for; whether that was done. */
  change(fd: number, events: number): boolean {
    return this.control(this.epoll, EPOLL_CTL_MOD, fd, events) === 0;
  }

  /** Watches a descriptor no more that stays open. */
  remove(fd: number): void {
    this.control(this.epoll, EPOLL_CTL_DEL, fd, 0);
    this.unwatch(fd);
  }

  /** A descriptor is open that may never be watched: {@linkcode closeAll} has it closed as well. */
  own(fd: number, owner: Watcher): void {
    this.#watchers[fd] = owner;
  }

  /** Forgets a descriptor that is about to be closed, by which the kernel forgets it. */
  forget(fd: number): void {
    this.#watchers[fd] = undefined;
    this.unwatch(fd);
  }

  protected unwatch(fd: number): void {
    const generation = this.#generations[fd] ?? 0;
    if ((generation & 1) === 0) return;
    this.#generations[fd] = (generation + 1) | 0;
    if (--this.watched === 0) this.onLastUnwatched();
  }

  /** Resolves when no thread waits any more, and nothing is open that is needed to wait. */
  abstract released(): Promise<void>;

  /** Closes all that is open; resolves when nothing is left. */
  closeAll(): Promise<void> {
    for (const watcher of this.#watchers) watcher?.abandon();
    return this.released();
  }

  /**
   * The buffer that a read goes to, until {@linkcode giveBack}; a read inside of another one's callback has one of
   * its own.
   */
  borrow(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer ?? new Uint8Array(BUFFER_BYTES);
    this.#buffer = undefined;
    return buffer;
  }

  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    // A callback that has transferred it costs its own connection, and none that would read into nothing.
    this.#buffer = buffer.length > 0 ? buffer : undefined;
  }

  /** The first bytes of a buffer: most reads bring as many as the one before, and views are valid during it only. */
  viewOf(buffer: Uint8Array<ArrayBuffer>, length: number): Uint8Array {
    const view = this.#view;
    if (view?.length === length && view.buffer === buffer.buffer) return view;
    return this.#view = new Uint8Array(buffer.buffer, 0, length);
  }

  protected control(epoll: number, operation: number, fd: number, events: number): number {
    const { data } = this.layout;
    this.#event[0] = events;
    this.#event[data] = fd;
    this.#event[data + 1] = this.#generations[fd]!;
    return this.libc.epoll_ctl(epoll, operation, fd, this.#eventOf);
  }

  /** Opens what is needed to watch anything, unless it is open. @throws {Error} such as `EMFILE` */
  protected opened(): number {
    if (this.epoll >= 0) return this.epoll;
    const { libc } = this;
    const epoll = must(libc, "epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
    orClose(libc, epoll, () => this.onOpened(epoll));
    return this.epoll = epoll;
  }

  /** Opens what else is needed beside an `epoll`, or nothing of it. @throws {Error} as `opened` */
  protected abstract onOpened(epoll: number): void;

  /** A new descriptor that another thread may wait for. @throws {Error} such as `EMFILE` */
  protected openEvent(): number {
    return must(this.libc, "eventfd", this.libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  /** Watches a descriptor that is no watcher's. */
  protected addOwn(epoll: number, fd: number): void {
    this.#generations[fd] ??= 0;
    must(this.libc, "epoll_ctl", this.control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN));
  }

  /** Closes that again. */
  protected shut(): void {
    this.libc.close(this.epoll);
    this.epoll = -1;
  }

  /** The next call that would wait for it does. */
  protected drain(eventfd: number): void {
    this.libc.eventfd_read(eventfd, this.#eventfdValue);
  }

  /** Whether an event that the kernel told is for the descriptor's present owner, or one of its own. */
  protected isOf(fd: number, generation: number): boolean {
    return this.#generations[fd] === generation;
  }

  /** Tells the watcher of a descriptor. */
  serve(fd: number, events: number): void {
    try {
      this.#watchers[fd]?.onReady(events);
    } catch (error) {
      // The watchers behind it in this round must not suffer from it.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
