/** What bounds a WebSocket in time: the rates of what comes, how long nothing may come or go, and its life. */

import { TokenBucket } from "./token_bucket.ts";
import type { RateExcess } from "../../api/creation/rate_info.ts";
import type { Limits } from "../../api/limits.ts";
import type { CloseCause } from "../../api/reasons.ts";
import { type Failure, FAILURES } from "../../core/websocket/close.ts";
import { type TimerWheel, WheelTimer } from "../../service/timer_wheel.ts";

/** What a {@linkcode SessionMeter} goes by. */
export interface Metering {
  readonly limits: Limits;
  readonly excess: RateExcess;
}

/** The connection of a session. Implemented by Connection. */
interface MeteredConnection {
  readonly owner: {
    readonly wheel: TimerWheel;
    readonly counters: { hit(limit: keyof Limits): void };
  };
  readonly isOpen: boolean;
  readonly isPaused: boolean;
  readonly outbox: { readonly unsent: number };
  isHeldUp(times: number): boolean;
  holdForRate(held: boolean): void;
  turn(work: () => void): void;
  close(cause: CloseCause, code: number | undefined, reason: string): number;
}

/** Whose meter it is. Implemented by WebSocketSession. */
export interface MeteredSession {
  readonly connection: MeteredConnection;
  onFail(failure: Failure): void;
}

/** The metering of a context; undefined where nothing is to be measured. */
export function meteringOf(limits: Limits, excess: RateExcess): Metering | undefined {
  const { maxMessagesPerSecond, maxBytesPerSecond, maxLifetimeMs, idleTimeoutMs } = limits;
  const bounds = [maxMessagesPerSecond, maxBytesPerSecond, maxLifetimeMs, idleTimeoutMs];
  return bounds.every((each) => each === Infinity) ? undefined : { limits, excess };
}

/** Of one session; only those of a context with one of its limits have any. */
export class SessionMeter {
  readonly #session: MeteredSession;
  readonly #metering: Metering;
  readonly #wheel: TimerWheel;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  /** Armed while reading is paused. */
  #resumption: WheelTimer | undefined;
  readonly #lifetime: WheelTimer | undefined;
  readonly #idle: WheelTimer | undefined;
  /** When the last message, or a part of one, came or went. */
  #activeAt: number;
  /** Whether something was held back at the last look for idleness. */
  #wasHeld = false;

  constructor(session: MeteredSession, metering: Metering) {
    this.#session = session;
    this.#metering = metering;
    const { wheel } = session.connection.owner;
    this.#wheel = wheel;
    const now = this.#activeAt = wheel.now();
    const { limits } = metering;
    this.#messages = bucketOf(limits.maxMessagesPerSecond, now);
    this.#bytes = bucketOf(limits.maxBytesPerSecond, now);
    const { maxLifetimeMs, spreadMs, idleTimeoutMs } = limits;
    if (maxLifetimeMs !== Infinity) {
      this.#lifetime = new WheelTimer({
        onTimeout: () => this.#end("maxLifetimeMs", "livedLong"),
      });
      wheel.arm(this.#lifetime, maxLifetimeMs - Math.random() * spreadMs);
    }
    if (idleTimeoutMs !== Infinity) {
      this.#idle = new WheelTimer({
        onTimeout: () => this.#lookForIdleness(),
        isHeldUp: (times) => session.connection.isHeldUp(times),
      });
      wheel.arm(this.#idle, idleTimeoutMs);
    }
  }

  /** A piece of a message came, perhaps the last one; false if it was one too many, and has ended the session. */
  received(bytes: number, isLast: boolean): boolean {
    const now = this.#wheel.now();
    this.#activeAt = now;
    const hasMessage = !isLast || this.#messages === undefined || this.#messages.take(1, now);
    const hasBytes = this.#bytes === undefined || this.#bytes.take(bytes, now);
    return (hasMessage && hasBytes) || this.#exceeded(hasMessage, hasBytes);
  }

  /** A message, or a part of one, was written. */
  sent(): void {
    this.#activeAt = this.#wheel.now();
  }

  /** The session ends. */
  stop(): void {
    const { connection } = this.#session;
    for (const timer of [this.#lifetime, this.#idle]) {
      if (timer !== undefined) this.#wheel.cancel(timer);
    }
    if (this.#resumption === undefined) return;
    this.#wheel.cancel(this.#resumption);
    if (connection.isOpen) connection.holdForRate(false);
  }

  #exceeded(hasMessage: boolean, hasBytes: boolean): boolean {
    const { connection } = this.#session;
    const { counters } = connection.owner;
    if (this.#metering.excess === "close") {
      this.#session.onFail(hasMessage ? "tooManyBytes" : "tooManyMessages");
      return false;
    }
    if (!hasMessage) counters.hit("maxMessagesPerSecond");
    if (!hasBytes) counters.hit("maxBytesPerSecond");
    this.#resumption ??= new WheelTimer({
      onTimeout: () => {
        if (connection.isOpen) connection.holdForRate(false);
      },
    });
    const waits = [this.#messages, this.#bytes].map((bucket) => bucket?.untilThere(0) ?? 0);
    this.#wheel.arm(this.#resumption, Math.max(...waits));
    connection.holdForRate(true);
    return true;
  }

  #lookForIdleness(): void {
    const { connection } = this.#session;
    const { idleTimeoutMs } = this.#metering.limits;
    const now = this.#wheel.now();
    // What is held back, or on its way still, is no silence, and when that has ended is not known.
    const isHeld = connection.isPaused || connection.outbox.unsent > 0;
    if (isHeld || this.#wasHeld) this.#activeAt = now;
    this.#wasHeld = isHeld;
    const leftMs = this.#activeAt + idleTimeoutMs - now;
    if (leftMs > 0) this.#wheel.arm(this.#idle!, leftMs);
    else this.#end("idleTimeoutMs", "idle");
  }

  #end(limit: "maxLifetimeMs" | "idleTimeoutMs", failure: "livedLong" | "idle"): void {
    const { connection } = this.#session;
    if (!connection.isOpen) return;
    connection.owner.counters.hit(limit);
    const [code, reason] = FAILURES[failure];
    connection.turn(() => connection.close("timeout", code, reason));
  }
}

function bucketOf(perSecond: number, now: number): TokenBucket | undefined {
  return perSecond === Infinity ? undefined : new TokenBucket(perSecond, now);
}
