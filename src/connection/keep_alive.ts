/**
 * TCP keep-alive's idea on WebSockets: most networks can only switch that of TCP on, not say when it
 * probes, so that an idle connection is probed by pings here (`ka_time`, `ka_probes`, `ka_interval`).
 */

import type { Connection } from "./connection.ts";
import type { KeepAliveSettings } from "../api/limits.ts";
import { WheelEntry } from "../service/timer_wheel.ts";

/** What {@linkcode KeepAlive} knows between a first doubt, or a write that waits, and the next sign of life. */
interface Doubt {
  /** Probes that have left since the last sign of life. */
  unanswered: number;
  /** Bytes that have to leave until the last probe has; 0 once it has. */
  behind: number;
  /** A write was seen to wait, so that its going on is a sign of life: the peer takes bytes. */
  isStuck: boolean;
}

/** In place of a time: the program has stopped receiving. */
const PAUSED = -1;

let probe: Uint8Array | undefined;

/** The payload of all probes, which tells their pongs from others. */
function probePayload(): Uint8Array {
  return probe ??= new TextEncoder().encode(`lws-ka ${crypto.randomUUID()}`);
}

/** What is probed. Implemented by WebSocketSession. */
export interface Probed {
  /** Sends a ping with this payload. */
  sendProbe(payload: Uint8Array): void;
  /** The peer is silent for too long. */
  onSilent(): void;
}

/**
 * The probing of one established connection. Signs of life are noted only; the timer stays as it is, and
 * looks for them when it is due.
 *
 * Life is what the peer sends, and progress of a write that had to wait; what goes into the system's
 * buffers at once tells nothing of the peer.
 */
export class KeepAlive extends WheelEntry {
  readonly #connection: Connection;
  readonly #probed: Probed;
  readonly #settings: KeepAliveSettings;
  /** When the peer last lived, or the last probe left. */
  #since = PAUSED;
  #doubt: Doubt | undefined;

  /** The session begins. */
  constructor(connection: Connection, probed: Probed, settings: KeepAliveSettings) {
    super();
    this.#connection = connection;
    this.#probed = probed;
    this.#settings = settings;
    connection.owner.wheel.arm(this, settings.timeMs);
    // Not `recently`, whose timer serves those that ask time and again.
    if (!connection.isPaused) this.#since = Math.floor(connection.owner.wheel.now());
  }

  /** The session is over. */
  stop(): void {
    this.#connection.owner.wheel.cancel(this);
  }

  /** Bytes came from the peer. */
  heard(): void {
    if (!this.pending) return;
    this.#since = this.#connection.owner.wheel.recently();
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    doubt.unanswered = doubt.behind = 0;
    if (!doubt.isStuck) this.#doubt = undefined;
  }

  /** Called when so many bytes of this end have left; 0 for a part of a write whose rest waits. */
  left(bytes: number): void {
    if (bytes === 0) {
      if (!this.pending) return;
      this.#progressed();
      // So is its end, when that comes.
      this.#doubt ??= { unanswered: 0, behind: 0, isStuck: true };
      this.#doubt.isStuck = true;
      return;
    }
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    if (doubt.isStuck) this.#progressed();
    const wasBehind = doubt.behind > 0;
    doubt.behind = Math.max(0, doubt.behind - bytes);
    if (doubt.behind > 0) return;
    doubt.isStuck = false;
    if (wasBehind) doubt.unanswered++;
    if (doubt.unanswered === 0) this.#doubt = undefined;
  }

  #progressed(): void {
    // Exactly, as the interval of a probe that leaves with it counts from here.
    if (this.#since !== PAUSED) this.#since = Math.ceil(this.#connection.owner.wheel.now());
    if (this.#doubt !== undefined) this.#doubt.unanswered = 0;
  }

  /** Whether a pong answers a probe, and is nothing for the program. */
  isAnswer(payload: Uint8Array): boolean {
    return probe !== undefined && probe.length === payload.length &&
      probe.every((byte, i) => byte === payload[i]);
  }

  /** The program has stopped receiving: nothing is heard then, and that says nothing of the peer. */
  pause(paused: boolean): void {
    if (paused) this.#since = PAUSED;
    else if (this.#since === PAUSED) this.heard();
  }

  override isHeldUp(times: number): boolean {
    return this.#connection.isHeldUp(times);
  }

  onDue(): void {
    const { owner, outbox, isEstablished } = this.#connection;
    const { wheel } = owner;
    const { timeMs, probes, intervalMs } = this.#settings;
    if (!isEstablished) return;
    if (this.#since === PAUSED) return wheel.arm(this, timeMs);
    const doubt = this.#doubt;
    const unanswered = doubt?.unanswered ?? 0;
    const dueMs = this.#since + (unanswered === 0 ? timeMs : intervalMs) - wheel.now();
    if (doubt !== undefined) doubt.isStuck = outbox.isWriting;
    // A probe that has not left is not unanswered.
    if (doubt !== undefined && doubt.behind > 0) return wheel.arm(this, intervalMs);
    if (dueMs > 0) return wheel.arm(this, dueMs);
    if (unanswered >= probes) return this.#probed.onSilent();
    const isStuck = outbox.isWriting;
    this.#since = Math.ceil(wheel.now());
    wheel.arm(this, intervalMs);
    this.#probed.sendProbe(probePayload());
    const behind = outbox.unsent;
    this.#doubt = { unanswered: behind === 0 ? unanswered + 1 : unanswered, behind, isStuck };
  }
}
