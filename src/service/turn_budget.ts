/**
 * One budget of time for what all connections do until the event loop has come round. The runtime looks
 * for new readiness only when it has nothing else to do, or in each 61st turn, so that one peer that
 * always has sent more would keep it from all others. A timer is under way while there is traffic: when
 * it fires in time the loop has come round by itself. When it is overdue the budget is spent, and only
 * newcomers with little to do go on; as many empty turns as make the runtime look take as long as a few
 * small echoes, where a second timer took a millisecond. Then those that wait have their turns.
 *
 * A network that looks for readiness by itself brings a budget of its own, whose timer comes whenever the
 * network has looked.
 */

import type { Network } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { systemClock } from "./clock.ts";
import { TurnOrder, type TurnTaker } from "./turns/order.ts";

/** Within this the timer has fired where the loop comes round by itself (2 ms; measured). */
const BUDGET_MS = 2.5;
/**
 * Turns of the event loop in which the runtime has looked for readiness (61; measured), and hands out
 * what it found.
 */
const TURNS_TO_LOOK = 64;
/** Within this of the budget's end newcomers are served a piece each. */
const GRACE_MS = 1;
/** Pieces of work between two looks at the clock; how many depends on how long they take. */
const MOST_UNLOOKED = 64;
const SHORT_MS = 0.1;
/** Light traffic sets a timer, which costs as much as a small echo, for so many pieces only. */
const PIECES_A_TIMER = 32;
const LONG_MS = 0.25;
/** Pieces until a look that is of no use; the engine keeps it as a small integer. */
const NEVER = 2 ** 30 - 1;

/** Says which turn takers may go on, and lets the others wait. */
export class TurnBudget {
  /** Whether it is used up; all is in vain until the loop has come round. */
  isSpent = false;
  readonly #clock: Clock | undefined;
  readonly #turnsToLook: number;
  readonly #budgetMs: number;
  #timer: unknown;
  #startedAt = 0;
  #spentAt = 0;
  #lookedAt = 0;
  /** The last look before a taker began to work. */
  #beganAt = 0;
  #unlooked = 1;
  #untilLook = 1;
  /** Looks since a taker began; without one, the last look may be before an idle time. */
  #looks = 0;
  /** Pieces since the loop came round, as far as they were looked at. */
  #pieces = 0;
  readonly #order = new TurnOrder();
  /** How many contexts go by it. */
  #users = 0;
  /** Empty turns until the runtime has looked for readiness. */
  #turnsLeft = 0;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  /** What has its turn and was not charged for it, and since when. */
  #inTurn: TurnTaker | undefined;
  #turnAt = 0;

  /**
   * @param clock without one it is never spent
   * @param turnsToLook turns of the event loop until there was a look for readiness behind an overdue timer
   * @param budgetMs how much it is
   */
  constructor(
    clock: Clock | undefined,
    turnsToLook: number = TURNS_TO_LOOK,
    budgetMs: number = BUDGET_MS,
  ) {
    this.#clock = clock;
    this.#turnsToLook = turnsToLook;
    this.#budgetMs = budgetMs;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#order.length;
  }

  /** A context goes by it from now on. Without any it is never spent. */
  enter(): void {
    this.#users++;
  }

  /**
   * A context that has {@linkcode enter}ed has ended. No timer is left behind that no other one needs: behind the last
   * one what still waits, for connections that have ended, has its turn at once.
   */
  leave(): void {
    const isLast = --this.#users === 0;
    if (!isLast && this.waiting > 0) return;
    this.#rest();
    this.#order.sort();
    for (let taker = this.#order.next(); taker !== undefined; taker = this.#order.next()) {
      try {
        taker.onTurn();
      } catch (error) {
        // As in any other turn, but the others have theirs.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** `taker` begins to work; false when it has to {@linkcode wait}. */
  begin(taker: TurnTaker): boolean {
    this.#looks = 0;
    if (--this.#untilLook <= 0 && !this.#look(true)) return this.#isNew(taker);
    this.#beganAt = this.#lookedAt;
    return true;
  }

  /**
   * A piece of work is done; whether to go on with the next one. Every piece of all traffic comes by
   * here, and the clock costs more than most of them.
   */
  mayGoOn(): boolean {
    return --this.#untilLook > 0 || this.#look(false);
  }

  /** Work of another kind follows, which may take longer: it is looked at from its first piece on. */
  lookAnew(): void {
    this.#pieces += this.#unlooked - this.#untilLook;
    this.#unlooked = this.#untilLook = 1;
  }

  /**
   * Calls `taker.onTurn` when the loop has come round and it is its turn.
   *
   * @param bytes how many it has to take, about, as those with few go first; 0 where that isn't known
   */
  wait(taker: TurnTaker, bytes = 0): void {
    if (this.#users === 0) return void setImmediate(() => taker.onTurn());
    this.#order.add(taker, bytes);
    if (!this.#isComing) this.#start(this.#clock!.now());
  }

  /** Counts what `taker`, which has to wait now, has used up since `begin`. */
  charge(taker: TurnTaker): void {
    if (taker === this.#inTurn) this.#inTurn = undefined;
    // The time before this turn of the loop counts for none.
    const since = Math.max(this.#beganAt, this.#startedAt);
    this.#add(taker, this.#clock!.now() - since);
  }

  #add(taker: TurnTaker, tookMs: number): void {
    taker.servedMs += this.#costOf(tookMs);
  }

  #costOf(tookMs: number): number {
    // No more a turn: a pause of the engine's collector, or of the whole process, would keep the one that it
    // happened to come in from its turn until all others had been served for as long.
    return Math.min(tookMs, this.#budgetMs) + this.#budgetMs / MOST_UNLOOKED;
  }

  #rest(): void {
    if (this.#timer !== undefined) this.#clock!.clearTimer(this.#timer);
    this.#timer = undefined;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#turnsLeft = 0;
    this.isSpent = false;
  }

  /** Whether a timer or empty turns are under way, at whose end the loop has come round. */
  get #isComing(): boolean {
    return this.#timer !== undefined || this.#turnsLeft > 0;
  }

  /** A taker that was served less than those that wait goes before them, with a piece of little work. */
  #isNew(taker: TurnTaker): boolean {
    if (taker.servedMs >= this.#order.oldMs) return false;
    this.#beganAt = this.#clock!.now();
    return this.#beganAt - this.#spentAt < GRACE_MS;
  }

  #start(now: number): void {
    this.#startedAt = now;
    this.#pieces = 0;
    this.#timer = this.#clock!.setTimer(this.#onTimer, 0);
  }

  #look(begins: boolean): boolean {
    const clock = this.#clock;
    if (clock === undefined) {
      this.#untilLook = NEVER;
      return true;
    }
    // Until the loop has come round every piece is told so.
    this.#untilLook = 1;
    if (this.#users === 0) return true;
    if (this.isSpent) return false;
    const now = clock.now();
    const took = now - this.#lookedAt;
    this.#lookedAt = now;
    this.#pieces += this.#unlooked;
    this.#unlooked = took < SHORT_MS
      ? Math.min(this.#unlooked * 2, MOST_UNLOOKED)
      : Math.max(this.#unlooked >> 2, 1);
    if (this.#timer !== undefined) {
      // What is nearly done is done: its answer in two parts would be two in all that follows.
      this.isSpent = now - this.#startedAt > this.#budgetMs &&
        (begins || now - this.#beganAt >= LONG_MS);
    } else if (this.#looks > 0 && took >= LONG_MS) this.#start(now - took);
    else if (this.#pieces >= PIECES_A_TIMER) this.#start(now);
    this.#looks++;
    if (this.isSpent) this.#spentAt = now;
    else this.#untilLook = this.#unlooked;
    return !this.isSpent;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (!this.isSpent) return this.#cameRound();
    this.#turnsLeft = this.#turnsToLook;
    this.#passTurn();
  };

  readonly #passTurn = (): void => {
    if (--this.#turnsLeft > 0) {
      this.#immediate = setImmediate(this.#passTurn);
      return;
    }
    this.#cameRound();
    // What the look found ready came within the turns; and what goes on by itself would have round after round
    // before those that wait.
    if (this.#turnsToLook > 1 && this.waiting > 0) {
      clearImmediate(this.#immediate);
      this.#serve();
    }
  };

  #cameRound(): void {
    this.#turnsLeft = 0;
    this.isSpent = false;
    this.#immediate = undefined;
    // Behind the reads that the loop has just found ready: takers that were not served at all are there.
    if (this.waiting > 0) this.#immediate = setImmediate(this.#serve);
  }

  readonly #serve = (): void => {
    this.#immediate = undefined;
    this.#order.sort();
    if (this.#timer === undefined) this.#start(this.#clock!.now());
    this.#serveNext();
  };

  readonly #serveNext = (): void => {
    const now = this.#clock!.now();
    // Were only those charged in whose work the budget ends, they would wait behind all others for ever.
    if (this.#inTurn !== undefined) this.#add(this.#inTurn, now - this.#turnAt);
    this.#inTurn = undefined;
    this.#order.took(this.#costOf(now - this.#turnAt));
    if (this.isSpent || now - this.#startedAt > this.#budgetMs) return;
    const taker = this.#order.next();
    if (taker === undefined) return;
    this.#inTurn = taker;
    this.#turnAt = now;
    // Behind the microtask in which it goes on.
    try {
      taker.onTurn();
    } finally {
      queueMicrotask(this.#serveNext);
    }
  };
}

/** All contexts of an isolate share its event loop. */
const shared = new TurnBudget(systemClock);
/** For the policies "manual" and "external": the program decides by its calls how much a turn does. */
export const UNLIMITED = new TurnBudget(undefined);

const ofNetworks = new WeakMap<Network, TurnBudget>();
const brought = new WeakSet<TurnBudget>();

/** Contexts over `network`, which looks for readiness by itself, have this budget. */
export function bringTurnBudget(network: Network, budget: TurnBudget): void {
  ofNetworks.set(network, budget);
  brought.add(budget);
}

/** Whether a network has brought it. */
export function isOfNetwork(budget: TurnBudget): boolean {
  return brought.has(budget);
}

/** The budget of contexts with this clock and network; time that stands still is never used up. */
export function turnBudgetOf(clock: Clock, network?: Network): TurnBudget {
  if (clock === systemClock) return (network && ofNetworks.get(network)) ?? shared;
  return clock.standsStill === true ? UNLIMITED : new TurnBudget(clock);
}
