/**
 * The time that a peer has while one of its requests is served: to take the answer, and to send the body; and
 * that after which a program without an answer is told of.
 */

import type { Limits } from "../../api/limits.ts";
import { line, log } from "../../base/log.ts";
import type { Connection } from "../connection.ts";

/** Over so many milliseconds of waiting for a body its rate is measured. */
const RATE_WINDOW_MS = 30_000;

/**
 * For how much longer than the client was told its connection is kept: the client's time begins with the
 * answer's arrival, and it has to be the one that gives up, or a request crosses the end of the connection.
 */
const GRACE_MS = 1000;

/** In place of a time: nothing is waited for. */
const NEVER = -1;

/** What {@linkcode ExchangeTimer.verdict} finds. */
export type ExchangeVerdict =
  /** Nothing of the answer was taken for `sendTimeoutMs`. */
  | "unread"
  /** The body came to a halt for `contentTimeoutMs`, or is slower than `minBodyRate`. */
  | "slow body"
  /** No fault of the peer: it kept the rate for a window, or the program has yet to answer. */
  | "goes on"
  /** No time of the exchange's own is over. */
  | "none";

/**
 * Two times that run beside each other on the one timeout of a connection, whichever is over first. That
 * of the body rests while the program doesn't receive, and its rate is measured over the rest alone.
 */
export class ExchangeTimer {
  readonly #connection: Connection;
  /** When the peer last took something of what it is sent, or something began to wait. */
  #takenAt = 0;
  /** Since when the program has all that it needs to answer. */
  #askedAt = NEVER;
  /** Since when the next piece of the body is waited for. */
  #pieceAt = NEVER;
  /** Since when this window runs without a rest. */
  #windowAt = 0;
  /** How long it ran before. */
  #windowMs = 0;
  #windowBytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Something is to be sent, or the peer took a part of it and has as much time for the next. */
  sends(): void {
    this.#askedAt = NEVER;
    this.#takenAt = this.#now();
    this.rearm();
  }

  /** The program has to answer from now on; a timeout that it has chosen stays. */
  asks(): void {
    if (this.#connection.isTimeoutOfProgram) return;
    this.#askedAt = this.#now();
    this.rearm();
  }

  /**
   * The client has its time for the next request, once the last answer has left.
   *
   * @param isTold whether the client was told how long that is
   */
  idles(isTold: boolean): void {
    const connection = this.#connection;
    if (connection.outbox.unsent > 0) return this.rearm();
    const { keepAliveTimeoutMs } = connection.owner.limits;
    connection.armTimeout("httpContent", keepAliveTimeoutMs + (isTold ? GRACE_MS : 0));
  }

  /** The body is waited for from now on, if it was not already. */
  listens(): void {
    this.#askedAt = NEVER;
    if (this.#pieceAt === NEVER) this.#pieceAt = this.#windowAt = this.#now();
    this.rearm();
  }

  /** So many bytes of the body have come, and the next have as much time again. */
  heard(bytes: number): void {
    this.#windowBytes += bytes;
    if (this.#pieceAt !== NEVER && bytes > 0) this.#pieceAt = this.#now();
  }

  /** The program doesn't receive, or the body is whole: the peer owes nothing now. */
  rests(): void {
    if (this.#pieceAt !== NEVER) {
      this.#windowMs += this.#now() - this.#windowAt;
      this.#pieceAt = NEVER;
    }
    this.rearm();
  }

  /** Another body begins, or none. */
  reset(): void {
    this.#pieceAt = this.#askedAt = NEVER;
    this.#windowMs = this.#windowBytes = 0;
  }

  /** Puts the connection under what is over first, in place of what it is under. */
  rearm(): void {
    const connection = this.#connection;
    const { wheel } = connection.owner;
    const unreadAt = connection.outbox.unsent > 0 ? this.#unreadAt : Infinity;
    const bodyAt = this.#pieceAt === NEVER ? Infinity : this.#bodyDueAt();
    const dueAt = Math.min(unreadAt, bodyAt, this.#silentAt);
    if (dueAt === Infinity) connection.armTimeout("noPendingTimeout", 0);
    else connection.armTimeout("httpContent", dueAt - wheel.now());
  }

  /** Which of the times is over, now that the timeout has expired. */
  verdict(): ExchangeVerdict {
    const connection = this.#connection;
    const { contentTimeoutMs, minBodyRate } = connection.owner.limits;
    const now = connection.owner.wheel.now();
    if (connection.outbox.unsent > 0 && now >= this.#unreadAt) {
      return this.#past("sendTimeoutMs", "unread");
    }
    if (now >= this.#silentAt) return this.#tellOfSilence();
    if (this.#pieceAt === NEVER) return "none";
    if (now >= this.#pieceAt + contentTimeoutMs) return this.#past("contentTimeoutMs", "slow body");
    if (minBodyRate === 0 || now < this.#windowEnd()) return "none";
    if (this.#windowBytes * 1000 < minBodyRate * RATE_WINDOW_MS) {
      return this.#past("minBodyRate", "slow body");
    }
    this.#windowBytes = this.#windowMs = 0;
    this.#windowAt = this.#now();
    this.rearm();
    return "goes on";
  }

  #past(limit: keyof Limits, verdict: ExchangeVerdict): ExchangeVerdict {
    this.#connection.owner.counters.hit(limit);
    return verdict;
  }

  /** When the peer has taken nothing for too long; while the context is destroyed it has less time. */
  get #unreadAt(): number {
    const { isDestroyed, limits: { sendTimeoutMs, closeTimeoutMs } } = this.#connection.owner;
    return this.#takenAt + (isDestroyed ? Math.min(sendTimeoutMs, closeTimeoutMs) : sendTimeoutMs);
  }

  /** When the program has answered nothing for so long that it is told of. */
  get #silentAt(): number {
    if (this.#askedAt === NEVER) return Infinity;
    return this.#askedAt + this.#connection.owner.limits.sendTimeoutMs;
  }

  /** The program may take its time; but mostly it has forgotten to answer. */
  #tellOfSilence(): "goes on" {
    const { socketFd, phase, uri, owner: { limits: { sendTimeoutMs } } } = this.#connection;
    log("warn", () => {
      return line`connection ${socketFd}: ${phase?.response?.method} ${uri} was answered with nothing for ${sendTimeoutMs} ms`;
    });
    this.#askedAt = NEVER;
    this.rearm();
    return "goes on";
  }

  #bodyDueAt(): number {
    const { contentTimeoutMs, minBodyRate } = this.#connection.owner.limits;
    const pieceDueAt = this.#pieceAt + contentTimeoutMs;
    return minBodyRate === 0 ? pieceDueAt : Math.min(pieceDueAt, this.#windowEnd());
  }

  #windowEnd(): number {
    return this.#windowAt + RATE_WINDOW_MS - this.#windowMs;
  }

  /** In whole milliseconds: a time counts from there, and is never over early. */
  #now(): number {
    return Math.ceil(this.#connection.owner.wheel.now());
  }
}
