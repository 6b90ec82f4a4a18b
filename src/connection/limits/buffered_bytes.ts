/** What the connections of a context hold in memory, all together, and what is done where that is too much. */

import type { CloseCause } from "../../api/reasons.ts";
import { HeldBytes } from "../../base/buffers.ts";
import { log } from "../../base/log.ts";
import { type TimerWheel, WheelTimer } from "../../service/timer_wheel.ts";

/** Past so much of the limit connections are cut at once. */
const CUT_AT = 1.25;
/** Down to so much of it they are cut, and from there on all read again. */
const GOES_ON_AT = 0.75;
/** The largest are looked for anew whenever so much of the limit has come since. */
const LOOKS_EACH = 1 / 16;
/** How often it is looked whether the sum has fallen, and how long it may stay above the limit, in milliseconds. */
const LOOK_MS = 100;
const PATIENCE_MS = 5_000;
/** The log has a line of it at most so often, in milliseconds. */
const LOG_EACH_MS = 60_000;

/** A message that is put together. Implemented in `messages/gathering`. */
export interface Gathered {
  /** Its connection is gone, and it will never be whole. */
  free(): void;
}

/** What a connection holds, beside what it has to send. */
export class Holding {
  /** What has come and was not taken: it is its transport's still. */
  untaken = 0;
  /** What its phase holds of frames and bodies that have not come whole, or wait for the program. */
  ofPhase = 0;
  /** Of a message that is put together for the program. */
  gathered = 0;
  gathering: Gathered | undefined = undefined;
  /** A piece of an answer, all of it until its last part is queued. */
  toSend = 0;

  get sum(): number {
    return this.untaken + this.ofPhase + this.gathered + this.toSend;
  }
}

/** A connection that may hold something. Implemented by Connection. */
export interface Holder {
  readonly unsent: number;
  /**
   * The sum's own: undefined where it holds nothing. Not in a map of all, whose tables it would come to and go from
   * with each request.
   */
  holding: Holding | undefined;
  /** Holds back what its peer sends, whatever the program says. */
  holdForMemory(held: boolean): void;
  /** Ends it now, and forgets what it has to send. */
  cutForMemory(cause: CloseCause): void;
}

/** What it asks of its context. */
export interface BufferingContext {
  readonly wheel: TimerWheel;
  readonly counters: { hit(limit: "maxBufferedBytes"): void };
  readonly limits: { readonly maxBufferedBytes: number; readonly maxUnsentBytes: number };
  /** All that there are. */
  readonly holders: () => Iterable<Holder>;
}

/**
 * A sum that is always there, and no order of those that make it up: the largest of them are looked for only
 * where it is too much.
 */
export class BufferedBytes extends HeldBytes {
  /** What a connection may have unsent without asking for room by {@linkcode makeRoom}. */
  unsentAtEase: number;
  readonly #limit: number;
  readonly #context: BufferingContext;
  /** Armed while the sum is looked after. */
  readonly #look: WheelTimer = new WheelTimer({ onTimeout: () => this.#lookAgain() });
  #heldBack = new Set<Holder>();
  /** Since when reading is stopped, if it is. */
  #heldSince: number | undefined;
  #loggedAt = -Infinity;
  /** How many connections were cut. */
  cuts = 0;

  constructor(context: BufferingContext) {
    super();
    const { maxBufferedBytes, maxUnsentBytes } = context.limits;
    this.#limit = this.most = maxBufferedBytes;
    this.unsentAtEase = maxUnsentBytes;
    this.#context = context;
  }

  /** Whether nothing more should be made of which it isn't known how much it is. */
  get isFull(): boolean {
    return this.bytes > this.#limit;
  }

  /** What a connection holds, and has to send. */
  weightOf(holder: Holder): number {
    return holder.unsent + (holder.holding?.sum ?? 0);
  }

  /** A connection has so much now that was not taken, and so much in its phase. */
  holds(holder: Holder, untaken: number, ofPhase: number): void {
    const { holding } = holder;
    if (holding === undefined && untaken + ofPhase === 0) return;
    const it = holding ?? (holder.holding = new Holding());
    const added = untaken + ofPhase - it.untaken - it.ofPhase;
    it.untaken = untaken;
    it.ofPhase = ofPhase;
    this.#add(holder, it, added);
  }

  /** What its phase holds has changed. */
  holdsInPhase(holder: Holder, ofPhase: number): void {
    this.holds(holder, holder.holding?.untaken ?? 0, ofPhase);
  }

  /** It has got so many bytes more, or less, of a message that is put together. */
  gathers(holder: Holder, added: number, gathering: Gathered | undefined): void {
    const { holding } = holder;
    // It was cut meanwhile.
    if (holding === undefined && added < 0) return;
    const it = holding ?? (holder.holding = new Holding());
    it.gathered += added;
    it.gathering = gathering;
    this.#add(holder, it, added);
  }

  /** It has a piece of an answer of so many bytes that is not queued as a whole, or none any more. */
  holdsToSend(holder: Holder, bytes: number): void {
    const { holding } = holder;
    if (holding === undefined && bytes === 0) return;
    const it = holding ?? (holder.holding = new Holding());
    const added = bytes - it.toSend;
    it.toSend = bytes;
    this.#add(holder, it, added);
  }

  /** The connection is gone, or as good as that. */
  forget(holder: Holder): void {
    const { holding } = holder;
    this.#heldBack.delete(holder);
    if (holding === undefined) return;
    this.bytes -= holding.sum;
    holding.gathering?.free();
    holder.holding = undefined;
  }

  #add(holder: Holder, holding: Holding, added: number): void {
    this.bytes += added;
    if (holding.sum === 0) holder.holding = undefined;
    else if (added > 0 && this.bytes > this.most) this.makeRoom(0);
  }

  /** In the middle of a write nothing can be done; what writes or reads next asks, or the timer does. */
  protected override onMost(): void {
    if (this.unsentAtEase < 0) return;
    this.unsentAtEase = -1;
    this.#context.wheel.arm(this.#look, 0);
  }

  /** Does what there is to do for so many bytes more. */
  makeRoom(more: number): void {
    const limit = this.#limit;
    if (this.bytes + more > limit * CUT_AT) this.#cut(limit - more);
    if (this.bytes + more > this.most) {
      this.#holdBack();
      this.most = Math.min(limit * CUT_AT, this.bytes + more + limit * LOOKS_EACH);
    }
    this.unsentAtEase = this.#context.limits.maxUnsentBytes;
  }

  /** Reading stops for all that hold no less than those which hold something do on average. */
  #holdBack(): void {
    const { wheel, counters } = this.#context;
    if (this.#heldSince === undefined) {
      this.#heldSince = wheel.now();
      counters.hit("maxBufferedBytes");
      wheel.arm(this.#look, LOOK_MS);
    }
    const all = this.#weighed();
    const mean = all.reduce((sum, [weight]) => sum + weight, 0) / all.length;
    for (const [weight, holder] of all) {
      if (weight < mean || this.#heldBack.has(holder)) continue;
      this.#heldBack.add(holder);
      holder.holdForMemory(true);
    }
    this.#tell(() => `nothing more is read for ${this.#heldBack.size} of them`);
  }

  #lookAgain(): void {
    const { wheel } = this.#context;
    if (this.unsentAtEase < 0) this.makeRoom(0);
    if (this.#heldSince === undefined) return;
    const hasTime = wheel.now() - this.#heldSince < PATIENCE_MS;
    if (this.bytes > this.#limit * GOES_ON_AT && hasTime) return wheel.arm(this.#look, LOOK_MS);
    if (this.bytes > this.#limit) this.#cut(this.#limit * GOES_ON_AT);
    const heldBack = this.#heldBack;
    this.#heldBack = new Set();
    this.#heldSince = undefined;
    this.most = this.#limit;
    for (const holder of heldBack) holder.holdForMemory(false);
  }

  /** Cuts the largest, until no more than that is held. */
  #cut(most: number): void {
    const all = this.#weighed().sort(([a], [b]) => b - a);
    const before = this.cuts;
    for (const [, holder] of all) {
      if (this.bytes <= most) break;
      this.cuts++;
      this.#context.counters.hit("maxBufferedBytes");
      const held = holder.holding?.sum ?? 0;
      this.forget(holder);
      holder.cutForMemory(held > holder.unsent ? "limit" : "unsent");
    }
    this.#tell(() => `${this.cuts - before} of them are cut`);
  }

  /** All that hold something, with how much that is. */
  #weighed(): [weight: number, holder: Holder][] {
    const all: [number, Holder][] = [];
    for (const holder of this.#context.holders()) {
      const weight = this.weightOf(holder);
      if (weight > 0) all.push([weight, holder]);
    }
    return all;
  }

  #tell(what: () => string): void {
    const now = this.#context.wheel.now();
    if (now - this.#loggedAt < LOG_EACH_MS) return;
    this.#loggedAt = now;
    const { bytes } = this;
    log(
      "warn",
      () => `connections hold ${bytes} bytes, maxBufferedBytes is ${this.#limit}: ${what()}`,
    );
  }
}
