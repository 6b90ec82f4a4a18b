/**
 * The line in which answers wait while connections hold too much: what an answer takes is known when it is there, so
 * that a crowd that is asked for at once would take the memory of all of them. Hence a few are made at a time.
 */

import { POLLOUT } from "../../api/service.ts";
import { Few } from "../../base/few.ts";
import { type Sharing, waitForTurn } from "../../service/awaited_turn.ts";
import type { Scheduler } from "../../service/scheduler.ts";
import { type TimerWheel, WheelTimer } from "../../service/timer_wheel.ts";
import type { TurnBudget } from "../../service/turn_budget.ts";
import type { BufferedBytes, Holder } from "./buffered_bytes.ts";

/** How often it is looked whether there is room, in milliseconds. */
const LOOK_MS = 100;
/** For so long the line may stand still, and one may be in it, until some go on without room, in milliseconds. */
const STANDS_STILL_MS = 1_000;
const PATIENCE_MS = 5_000;
/** What those make until the next look, in parts of the limit: past it the largest are cut for them. */
const SHARE = 1 / 4;
/** So many are made at a time: to wait costs as much as a quarter of a small answer. */
const MANY = 64;
/** So many are while there are large ones among the last {@linkcode MANY}. */
const FEW = 8;
/** A large answer is more than this part of the limit. */
const LARGE = 1 / 256;
/** What is promised and is not there after so many microtasks waits for something else. */
const MICROTASKS = 32;

/** The connection that an answer is for. Implemented by Connection. */
export interface Answering extends Holder, Sharing {
  readonly socketFd: number;
  turn(work: () => void): void;
}

/** What makes a part of an answer. Implemented by PlainRequest, FetchedAnswer and StreamedBody. */
export interface InLine {
  readonly connection: Answering;
  /** Whether the program doesn't know of it, so that it goes behind those that it is at work for. */
  readonly isNew: boolean;
  /** It is its turn; {@linkcode RoomLine.done} must follow. */
  goOn(): void;
  /** It is new, has waited for `sendTimeoutMs`, and is out of the line. */
  giveUp(): void;
}

/** What the line asks of its context. */
export interface LineContext {
  readonly wheel: TimerWheel;
  readonly scheduler: Scheduler;
  readonly budget: TurnBudget;
  readonly buffered: BufferedBytes;
  readonly limits: { readonly maxBufferedBytes: number; readonly sendTimeoutMs: number };
}

/** One of a context. */
export class RoomLine {
  readonly #context: LineContext;
  readonly #begun = new Set<InLine>();
  /** Since when they wait. */
  readonly #new = new Map<InLine, number>();
  /** The same, and some that have left meanwhile. */
  #newest: InLine[] = [];
  /** What is being made, of which it is not known how much it is; one of a connection. */
  readonly #making = new Few<InLine>();
  /** Those of them that wait for a promise, which may take its time. */
  readonly #promised = new Few<InLine>();
  /** Answers behind the last large one. */
  #sinceLarge = MANY;
  /** Whether they are given some microtasks. */
  #isTiming = false;
  /** Those of the last look. */
  #seen: readonly InLine[] = [];
  #isGoing = false;
  #awaitsTurn = false;
  /** Bytes that may still be made without room. */
  #credit = 0;
  /** Since when it stands still, and whether any found room since the last look. */
  #stillSince: number | undefined;
  #hasMoved = false;
  /** Whether any went on without it since then. */
  #hasSpent = false;
  /** How many connections had been cut at the last look. */
  #cuts = 0;
  readonly #look: WheelTimer = new WheelTimer({ onTimeout: () => this.#lookAgain() });

  constructor(context: LineContext) {
    this.#context = context;
  }

  /** How many requests wait, for which the program was not called. */
  get requests(): number {
    return this.#new.size;
  }

  get #isEmpty(): boolean {
    return this.#begun.size + this.#new.size === 0;
  }

  get #most(): number {
    return this.#sinceLarge < MANY ? FEW : MANY;
  }

  /** Whether `one` may begin; else its `goOn` is called. What begins goes on to others of its connection. */
  enter(one: InLine): boolean {
    const other = this.#makerOf(one.connection);
    if (other === undefined && !this.#isFreeFor(one)) return this.#wait(one);
    this.#make(one, other);
    return true;
  }

  #makerOf(connection: Answering): InLine | undefined {
    return this.#making.find((one) => one.connection === connection);
  }

  /** @param other what is made of its connection already */
  #make(one: InLine, other: InLine | undefined): void {
    if (other !== undefined) this.#making.delete(other);
    this.#making.add(one);
  }

  #isFreeFor({ isNew }: InLine): boolean {
    const isFirst = this.#begun.size === 0 && !(isNew && this.#new.size > 0);
    return isFirst && this.#making.size < this.#most && !this.#context.buffered.isFull;
  }

  /** Whether it is the turn of `one`. */
  isMaking(one: InLine): boolean {
    return this.#making.has(one);
  }

  /** It waits for a promise now, and others for it no longer than a moment. */
  awaits(one: InLine): void {
    if (!this.isMaking(one)) return;
    this.#promised.add(one);
    if (!this.#isEmpty) this.#time();
  }

  /** What it made counts already. */
  done(one: InLine): void {
    if (!this.#stop(one)) return;
    const { buffered, limits } = this.#context;
    const weight = buffered.weightOf(one.connection);
    this.#sinceLarge = weight > limits.maxBufferedBytes * LARGE ? 0 : this.#sinceLarge + 1;
    if (this.#credit > 0) this.#credit -= weight;
    this.goOn();
  }

  /** It makes nothing more. */
  leave(one: InLine): void {
    this.#remove(one);
    // It may be in the middle of its end.
    if (this.#stop(one) && !this.#isEmpty) queueMicrotask(() => this.goOn());
  }

  #stop(one: InLine): boolean {
    // Another one of its connection may make instead of it by now.
    this.#promised.delete(one);
    return this.#making.delete(one);
  }

  #wait(one: InLine): false {
    if (this.#isEmpty) this.#cuts = this.#context.buffered.cuts;
    if (one.isNew) {
      this.#new.set(one, this.#context.wheel.now());
      this.#newest.push(one);
    } else this.#begun.add(one);
    if (this.#making.size === 0) this.#standStill();
    else if (this.#promised.size > 0) this.#time();
    // Whatever becomes of those that make: it is given up in time.
    this.#lookLater();
    return false;
  }

  #remove(one: InLine): void {
    if (!one.isNew) this.#begun.delete(one);
    else if (this.#new.delete(one) && this.#newest.length > 2 * this.#new.size + 16) {
      this.#newest = [...this.#new.keys()];
    }
  }

  async #time(): Promise<void> {
    if (this.#isTiming) return;
    this.#isTiming = true;
    const timed = this.#promised.values();
    for (let i = 0; i < MICROTASKS && this.#promised.size > 0; i++) await undefined;
    this.#isTiming = false;
    for (const one of timed) if (this.#promised.has(one)) this.done(one);
    if (!this.#isEmpty && this.#promised.size > 0) this.#time();
  }

  /** There may be room. */
  goOn(): void {
    if (this.#isEmpty || this.#making.size > 0 || this.#isGoing || this.#awaitsTurn) return;
    this.#goOnWhile(false);
  }

  #goOnWhile(isInTurn: boolean): void {
    const { buffered, budget } = this.#context;
    let mayGoOn = isInTurn;
    this.#isGoing = true;
    while (this.#making.size < this.#most) {
      const { isFull } = buffered;
      const one = this.#next(isFull);
      if (one === undefined) break;
      if (isFull && this.#credit <= 0) {
        this.#standStill();
        break;
      }
      if (!mayGoOn && !budget.mayGoOn()) {
        this.#goOnInTurn(one);
        break;
      }
      mayGoOn = false;
      if (isFull) this.#hasSpent = true;
      else this.#hasMoved = true;
      this.#begin(one);
    }
    this.#isGoing = false;
  }

  /** Without room it is the newest request: the oldest are the crowd's that took the room, and given up first. */
  #next(isFull: boolean): InLine | undefined {
    if (this.#begun.size > 0) return this.#begun.values().next().value;
    if (!isFull) return this.#new.keys().next().value;
    const newest = this.#newest;
    while (newest.length > 0 && !this.#new.has(newest.at(-1)!)) newest.pop();
    return newest.at(-1);
  }

  #goOnInTurn(one: InLine): void {
    this.#awaitsTurn = true;
    waitForTurn(one.connection, () => {
      this.#awaitsTurn = false;
      this.#goOnWhile(true);
    });
  }

  #begin(one: InLine): void {
    this.#remove(one);
    const { connection } = one;
    this.#make(one, this.#makerOf(connection));
    let isServed = false;
    const service = () => {
      isServed = true;
      connection.turn(() => one.goOn());
    };
    this.#context.scheduler.arrived({ socketFd: connection.socketFd, service }, POLLOUT);
    // The program serves when it likes, and maybe not that one.
    if (!isServed) this.#lookLater();
  }

  #standStill(): void {
    this.#stillSince ??= this.#context.wheel.now();
    this.#lookLater();
  }

  #lookLater(): void {
    if (!this.#look.pending) this.#context.wheel.arm(this.#look, LOOK_MS);
  }

  #lookAgain(): void {
    const { wheel, buffered, limits: { maxBufferedBytes, sendTimeoutMs } } = this.#context;
    const now = wheel.now();
    this.#giveUpBefore(now - sendTimeoutMs);
    if (this.#hasMoved && buffered.cuts === this.#cuts) this.#stillSince = undefined;
    // A stream is out of the line between two of its pieces, and its patience is at an end all the same.
    const isOver = this.#isEmpty && !this.#hasSpent;
    this.#hasMoved = this.#hasSpent = false;
    this.#cuts = buffered.cuts;
    const [, oldest = now] = this.#new.entries().next().value ?? [];
    const isLate = now - (this.#stillSince ?? now) >= STANDS_STILL_MS ||
      now - oldest >= PATIENCE_MS;
    this.#credit = isLate ? maxBufferedBytes * SHARE : 0;
    for (const one of this.#seen) this.done(one);
    this.goOn();
    this.#seen = this.#making.values();
    if (isOver) this.#stillSince = undefined;
    if (!isOver || this.#seen.length > 0) this.#lookLater();
  }

  #giveUpBefore(before: number): void {
    for (const [one, since] of this.#new) {
      if (since > before) break;
      this.#remove(one);
      one.giveUp();
    }
  }
}
