/** A connected socket: TCP or unix, accepted or connected. */

import type { Address, Transport, TransportHandler } from "../../api/network.ts";
import { leftOf } from "../../base/buffers.ts";
import {
  EAGAIN,
  EINTR,
  ENOBUFS,
  ENOMEM,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  MSG_NOSIGNAL,
  SHUT_WR,
  SO_ERROR,
  SOL_SOCKET,
} from "./constants.ts";
import { failure } from "./failure.ts";
import type { Readiness, Watcher } from "./readiness.ts";
import { addressFrom, ipv4Address, NO_ADDRESS } from "./socket.ts";
import { bytesOf, int, SOCKADDR_SIZE } from "./structs.ts";

const READING = EPOLLIN | EPOLLRDHUP;
/** Not in the set: the kernel tells of a broken connection again and again, whatever one asks for. */
const UNWATCHED = -1;

/** After these a call is made again when the kernel says so: there was no room, or it was interrupted. */
const IN_VAIN: ReadonlySet<number> = new Set([EAGAIN, EINTR, ENOBUFS, ENOMEM]);

/** What is to be known of a transport, in one number: each field of its own costs an idle one eight bytes. */
const PAUSED = 1;
/** The handler has bytes in hand, of which a rest may come back. */
const OFFERING = 2;
const RESUME_IS_DUE = 4;
/** The peer will send no more. */
const ENDED = 8;
/** The handler has heard of that. */
const END_IS_TOLD = 16;
const ENDS_AFTER_WRITE = 32;
const GONE = 64;

/** Over a descriptor that is connected and non-blocking, which it closes. */
export class EpollTransport implements Transport, Watcher {
  readonly #loop: Readiness;
  #fd: number;
  /** An IPv4 address as its number, which takes less than an object and a text do; else the object. */
  readonly #peer: number | Address;
  readonly #peerPort: number;
  #handler: TransportHandler | undefined;
  /** What the kernel watches it for. */
  #watched = UNWATCHED;
  /** What was read and not taken. */
  #rest: Uint8Array | undefined;
  /** What of a write has not left. */
  #unsent: Uint8Array | undefined;
  #flags = 0;

  /**
   * @param peer of what is at the other end, or an IPv4 address as a number
   * @param peerPort beside a number
   */
  constructor(loop: Readiness, fd: number, peer: number | Address, peerPort = 0) {
    this.#loop = loop;
    this.#fd = fd;
    this.#peer = peer;
    this.#peerPort = peerPort;
    loop.own(fd, this);
  }

  get remoteAddress(): Address {
    const peer = this.#peer;
    return typeof peer === "object" ? peer : ipv4Address(peer, this.#peerPort);
  }

  /** The socket's; −1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether the kernel watches it for what comes. */
  get isReading(): boolean {
    return this.#watched === READING;
  }

  /** Empty once it is closed. */
  get localAddress(): Address {
    return (this.#isClosed ? undefined : localAddressOf(this.#loop, this.#fd)) ?? NO_ADDRESS;
  }

  get later(): Transport["later"] {
    return this.#loop.isEager ? (work) => this.#loop.later(this.#fd, work) : undefined;
  }

  get #isClosed(): boolean {
    return this.#fd < 0;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#add(READING);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed) return false;
    this.#unsent = bytes;
    return this.#send();
  }

  pause(): void {
    this.#flags |= PAUSED;
    if (this.#loop.isEager && this.#watched !== UNWATCHED) this.#watch();
  }

  resume(): void {
    if (!this.#is(PAUSED)) return;
    this.#flags &= ~PAUSED;
    if (this.#is(RESUME_IS_DUE) || this.#isClosed) return;
    const isDue = this.#is(OFFERING) || this.#rest !== undefined || this.#isEndDue;
    if (!isDue) return this.#watch();
    this.#flags |= RESUME_IS_DUE;
    this.#loop.later(this.#fd, () => this.#onResumed());
  }

  end(): void {
    if (this.#unsent !== undefined) this.#flags |= ENDS_AFTER_WRITE;
    else if (!this.#isClosed) this.#loop.libc.shutdown(this.#fd, SHUT_WR);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#loop.close(this.#letGo(), false, () => this.#gone(undefined));
  }

  abort(): void {
    if (this.#isClosed) return;
    this.#loop.close(this.#letGo(), true, () => this.#gone(undefined));
  }

  abandon(): void {
    this.#handler = undefined;
    this.close();
  }

  onReady(events: number): void {
    const isBroken = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    if (this.#unsent !== undefined && (isBroken || (events & EPOLLOUT) !== 0)) {
      try {
        this.#sendMore();
      } catch (error) {
        return this.#break(error);
      }
      if (this.#isClosed) return;
    }
    if (!isBroken && (events & READING) === 0) return;
    if (this.#reads) this.#read();
    else if (isBroken) this.#onBroken();
    else this.#watch();
  }

  get #reads(): boolean {
    return !this.#is(PAUSED | ENDED);
  }

  get #isEndDue(): boolean {
    return (this.#flags & (ENDED | END_IS_TOLD)) === ENDED;
  }

  /** Whether one of these holds. */
  #is(flags: number): boolean {
    return (this.#flags & flags) !== 0;
  }

  #read(): void {
    const { libc } = this.#loop;
    const rest = this.#rest;
    const held = rest === undefined ? 0 : rest.length;
    let borrowed: Uint8Array<ArrayBuffer> | undefined;
    try {
      borrowed = this.#loop.borrow();
      const buffer = held * 2 > borrowed.length ? new Uint8Array(held * 2) : borrowed;
      if (rest !== undefined) buffer.set(rest);
      const room = held === 0 ? buffer : buffer.subarray(held);
      const count = libc.recv(this.#fd, room, room.length, 0);
      if (count < 0) return this.#onReadFailed(libc.errno());
      if (count === 0) {
        this.#flags |= ENDED;
        this.#tellEnd();
        if (!this.#isClosed) this.#watch();
      } else this.#offer(this.#loop.viewOf(buffer, held + count), false);
    } catch (error) {
      this.#break(error);
    } finally {
      if (borrowed !== undefined) this.#loop.giveBack(borrowed);
    }
  }

  #onReadFailed(errno: number): void {
    if (!IN_VAIN.has(errno)) this.#break(failure(this.#loop.libc, "recv", errno));
  }

  /** @param isOwn whether it is this transport's rest, and no view of a buffer that others use as well */
  #offer(bytes: Uint8Array, isOwn: boolean): void {
    this.#flags |= OFFERING;
    const taken = this.#handler!.onBytes(bytes);
    this.#flags &= ~OFFERING;
    if (this.#isClosed) return;
    if (taken >= bytes.length) this.#rest = undefined;
    else this.#rest = isOwn ? leftOf(bytes, taken) : bytes.slice(taken);
  }

  #onResumed(): void {
    this.#flags &= ~RESUME_IS_DUE;
    if (this.#is(PAUSED) || this.#isClosed) return;
    const rest = this.#rest;
    try {
      if (rest !== undefined) {
        this.#rest = undefined;
        this.#offer(rest, true);
      }
      this.#tellEnd();
    } catch (error) {
      return this.#break(error);
    }
    if (!this.#isClosed) this.#watch();
  }

  /** Behind all that was read: a rest whose turn is due comes first. */
  #tellEnd(): void {
    if (this.#is(PAUSED | RESUME_IS_DUE) || this.#isClosed || !this.#isEndDue) return;
    this.#flags |= END_IS_TOLD;
    this.#handler!.onEnd();
  }

  /** It is broken, or both halves are closed, while nothing is read. */
  #onBroken(): void {
    const isKnown = this.#is(ENDED) || this.#loop.isEager;
    if (!isKnown) return this.#unwatch();
    const errno = socketError(this.#loop, this.#fd);
    if (errno !== 0) this.#break(failure(this.#loop.libc, "recv", errno));
    else this.#unwatch();
  }

  /** There is room for more of it again, or it is broken. */
  #sendMore(): void {
    const before = this.#unsent!.length;
    if (this.#send()) {
      this.#handler!.onDrain();
      if (!this.#isClosed) this.#watch();
    } else if (this.#unsent!.length < before) this.#handler!.onProgress?.();
  }

  /** Sends what is left of the write under way; whether that is all. */
  #send(): boolean {
    const { libc } = this.#loop;
    const bytes = this.#unsent!;
    const count = libc.send(this.#fd, bytes, bytes.length, MSG_NOSIGNAL);
    if (count === bytes.length) {
      this.#loop.hasSent = true;
      this.#unsent = undefined;
      if (this.#is(ENDS_AFTER_WRITE)) this.end();
      return true;
    }
    if (count >= 0) this.#unsent = bytes.subarray(count);
    else {
      const errno = libc.errno();
      if (!IN_VAIN.has(errno)) {
        this.#breakSoon(failure(libc, "send", errno));
        return false;
      }
    }
    this.#watch();
    return false;
  }

  /**
   * Has the kernel watch for what is of use, where that differs. Called when there is more to watch for, and
   * else when it has told of something useless: a pause that ends before anything has come costs nothing.
   */
  #watch(): void {
    const wanted = (this.#reads ? READING : 0) | (this.#unsent === undefined ? 0 : EPOLLOUT);
    if (wanted === this.#watched) return;
    if (this.#watched !== UNWATCHED) {
      if (this.#loop.change(this.#fd, wanted)) this.#watched = wanted;
      // It would wait for ever.
      else this.#breakSoon(failure(this.#loop.libc, "epoll_ctl", this.#loop.libc.errno()));
      return;
    }
    // Broken while nothing was read: there is nothing to wait for until reading goes on.
    if (wanted === 0) return;
    this.#add(wanted);
  }

  #add(wanted: number): void {
    try {
      this.#loop.add(this.#fd, wanted, this);
      this.#watched = wanted;
    } catch (error) {
      this.#breakSoon(error);
    }
  }

  /** What is broken the kernel tells again and again, whatever it is asked for. */
  #unwatch(): void {
    if (this.#watched === UNWATCHED) return;
    this.#watched = UNWATCHED;
    this.#loop.remove(this.#fd);
  }

  /** As {@linkcode #break}, from inside a call of the handler's. */
  #breakSoon(error: unknown): void {
    this.#loop.later(this.#fd, () => this.#break(error));
  }

  /** The peer or the network ended the connection. */
  #break(error: unknown): void {
    if (this.#isClosed) return;
    this.#loop.finish(this.#letGo(), () => this.#gone(error));
  }

  /** The descriptor, which it has no more. */
  #letGo(): number {
    const fd = this.#fd;
    this.#watched = UNWATCHED;
    this.#fd = -1;
    this.#rest = this.#unsent = undefined;
    return fd;
  }

  #gone(error: unknown): void {
    if (this.#is(GONE)) return;
    this.#flags |= GONE;
    this.#handler?.onClose(error);
  }
}

/** What `SO_ERROR` is, which is 0 behind that; or why it can't be told. */
export function socketError({ libc }: Readiness, fd: number): number {
  const value = Int32Array.of(0);
  const length = Int32Array.of(value.byteLength);
  const told = libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, bytesOf(value), bytesOf(length));
  return told < 0 ? libc.errno() : value[0]!;
}

/** Our end of a socket; undefined when the system doesn't tell. */
export function localAddressOf({ libc }: Readiness, fd: number): Address | undefined {
  const address = new Uint8Array(SOCKADDR_SIZE);
  const length = int(address.length);
  if (libc.getsockname(fd, address, length) < 0) return undefined;
  return addressFrom(libc, address);
}
