/**
 * TCP keep-alive's idea on WebSockets: most networks can only switch that of TCP on, not say when it
 * probes, so that an idle connection is probed by pings here (`ka_time`, `ka_probes`, `ka_interval`).
 */

import { PAUSED, type Probed, Probing, type ProbingHost, UNPROBED } from "./probing.ts";
import type { KeepAliveSettings } from "../api/limits.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";

/** Into how many grains the time until a probe is divided. */
const GRAINS = 32;
/** A look is one grain early, so that what is due can be waited for exactly. */
const BUCKETS = GRAINS + 3;

/**
 * Looks after all established connections of a context. Signs of life are noted in the sessions only: each
 * is looked at when the earliest probe might be due, which mostly it isn't. Until then its number lies in a
 * bucket. A timer for each, and all that its {@linkcode Probing} has to know, would be a tenth of what an idle
 * connection takes.
 */
export class KeepAlive implements ProbingHost {
  readonly settings: KeepAliveSettings;
  readonly wheel: TimerWheel;
  readonly #sessionOf: (socketFd: number) => Probed | undefined;
  readonly #grainMs: number;
  /** The numbers of those to look at, by grain. Some are of connections that are gone. */
  readonly #buckets: number[][] = Array.from({ length: BUCKETS }, () => []);
  readonly #timer: WheelTimer = new WheelTimer({ onTimeout: () => this.#look() });
  /** The grain that is looked at next. */
  #nextGrain = Infinity;
  #sessions = 0;

  /** @param sessionOf finds the session of a connection by its number, unless it is gone */
  constructor(
    settings: KeepAliveSettings,
    wheel: TimerWheel,
    sessionOf: (socketFd: number) => Probed | undefined,
  ) {
    this.settings = settings;
    this.wheel = wheel;
    this.#sessionOf = sessionOf;
    this.#grainMs = settings.timeMs / GRAINS;
  }

  /** A session begins. */
  begin(session: Probed): void {
    const now = this.wheel.now();
    // Not `recently`, whose timer serves those that ask time and again.
    session.aliveAt = session.connection.isPaused ? PAUSED : Math.floor(now);
    this.#sessions++;
    this.expect(session, now + this.settings.timeMs);
  }

  /** It is over. */
  end(session: Probed): void {
    if (session.aliveAt === UNPROBED) return;
    session.aliveAt = UNPROBED;
    session.probing?.stop();
    session.probing = undefined;
    if (--this.#sessions > 0) return;
    for (const bucket of this.#buckets) bucket.length = 0;
    this.#nextGrain = Infinity;
    this.wheel.cancel(this.#timer);
  }

  /** Bytes came from the peer. */
  heard(session: Probed): void {
    session.aliveAt = this.wheel.recently();
    if (session.probing !== undefined) session.probing.heard();
  }

  /** So many bytes of this end have left; 0 for a part of a write whose rest waits. */
  left(session: Probed, bytes: number): void {
    if (bytes > 0) return session.probing?.left(bytes);
    session.probing ??= new Probing(this, session);
    session.probing.progressed();
  }

  /** The program has stopped receiving: nothing is heard then, and that says nothing of the peer. */
  pause(session: Probed, paused: boolean): void {
    if (paused) session.aliveAt = PAUSED;
    else if (session.aliveAt === PAUSED) this.heard(session);
  }

  expect(session: Probed, dueMs: number): void {
    const grain = Math.floor(dueMs / this.#grainMs);
    this.#buckets[indexOf(grain)]!.push(session.connection.socketFd);
    if (grain < this.#nextGrain) this.#wakeFor(grain);
  }

  isFar(dueMs: number): boolean {
    return Math.floor(dueMs / this.#grainMs) > this.#currentGrain;
  }

  #wakeFor(grain: number): void {
    this.#nextGrain = grain;
    this.wheel.arm(this.#timer, (grain - 1) * this.#grainMs - this.wheel.now());
  }

  /** The last one of which it is time to look at all. */
  get #currentGrain(): number {
    return Math.floor(this.wheel.now() / this.#grainMs) + 1;
  }

  #look(): void {
    const current = this.#currentGrain;
    const first = Math.max(this.#nextGrain, current - BUCKETS + 1);
    // What is found in a bucket too early goes to the one behind.
    this.#nextGrain = Infinity;
    for (let grain = first; grain <= current; grain++) this.#lookAt(grain);
    for (let grain = current + 1; grain < current + BUCKETS; grain++) {
      if (this.#buckets[indexOf(grain)]!.length > 0) return this.#wakeFor(grain);
    }
  }

  #lookAt(grain: number): void {
    const bucket = this.#buckets[indexOf(grain)]!;
    if (bucket.length === 0) return;
    this.#buckets[indexOf(grain)] = [];
    for (const socketFd of bucket) {
      const session = this.#sessionOf(socketFd);
      if (session !== undefined && session.aliveAt !== UNPROBED) this.#lookAtSession(session);
    }
  }

  #lookAtSession(session: Probed): void {
    const now = this.wheel.now();
    const { timeMs } = this.settings;
    const dueMs = session.aliveAt === PAUSED ? now + timeMs : session.aliveAt + timeMs;
    if (this.isFar(dueMs)) return this.expect(session, dueMs);
    const probing = session.probing ??= new Probing(this, session);
    // A clock that has jumped brings this look too late: it may stand still now.
    if (dueMs <= now && !probing.isHeldUp(0)) probing.onDue();
    else probing.waitFor(dueMs - now);
  }
}

/** A clock may start anywhere, below 0 too. */
function indexOf(grain: number): number {
  return (grain % BUCKETS + BUCKETS) % BUCKETS;
}
