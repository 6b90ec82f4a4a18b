/** When a connection takes what has come: by leave of the program, of its phase and of the turn budget. */

import type { Transport } from "../api/network.ts";
import type { CloseCause } from "../api/reasons.ts";
import type { Holder, Holding } from "./limits/buffered_bytes.ts";
import { FIRST_FREE_FLAG, Outbox, type SendingOwner } from "./outbox.ts";
import type { Phase } from "./phase.ts";
import type { ProtocolCounters } from "./stats/counters.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import type { TurnTaker } from "../service/turns/order.ts";

/** How often a verdict waits for the connection's turn. */
const LONGEST_HOLD_UP = 4;

const PAUSED_BY_USER = FIRST_FREE_FLAG;
const PAUSED_BY_PHASE = FIRST_FREE_FLAG * 2;
const WAITS_FOR_TURN = FIRST_FREE_FLAG * 4;
const PAUSED_BY_LOOP = FIRST_FREE_FLAG * 8;
const PAUSED_BY_DIAL = FIRST_FREE_FLAG * 16;
const DIVERTED = FIRST_FREE_FLAG * 32;
const PAUSED_BY_RATE = FIRST_FREE_FLAG * 64;
const PAUSED_BY_MEMORY = FIRST_FREE_FLAG * 128;
/** It is counted that something is held. */
const HOLDS = FIRST_FREE_FLAG * 256;
const PAUSED_BY_THIS_END = PAUSED_BY_USER | PAUSED_BY_PHASE | PAUSED_BY_LOOP | PAUSED_BY_DIAL |
  PAUSED_BY_RATE;
const PAUSED = PAUSED_BY_THIS_END | PAUSED_BY_MEMORY;

/** The base of a connection, as {@linkcode Outbox} is. */
export abstract class RxFlow extends Outbox implements TurnTaker, Holder {
  transport: Transport | undefined;
  servedMs = 0;
  holding: Holding | undefined = undefined;

  abstract override readonly owner: SendingOwner & { readonly budget: TurnBudget };
  abstract readonly phase: Phase | undefined;
  abstract readonly entry: { readonly counters: ProtocolCounters };

  abstract cutForMemory(cause: CloseCause): void;

  onBytes(bytes: Uint8Array): number {
    const { budget } = this.owner;
    if (!budget.begin(this)) {
      this.#count(bytes.length);
      return this.#waitForTurn(0, bytes.length);
    }
    if (!this.isOpen) return bytes.length;
    const { outbox } = this;
    outbox.beginTurn();
    const taken = this.phase!.onBytes(bytes);
    outbox.endTurn();
    this.#count(bytes.length - taken);
    this.entry.counters.wireReceived += taken;
    if (!budget.isSpent) return taken;
    budget.charge(this);
    return this.#waitForTurn(taken, bytes.length - taken);
  }

  /** Counts what is held now, of which the transport has so many bytes that were not taken. */
  #count(untaken: number): void {
    const ofPhase = this.phase?.held ?? 0;
    if (untaken + ofPhase > 0 || (this.flags & HOLDS) !== 0) this.#holds(untaken, ofPhase);
  }

  #holds(untaken: number, ofPhase: number): void {
    this.#set(HOLDS, untaken + ofPhase > 0);
    this.owner.buffered.holds(this, untaken, ofPhase);
  }

  /** What the phase holds may be another now. */
  recount(): void {
    const ofPhase = this.phase?.held ?? 0;
    if (ofPhase === 0 && (this.flags & HOLDS) === 0) return;
    this.flags |= HOLDS;
    this.owner.buffered.holdsInPhase(this, ofPhase);
  }

  /** The turn budget is used up: what was not taken, and what follows, comes in this connection's turn. */
  #waitForTurn(taken: number, left = 0): number {
    if (this.#waitsForTurn || this.transport === undefined) return taken;
    this.flags |= WAITS_FOR_TURN;
    this.transport.pause();
    this.owner.budget.wait(this, left);
    return taken;
  }

  onTurn(): void {
    this.flags &= ~WAITS_FOR_TURN;
    if (this.isOpen && (this.isPaused || !this.goOn())) return;
    this.transport?.resume();
  }

  /** Goes on with what was held back in the middle of a read; false when the rest waits for a turn. */
  goOn(): boolean {
    const { budget } = this.owner;
    if (budget.begin(this)) {
      this.outbox.turn(() => this.phase?.onTurn());
      this.recount();
      if (!budget.isSpent) return true;
      budget.charge(this);
    }
    this.#waitForTurn(0);
    return false;
  }

  /** Whether a peer would be blamed for what waits for this connection's turn. */
  protected isWaitingFor(times: number): boolean {
    // Every connection's turn comes within that; a peer that sends without an end must not evade it.
    return this.#waitsForTurn && times < LONGEST_HOLD_UP;
  }

  /** Whether anything holds input back; a phase then stops in the middle of a read. */
  get isPaused(): boolean {
    return (this.flags & PAUSED) !== 0;
  }

  /** Whether anything but the memory of all does, so that it is not the peer that keeps a message waiting. */
  get isPausedByThisEnd(): boolean {
    return (this.flags & PAUSED_BY_THIS_END) !== 0;
  }

  /** Whether the program may be told of what has come. */
  get canDeliver(): boolean {
    return this.isOpen && !this.isPaused;
  }

  /** Lets the peer's bytes in or holds them back, as the program wants; −1 on the way out. */
  allowInput(isAllowed: boolean): number {
    if (!this.isOpen) return -1;
    this.#set(PAUSED_BY_USER, !isAllowed);
    this.#applyPause();
    return 0;
  }

  /** Holds input back while a loop over the messages works, whatever the program says. */
  holdForLoop(held: boolean): void {
    this.#hold(PAUSED_BY_LOOP, held);
  }

  /** Holds input back until the program has what it has dialled. */
  holdForDial(held: boolean): void {
    this.#hold(PAUSED_BY_DIAL, held);
  }

  holdForMemory(held: boolean): void {
    this.#hold(PAUSED_BY_MEMORY, held);
  }

  #hold(flag: number, held: boolean): void {
    if (((this.flags & flag) !== 0) === held) return;
    this.#set(flag, held);
    if (this.isOpen) this.#applyPause();
  }

  /** Lets the peer's close frame in, however little the program wants to receive. */
  allowClose(): void {
    this.#set(PAUSED_BY_LOOP | PAUSED_BY_DIAL | PAUSED_BY_MEMORY, false);
    this.allowInput(true);
  }

  /** Whether messages go to a loop of the program's. */
  get isDiverted(): boolean {
    return (this.flags & DIVERTED) !== 0;
  }

  divert(isOn: boolean): void {
    this.#set(DIVERTED, isOn);
  }

  /** Has the transport hold back what the program wanted held before there was one. */
  keepPause(): void {
    if (this.isPaused) this.#applyPause();
  }

  /** Holds input back while a phase can't take any, whatever the program says. */
  holdInput(held: boolean): void {
    if (this.#isPausedByPhase === held) return;
    this.#set(PAUSED_BY_PHASE, held);
    this.#applyPause();
  }

  /** Holds input back while a peer has sent more than its rate allows, whatever the program says. */
  holdForRate(held: boolean): void {
    this.#set(PAUSED_BY_RATE, held);
    this.#applyPause();
  }

  /** Has what was not taken offered once more, in a turn of its own. */
  offerAgain(): void {
    if (this.#isPausedByPhase) return this.holdInput(false);
    if (this.isPaused || this.#waitsForTurn || this.transport === undefined) return;
    this.transport.pause();
    this.transport.resume();
  }

  /** On the way out input comes, though it was held back, and is discarded. */
  protected discardInput(): void {
    if (!this.#waitsForTurn) this.transport?.resume();
  }

  get #waitsForTurn(): boolean {
    return (this.flags & WAITS_FOR_TURN) !== 0;
  }

  get #isPausedByPhase(): boolean {
    return (this.flags & PAUSED_BY_PHASE) !== 0;
  }

  #set(flag: number, isSet: boolean): void {
    this.flags = isSet ? this.flags | flag : this.flags & ~flag;
  }

  #applyPause(): void {
    if (this.transport === undefined) return;
    if (this.isPaused) this.transport.pause();
    else if (!this.#waitsForTurn) this.transport.resume();
    this.phase?.onPause(this.isPaused);
  }
}
