/**
 * A hierarchical timer wheel (Varghese & Lauck, 1987): thousands of connections arm, re-arm and
 * cancel their timeouts in constant time and without allocating, on one timer of the runtime.
 *
 * Time is counted in ticks. A level has 64 slots, and a slot of level `n` spans 64ⁿ ticks. A timer
 * lies on the level of the highest base-64 digit in which its tick differs from the current one,
 * in the slot of that digit. Hence every occupied slot is ahead of the current tick, the lowest
 * occupied level holds the nearest slot, and the wheel can sleep until that slot's start: there
 * it either calls the slot's owners (level 0) or spreads the slot over the levels below.
 */

import type { Clock } from "../api/service.ts";

const SLOT_BITS = 6;
const SLOTS = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS - 1;
const LEVELS = 5;
/** The ticks that the levels span together; 30 bits keep offsets inside it small integers. */
const WINDOW = 2 ** (SLOT_BITS * LEVELS);
/** The one list for all beyond the window, looked at again when the next window begins. */
const OVERFLOW = LEVELS * SLOTS;
const NOT_PENDING = -1;
/** Longer delays make `setTimeout` fire at once. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;
/** From one look at a timer that is held up to the next. */
const HELD_UP_MS = 50;

/** What a {@linkcode WheelTimer} calls when it is due. Implemented by its owner. */
export interface WheelTimerOwner {
  /** The delay has gone by; the timer is no longer pending and may be armed again. */
  onTimeout(): void;
  /**
   * Whether a verdict would be unjust now, as what the peer has sent waits for the program or for the
   * turns of other connections. Then it is asked again some {@linkcode HELD_UP_MS} later.
   *
   * @param times how often it was held up since it was armed
   * @default it never would
   */
  isHeldUp?(times: number): boolean;
}

/**
 * An entry that is armed again and again, the base of what is called itself. It belongs to one
 * {@linkcode TimerWheel} at a time.
 */
export abstract class WheelEntry {
  /** @internal The tick to fire at; the wheel's own, as is all below. */
  tick = 0;
  /** @internal How often it was held up. */
  heldUp = 0;
  /** @internal */
  slot: number = NOT_PENDING;
  /** @internal Lists are circular: the head's `previous` is the tail. */
  previous: WheelEntry = this;
  /** @internal */
  next: WheelEntry = this;

  /** Whether it is armed and has neither fired nor been cancelled. */
  get pending(): boolean {
    return this.slot !== NOT_PENDING;
  }

  /** The delay has gone by; the entry is no longer pending and may be armed again. */
  abstract onDue(): void;

  /** As of a timer's owner. */
  isHeldUp(_times: number): boolean {
    return false;
  }
}

/** An entry that its owner keeps. */
export class WheelTimer extends WheelEntry {
  /** Its `onTimeout` is called. */
  readonly owner: WheelTimerOwner;

  /** Makes a timer that isn't armed. */
  constructor(owner: WheelTimerOwner) {
    super();
    this.owner = owner;
  }

  onDue(): void {
    this.owner.onTimeout();
  }

  override isHeldUp(times: number): boolean {
    return this.owner.isHeldUp?.(times) ?? false;
  }
}

/** Keeps any number of {@linkcode WheelEntry}s on one timer of a {@linkcode Clock}. */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  /** The head of each slot's list, level after level, then the overflow. */
  readonly #slots: (WheelEntry | null)[] = new Array(OVERFLOW + 1).fill(null);
  /** One bit a slot, set while its list isn't empty; two words a level. */
  readonly #occupied = new Int32Array(OVERFLOW / 32);
  /** All up to this tick has fired. */
  #current: number;
  /** The start of the window that `#current` is in. */
  #windowStart: number;
  #size = 0;
  #running = false;
  /** What the clock's timer is set for; `Infinity` when there is none. */
  #wakeTick = Infinity;
  #wakeTimer: unknown;
  /** What {@linkcode recently} says until the entry below is due. */
  #recent = 0;
  readonly #recentEnds: WheelTimer = new WheelTimer({ onTimeout: () => {} });

  /**
   * Makes an empty wheel.
   *
   * @param clock tells the time, and wakes the wheel.
   * @param tickMs the grain of time in whole milliseconds, from 1.
   * @throws {RangeError} when `tickMs` is not a whole number from 1.
   */
  constructor(clock: Clock, tickMs = 16) {
    if (!Number.isInteger(tickMs) || tickMs < 1) {
      throw new RangeError(`tickMs is ${tickMs}; it must be a whole number from 1`);
    }
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#current = Math.floor(clock.now() / tickMs);
    this.#windowStart = windowOf(this.#current);
  }

  /** How many timers are pending. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls the timer once, `delayMs` milliseconds from now: never earlier, at most one tick
   * later unless it is held up, and never from inside this call. A timer that is pending is armed anew. Timers that
   * share a tick fire in the order in which they were armed.
   *
   * One that throws doesn't keep others from their turn: the wheel finishes what is due, then
   * throws the first error out of the clock's callback.
   *
   * @param delayMs from 0, without an upper limit; a negative one counts as 0.
   */
  arm(timer: WheelEntry, delayMs: number): void {
    timer.heldUp = 0;
    this.#arm(timer, delayMs);
  }

  #arm(timer: WheelEntry, delayMs: number): void {
    const now = this.#clock.now();
    if (timer.pending) this.#remove(timer);
    // While it runs, #run says where the wheel is: a move could bring the slot being fired round again.
    if (this.#size === 0 && !this.#running) this.#moveTo(Math.floor(now / this.#tickMs));
    const deadline = now + (delayMs > 0 ? delayMs : 0);
    // Not the current tick: an owner that re-arms with no delay would never let it end.
    timer.tick = Math.max(Math.ceil(deadline / this.#tickMs), this.#current + 1);
    this.#insert(timer);
    if (this.#running) return;
    const start = this.#startOf(timer.slot);
    if (start < this.#wakeTick) this.#wakeAt(start);
    else if (this.#size === 1) this.#keepAlive(true);
  }

  /** What time it is for the wheel: milliseconds from an arbitrary start. */
  now(): number {
    return this.#clock.now();
  }

  /**
   * As {@linkcode now}, in whole milliseconds and up to two ticks old: to ask for it time and again costs
   * next to nothing.
   */
  recently(): number {
    if (this.#recentEnds.pending) return this.#recent;
    this.#recent = Math.floor(this.#clock.now());
    // Where timers wait for the program, they don't tell how the time goes by.
    if (!this.#clock.isServiced) this.arm(this.#recentEnds, 0);
    return this.#recent;
  }

  /** Takes a timer back; harmless when it isn't pending. */
  cancel(timer: WheelEntry): void {
    if (!timer.pending) return;
    this.#remove(timer);
    // No timer is left, hence no connection that would ask for the time.
    if (this.#size === 1 && this.#recentEnds.pending) this.#remove(this.#recentEnds);
    if (this.#size > 0) return;
    // The runtime's timer stays, but lets the program end: waking for nothing once in a while costs
    // less than a timer of its own for each connection (a tenth of a handshake's time).
    if (this.#clock.keepAlive === undefined) this.#sleep();
    else this.#keepAlive(false);
  }

  /** Cancels every timer. The wheel may be used again. */
  stop(): void {
    for (let slot = this.#nearestSlot(); slot !== NOT_PENDING; slot = this.#nearestSlot()) {
      this.#remove(this.#slots[slot]!);
    }
    this.#sleep();
  }

  readonly #run = (): void => {
    this.#wakeTick = Infinity;
    this.#running = true;
    const now = Math.floor(this.#clock.now() / this.#tickMs);
    const failures: unknown[] = [];
    for (;;) {
      const slot = this.#nearestSlot();
      if (slot === NOT_PENDING) break;
      const start = this.#startOf(slot);
      if (start > now) break;
      this.#moveTo(start);
      if (slot < SLOTS) this.#fire(slot, failures);
      else this.#spread(slot);
    }
    this.#running = false;
    const nearest = this.#nearestSlot();
    if (nearest !== NOT_PENDING) this.#wakeAt(this.#startOf(nearest));
    if (failures.length > 0) throw failures[0];
  };

  #fire(slot: number, failures: unknown[]): void {
    // One by one from the list itself, so that an owner can still cancel those behind it.
    for (let timer = this.#slots[slot]; timer; timer = this.#slots[slot]) {
      this.#remove(timer);
      try {
        if (timer.isHeldUp(timer.heldUp)) {
          timer.heldUp++;
          this.#arm(timer, HELD_UP_MS);
        } else timer.onDue();
      } catch (error) {
        failures.push(error);
      }
    }
  }

  #spread(slot: number): void {
    const head = this.#slots[slot]!;
    this.#vacate(slot);
    // Up to the old tail and no further: what lies beyond the next window too comes back to this slot.
    const tail = head.previous;
    for (let timer = head;;) {
      const next = timer.next;
      this.#size--;
      this.#insert(timer);
      if (timer === tail) return;
      timer = next;
    }
  }

  #insert(timer: WheelEntry): void {
    const slot = this.#slotFor(timer.tick);
    const head = this.#slots[slot]!;
    timer.slot = slot;
    this.#size++;
    if (head === null) {
      timer.previous = timer;
      timer.next = timer;
      this.#slots[slot] = timer;
      if (slot !== OVERFLOW) this.#occupied[slot >> 5]! |= 1 << (slot & 31);
      return;
    }
    const tail = head.previous;
    timer.previous = tail;
    timer.next = head;
    tail.next = timer;
    head.previous = timer;
  }

  #remove(timer: WheelEntry): void {
    const { slot, previous, next } = timer;
    timer.slot = NOT_PENDING;
    this.#size--;
    if (next === timer) {
      this.#vacate(slot);
      return;
    }
    previous.next = next;
    next.previous = previous;
    // A timer that keeps its neighbours would keep their connections alive.
    timer.previous = timer;
    timer.next = timer;
    if (this.#slots[slot] === timer) this.#slots[slot] = next;
  }

  #vacate(slot: number): void {
    this.#slots[slot] = null;
    if (slot !== OVERFLOW) this.#occupied[slot >> 5]! &= ~(1 << (slot & 31));
  }

  #slotFor(tick: number): number {
    const offset = tick - this.#windowStart;
    if (offset >= WINDOW) return OVERFLOW;
    const differing = (offset ^ (this.#current - this.#windowStart)) | SLOT_MASK;
    const level = Math.trunc((31 - Math.clz32(differing)) / SLOT_BITS);
    return level * SLOTS + ((offset >>> (level * SLOT_BITS)) & SLOT_MASK);
  }

  /** The first tick that an occupied slot spans. */
  #startOf(slot: number): number {
    if (slot === OVERFLOW) return this.#windowStart + WINDOW;
    const shift = (slot >> SLOT_BITS) * SLOT_BITS;
    const spanBits = shift + SLOT_BITS;
    const offset = this.#current - this.#windowStart;
    return this.#windowStart + ((offset >>> spanBits) << spanBits) + ((slot & SLOT_MASK) << shift);
  }

  #nearestSlot(): number {
    const occupied = this.#occupied;
    for (let word = 0; word < occupied.length; word++) {
      const bits = occupied[word]!;
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
    }
    return this.#slots[OVERFLOW] === null ? NOT_PENDING : OVERFLOW;
  }

  /** Only ever up to the start of the nearest slot, so that what is ahead stays ahead. */
  #moveTo(tick: number): void {
    if (tick <= this.#current) return;
    this.#current = tick;
    this.#windowStart = windowOf(tick);
  }

  #wakeAt(tick: number): void {
    this.#sleep();
    const delayMs = tick * this.#tickMs - this.#clock.now();
    this.#wakeTick = tick;
    this.#wakeTimer = this.#clock.setTimer(
      this.#run,
      Math.min(Math.max(delayMs, 0), LONGEST_SLEEP_MS),
    );
  }

  #keepAlive(keeps: boolean): void {
    if (this.#wakeTick !== Infinity) this.#clock.keepAlive?.(this.#wakeTimer, keeps);
  }

  #sleep(): void {
    if (this.#wakeTick === Infinity) return;
    this.#wakeTick = Infinity;
    this.#clock.clearTimer(this.#wakeTimer);
    this.#wakeTimer = undefined;
  }
}

/** The first tick of the window that `tick` is in; a clock may start anywhere, below 0 too. */
function windowOf(tick: number): number {
  return Math.floor(tick / WINDOW) * WINDOW;
}
