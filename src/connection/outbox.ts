/**
 * What a connection has to send. Bytes of any kind are queued here only: each way to do so asks for room
 * first, puts all of them in their place, and sees to it that they leave.
 */

import { type Limits, longestWrite } from "../api/limits.ts";
import type { Transport } from "../api/network.ts";
import type { CloseCause } from "../api/reasons.ts";
import { POLLOUT } from "../api/service.ts";
import { line, log } from "../base/log.ts";
import type { SharedBytes } from "../base/shared_bytes.ts";
import { markEnd, moveMarks, passMarks } from "./messages/marks.ts";
import { headerLength, writeHeader } from "../core/websocket/frame.ts";
import { hasPadded, PRE_PADDING, takePadded } from "../core/websocket/lws_padding.ts";
import {
  EMPTY_QUEUE,
  type Masking,
  maskPayload,
  takeBack,
  takeQueue,
  type TxQueue,
  UNMASKED,
} from "../core/websocket/send_queue.ts";
import type { Scheduler, Serviceable } from "../service/scheduler.ts";

/**
 * In place of how many bytes were given: the library has written them, and keeps them few. No limit of
 * what may be unsent stands against them, and none of the program's writes waits for them.
 */
export const BESIDE = -1;
/** As well: they come as fast as what is before them leaves, so that no limit stands against them. */
export const PACED = -2;
/** What {@linkcode Outbox.written} says of a write that was broken. */
export const BROKEN = -1;

/** What is to be known of an outbox, in one number: each field of its own costs eight bytes. */
const IN_TURN = 1;
const FLUSH_IS_DUE = 2;
/** The connection hears right now that a write has left at once. */
const LEAVING = 4;
/** A writeable callback was asked for, and has not come. */
const WANTS_WRITABLE = 8;
const WRITABLE_IS_DUE = 16;
/** The program waits for something to leave. */
const MARKED = 32;
/** One comes that was not asked for, as little enough is unsent again. */
const DRAIN_IS_DUE = 64;
/** The first of those that are not used here. */
export const FIRST_FREE_FLAG = 128;

/** What an outbox needs of the context. Implemented by ServingContext. */
export interface SendingOwner {
  readonly counters: { hit(limit: "maxUnsentBytes"): void };
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  /** Calls `flush` of one that was written to outside a turn, before long. */
  flushLater(outbox: Outbox): void;
}

/**
 * The bytes of one connection that wait, and those under way. The base of a connection and no part of it: an
 * object more would cost each idle one its memory.
 */
export abstract class Outbox implements Serviceable {
  /** Of its own while something is unsent: most connections are idle. */
  #queue: TxQueue = EMPTY_QUEUE;
  /** That of the queue it had last. */
  #sizeHint = EMPTY_QUEUE.sizeHint;
  /** Those above, and what subclasses have beside them. */
  protected flags = 0;

  abstract readonly socketFd: number;
  abstract readonly isOpen: boolean;
  abstract readonly owner: SendingOwner;
  /** Undefined before there is one, and when it is gone. */
  abstract readonly transport: Transport | undefined;
  /** A writeable callback that was asked for is due. */
  abstract onWritable(): void;
  abstract abort(cause: CloseCause): void;
  /** As `onDrain` of a transport's handler. */
  abstract onDrain(): void;

  /** The connection, as what takes bytes. */
  get outbox(): Outbox {
    return this;
  }

  /** Bytes queued and under way. */
  get unsent(): number {
    return this.#queue.unsent;
  }

  /** Whether more is unsent than a program should go on writing behind. */
  get isCongested(): boolean {
    return this.#queue.unsent > this.owner.limits.softUnsentBytes;
  }

  /** Those of them that no program has written: heads, pongs and probes. */
  get besides(): number {
    return this.#queue.besides;
  }

  /** Whether a write of the transport is under way. */
  get isWriting(): boolean {
    return this.#queue.isWriting;
  }

  get isInTurn(): boolean {
    return (this.flags & IN_TURN) !== 0;
  }

  /** The queue to put something in. */
  #filling(): TxQueue {
    const queue = this.#queue;
    return queue === EMPTY_QUEUE ? this.#queue = takeQueue(this.#sizeHint) : queue;
  }

  // Queueing. Each says whether it was done; if not, there was no room, and the connection is cut.

  /**
   * Queues a copy of `bytes`.
   *
   * @param length How many they are, by the engine's word and not by what an object says.
   * @param given How many of them the program has written, which an extension may have made more or
   *   fewer; or {@linkcode BESIDE}, or {@linkcode PACED}.
   */
  send(bytes: Uint8Array, length: number, given: number): boolean {
    if (!this.#hasRoom(length, given)) return false;
    if (length === 0) return true;
    this.#filling().put(bytes, length);
    this.#queued(length, given);
    return true;
  }

  /**
   * As {@linkcode send}, of a frame: header and payload lie together, so that they leave in one write.
   * One in a buffer of `allocPadded` is not copied, and belongs to the connection from now on.
   *
   * @param first The first byte of the header.
   */
  sendFrame(
    first: number,
    payload: Uint8Array,
    length: number,
    given: number,
    masking: Masking,
  ): boolean {
    if (hasPadded()) return this.#sendPadded(first, payload, length, given, masking);
    const size = headerLength(length, masking !== UNMASKED) + length;
    if (!this.#hasRoom(size, given)) return false;
    this.#filling().put(payload, length, first, masking);
    this.#queued(size, given);
    return true;
  }

  /** Apart from {@linkcode sendFrame}, so that the engine inlines what nearly every write is. */
  #sendPadded(
    first: number,
    payload: Uint8Array,
    length: number,
    given: number,
    masking: Masking,
  ): boolean {
    const size = headerLength(length, masking !== UNMASKED) + length;
    if (!this.#hasRoom(size, given)) return false;
    const padded = takePadded(payload, length);
    if (padded === undefined) this.#filling().put(payload, length, first, masking);
    else this.#filling().append(framedInPlace(first, padded, size, length, masking));
    this.#queued(size, given);
    return true;
  }

  /** As {@linkcode send}, with a few bytes in front of `bytes` and behind them; all leave in one piece. */
  sendBetween(before: Uint8Array, bytes: Uint8Array, after: Uint8Array, given: number): boolean {
    const { length } = bytes;
    const size = before.length + length + after.length;
    if (!this.#hasRoom(size, given)) return false;
    this.#filling().putBetween(before, bytes, length, after);
    this.#queued(size, given);
    return true;
  }

  /** Queues `bytes` themselves, which must not change any more. */
  lend(bytes: Uint8Array, given: number): boolean {
    const { length } = bytes;
    if (!this.#hasRoom(length, given)) return false;
    this.#filling().append(bytes);
    this.#queued(length, given);
    return true;
  }

  /** As {@linkcode lend}, of bytes that other outboxes have as well. */
  share(shared: SharedBytes, given: number): boolean {
    const { length } = shared;
    if (!this.#hasRoom(length, given)) return false;
    this.#filling().share(shared);
    this.#queued(length, given);
    return true;
  }

  /** As {@linkcode lend}, with copies of a few bytes in front of `bytes` and behind them. */
  lendBetween(before: Uint8Array, bytes: Uint8Array, after: Uint8Array, given: number): boolean {
    const size = before.length + bytes.length + after.length;
    if (!this.#hasRoom(size, given)) return false;
    this.#filling().put(before);
    this.#filling().append(bytes);
    this.#filling().put(after);
    this.#queued(size, given);
    return true;
  }

  /** Queues a copy of a head, the library's or the program's, for which none of the program's writes waits. */
  say(bytes: Uint8Array, given: number = BESIDE): boolean {
    return this.#hasRoom(bytes.length, given) && this.send(bytes, bytes.length, BESIDE);
  }

  /** Puts what `work` sends, which is none of the program's, in front of all that waits. */
  ahead(work: () => void): void {
    const queue = this.#filling();
    const before = queue.unsent;
    queue.ahead(work);
    if ((this.flags & MARKED) !== 0) moveMarks(this, queue.unsent - before);
  }

  /** Resolves when all that is unsent has left. Whatever ends the connection rejects it, by `dropMarks`. */
  mark(): Promise<void> {
    this.flags |= MARKED;
    return markEnd(this, this.unsent);
  }

  /** No write waits any more for what is unsent now. */
  setAside(): void {
    this.#queue.besides = this.#queue.unsent;
  }

  /** Whether so many more bytes may be unsent, which a write of `given` bytes became. */
  #hasRoom(size: number, given: number): boolean {
    return given < 0 || this.#queue.unsent + size <= this.owner.limits.maxUnsentBytes ||
      this.#takesLong(given);
  }

  /** Whether a write past the limit is taken; if not, the connection is cut. */
  #takesLong(given: number): boolean {
    const others = this.#queue.unsent - this.#queue.besides;
    if (others <= 0 && given <= longestWrite(this.owner.limits)) return true;
    log(
      "warn",
      () => line`connection ${this.socketFd}: ${whyNoRoom(this.owner.limits, given, others)}`,
    );
    this.owner.counters.hit("maxUnsentBytes");
    this.abort("unsent");
    return false;
  }

  /** They leave at the end of the connection's turn, or soon. */
  #queued(size: number, given: number): void {
    if (given === BESIDE) this.#queue.besides += size;
    if ((this.flags & (IN_TURN | FLUSH_IS_DUE)) !== 0) return;
    this.flags |= FLUSH_IS_DUE;
    this.owner.flushLater(this);
  }

  // Turns and writes.

  /** The transport is gone, and all that was unsent. */
  protected drop(): void {
    const queue = this.#queue;
    this.#queue = EMPTY_QUEUE;
    queue.clear();
  }

  /** A turn of the connection begins: what it sends leaves in one write, when {@linkcode endTurn} says so. */
  beginTurn(): void {
    this.flags |= IN_TURN;
  }

  /** Whether a write of the transport has begun. */
  endTurn(): boolean {
    this.flags &= ~IN_TURN;
    return this.flush();
  }

  /** Runs `work` in a turn. */
  turn(work: () => void): void {
    if (this.isInTurn) return work();
    this.beginTurn();
    try {
      work();
    } finally {
      // What threw is answered as well, and nothing would leave in a turn without an end.
      this.endTurn();
    }
  }

  /** Gives what was sent to the transport, if that is free; whether it has. */
  flush(): boolean {
    this.flags &= ~FLUSH_IS_DUE;
    const queue = this.#queue;
    if (!queue.hasQueued || queue.isWriting) return false;
    const { transport } = this;
    if (transport === undefined) return false;
    if (transport.write(queue.next()) === true) this.#left();
    return true;
  }

  /** All has left at once. What comes of that goes on here, but not within itself: it might never end. */
  #left(): void {
    if ((this.flags & LEAVING) !== 0) return this.#leaveSoon();
    this.flags |= LEAVING;
    try {
      this.onDrain();
    } finally {
      this.flags &= ~LEAVING;
    }
  }

  /** Apart from {@linkcode #left}, in which its closure would cost every write. */
  #leaveSoon(): void {
    const service = () => void (this.#queue.isWriting && this.onDrain());
    this.owner.scheduler.soon({ socketFd: this.socketFd, service });
  }

  // The writeable callback, which comes when nothing is unsent, or where it is a drain's, not too much.

  /** Whether one was asked for, and has not come. */
  get wantsWritable(): boolean {
    return (this.flags & WANTS_WRITABLE) !== 0;
  }

  askWritable(): void {
    this.flags |= WANTS_WRITABLE;
    this.offerWritable();
  }

  /** Has the callback come in service, if it was asked for. */
  offerWritable(): void {
    const wants = (this.flags & (WANTS_WRITABLE | WRITABLE_IS_DUE)) === WANTS_WRITABLE;
    if (!wants || this.unsent > 0) return;
    this.flags |= WRITABLE_IS_DUE;
    this.owner.scheduler.request(this, POLLOUT);
  }

  /** Has it come in service without being asked for; one that is due serves for both. */
  offerDrain(): void {
    const isDue = (this.flags & (WRITABLE_IS_DUE | DRAIN_IS_DUE)) !== 0;
    this.flags |= DRAIN_IS_DUE;
    if (!isDue) this.owner.scheduler.request(this, POLLOUT);
  }

  service(): void {
    // What was written since then leaves first, and has it offered again.
    const isAsked = this.wantsWritable && this.unsent === 0;
    const isDrained = (this.flags & DRAIN_IS_DUE) !== 0 && !this.isCongested;
    this.flags &= ~(WRITABLE_IS_DUE | DRAIN_IS_DUE);
    if (!this.isOpen || !(isAsked || isDrained)) return;
    if (isAsked) this.flags &= ~WANTS_WRITABLE;
    this.turn(() => this.onWritable());
  }

  // What has left.

  /** The transport is done with its write: how many bytes have left, or {@linkcode BROKEN}. */
  written(): number {
    const queue = this.#queue;
    const before = queue.unsent;
    if (!queue.written()) return this.#broken();
    if ((this.flags & MARKED) !== 0 && !passMarks(this, before - queue.unsent)) {
      this.flags &= ~MARKED;
    }
    if (queue.unsent > 0 || queue.hasQueued) return before - queue.unsent;
    this.#queue = EMPTY_QUEUE;
    this.#sizeHint = queue.sizeHint;
    takeBack(queue);
    return before;
  }

  #broken(): typeof BROKEN {
    const { socketFd } = this;
    log(
      "err",
      () =>
        line`connection ${socketFd}: the buffer of a write was transferred before it had left; what is written from allocPadded belongs to the connection`,
    );
    return BROKEN;
  }
}

/** A frame of `size` bytes whose payload lies in `padded`, with room for the header in front of it. */
function framedInPlace(
  first: number,
  padded: ArrayBuffer,
  size: number,
  length: number,
  masking: Masking,
): Uint8Array {
  const header = size - length;
  const frame = new Uint8Array(padded, PRE_PADDING - header, size);
  writeHeader(frame, 0, first, length, masking !== UNMASKED);
  if (masking !== UNMASKED) maskPayload(frame, header, length, masking);
  return frame;
}

/** What is to be known of a write that is not taken. */
function whyNoRoom(limits: Limits, given: number, others: number): string {
  const limit = `maxUnsentBytes (${limits.maxUnsentBytes})`;
  if (others <= 0) {
    return `a write of ${given} bytes is above ${limit}, and above what one write may have when ` +
      `nothing else is unsent (${longestWrite(limits)})`;
  }
  if (given > limits.maxUnsentBytes) {
    return `a write of ${given} bytes is above ${limit}, which it may only be when nothing else is ` +
      `unsent; ${others} bytes are`;
  }
  return `the peer reads too slowly, ${limit} is reached`;
}
