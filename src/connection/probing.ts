/** The probes of one connection, and what its peer's silence means. */

import type { KeepAliveSettings } from "../api/limits.ts";
import { type TimerWheel, WheelEntry } from "../service/timer_wheel.ts";

/** In place of a time: the program has stopped receiving. */
export const PAUSED = -1;
/** In place of a time: the session has not begun, is over, or is none that is probed. */
export const UNPROBED = -2;

/** A session that is probed. Implemented by WebSocketSession. */
export interface Probed {
  readonly connection: {
    readonly socketFd: number;
    readonly isPaused: boolean;
    readonly isEstablished: boolean;
    readonly outbox: { readonly isWriting: boolean; readonly unsent: number };
    isHeldUp(times: number): boolean;
  };
  /** When the peer last lived, or the last probe left, or what stands in place of that. Set by KeepAlive. */
  aliveAt: number;
  /** While a probe is due, under way or unanswered, or a write waits. */
  probing: Probing | undefined;
  /** Sends a ping with this payload. */
  sendProbe(payload: Uint8Array): void;
  /** The last probe was not answered in its time. */
  onMissed(): void;
  /** The peer is silent for too long. */
  onSilent(): void;
}

/** What a {@linkcode Probing} needs of what keeps it. Implemented by KeepAlive. */
export interface ProbingHost {
  readonly settings: KeepAliveSettings;
  readonly wheel: TimerWheel;
  /** Has a session looked at in time for a probe at `dueMs`, at the earliest. */
  expect(session: Probed, dueMs: number): void;
  /** Whether a probe at `dueMs` is too far away to be waited for exactly. */
  isFar(dueMs: number): boolean;
}

/** What is known between a first doubt, or a write that waits, and the next sign of life. */
interface Doubt {
  /** Probes that have left since the last sign of life. */
  unanswered: number;
  /** Bytes that have to leave until the last probe has; 0 once it has. */
  behind: number;
  /** A write was seen to wait, so that its going on is a sign of life: the peer takes bytes. */
  isStuck: boolean;
}

let probe: Uint8Array | undefined;

/** The payload of all probes, which tells their pongs from others. */
function probePayload(): Uint8Array {
  return probe ??= new TextEncoder().encode(`lws-ka ${crypto.randomUUID()}`);
}

/** Whether a pong answers a probe, and is nothing for the program. */
export function isAnswer(payload: Uint8Array): boolean {
  return probe !== undefined && probe.length === payload.length &&
    probe.every((byte, i) => byte === payload[i]);
}

/**
 * Life is what the peer sends, and progress of a write that had to wait; what goes into the system's
 * buffers at once tells nothing of the peer. The timer stays as it is, and looks for signs of life when it
 * is due.
 */
export class Probing extends WheelEntry {
  readonly #host: ProbingHost;
  readonly #session: Probed;
  #doubt: Doubt | undefined;

  constructor(host: ProbingHost, session: Probed) {
    super();
    this.#host = host;
    this.#session = session;
  }

  /** Looks at the session again in so many milliseconds. */
  waitFor(ms: number): void {
    this.#host.wheel.arm(this, ms);
  }

  /** The session is over. */
  stop(): void {
    this.#host.wheel.cancel(this);
  }

  /** Bytes came from the peer. */
  heard(): void {
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    doubt.unanswered = doubt.behind = 0;
    if (!doubt.isStuck) this.#dispel();
  }

  /** A part of a write has left whose rest waits. */
  progressed(): void {
    this.#noteProgress();
    // So is its end, when that comes.
    this.#doubt ??= { unanswered: 0, behind: 0, isStuck: true };
    this.#doubt.isStuck = true;
  }

  /** So many bytes of this end have left. */
  left(bytes: number): void {
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    if (doubt.isStuck) this.#noteProgress();
    const wasBehind = doubt.behind > 0;
    doubt.behind = Math.max(0, doubt.behind - bytes);
    if (doubt.behind > 0) return;
    doubt.isStuck = false;
    if (wasBehind) doubt.unanswered++;
    if (doubt.unanswered === 0) this.#dispel();
  }

  #noteProgress(): void {
    const session = this.#session;
    // Exactly, as the interval of a probe that leaves with it counts from here.
    if (session.aliveAt !== PAUSED) session.aliveAt = Math.ceil(this.#host.wheel.now());
    if (this.#doubt !== undefined) this.#doubt.unanswered = 0;
  }

  #dispel(): void {
    this.#doubt = undefined;
    if (!this.pending) this.#session.probing = undefined;
  }

  override isHeldUp(times: number): boolean {
    return this.#session.connection.isHeldUp(times);
  }

  onDue(): void {
    const session = this.#session;
    const { outbox, isEstablished } = session.connection;
    if (!isEstablished) return;
    const { wheel, settings: { timeMs, probes, intervalMs } } = this.#host;
    const now = wheel.now();
    if (session.aliveAt === PAUSED) return this.#rest(now + timeMs);
    const doubt = this.#doubt;
    const unanswered = doubt?.unanswered ?? 0;
    const dueMs = session.aliveAt + (unanswered === 0 ? timeMs : intervalMs);
    if (doubt !== undefined) doubt.isStuck = outbox.isWriting;
    // A probe that has not left is not unanswered.
    if (doubt !== undefined && doubt.behind > 0) return this.waitFor(intervalMs);
    if (dueMs > now) return this.#rest(dueMs);
    if (unanswered > 0) session.onMissed();
    if (unanswered >= probes) return session.onSilent();
    const isStuck = outbox.isWriting;
    session.aliveAt = Math.ceil(now);
    this.waitFor(intervalMs);
    session.sendProbe(probePayload());
    const behind = outbox.unsent;
    this.#doubt = { unanswered: behind === 0 ? unanswered + 1 : unanswered, behind, isStuck };
  }

  /** Nothing is to be done before `dueMs`. */
  #rest(dueMs: number): void {
    const isDoubted = this.#doubt !== undefined && this.#doubt.unanswered > 0;
    if (isDoubted || !this.#host.isFar(dueMs)) {
      return this.waitFor(dueMs - this.#host.wheel.now());
    }
    if (this.#doubt === undefined) this.#session.probing = undefined;
    this.#host.expect(this.#session, dueMs);
  }
}
