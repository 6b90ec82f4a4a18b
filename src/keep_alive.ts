/**
 * TCP keep-alive's idea on WebSockets: the runtime can only switch that of TCP on, not say when it
 * probes, so that an idle connection is probed by pings here (`ka_time`, `ka_probes`, `ka_interval`).
 */

import { type TimerWheel, WheelTimer, type WheelTimerOwner } from "./service/timer_wheel.ts";

/** When idle connections are probed. */
export interface KeepAliveSettings {
  /** Milliseconds without a byte from the peer until the first probe. */
  readonly timeMs: number;
  /** Unanswered probes that end the connection. */
  readonly probes: number;
  /** Milliseconds from probe to probe, and from the last one to the end. */
  readonly intervalMs: number;
}

/** Whom a keep-alive works for. */
export interface KeepAliveHost {
  /** Sends a ping with this payload. */
  sendProbe(payload: Uint8Array): void;
  /** The peer is silent for too long. */
  onSilent(): void;
  /** As of a timer's owner. */
  isHeldUp(times: number): boolean;
}

/** What begins the payload of a probe, so that its pong is told from others. */
const MARK = "lws-ka";
const encoder = new TextEncoder();

/** Probes one established connection. */
export class KeepAlive implements WheelTimerOwner {
  readonly #settings: KeepAliveSettings;
  readonly #wheel: TimerWheel;
  readonly #host: KeepAliveHost;
  readonly #timer: WheelTimer = new WheelTimer(this);
  #sent = 0;
  #probe: Uint8Array | undefined;
  #isPaused = false;
  #isStopped = false;

  constructor(settings: KeepAliveSettings, wheel: TimerWheel, host: KeepAliveHost) {
    this.#settings = settings;
    this.#wheel = wheel;
    this.#host = host;
    this.heard();
  }

  /** Bytes came from the peer. */
  heard(): void {
    if (this.#isPaused || this.#isStopped) return;
    this.#sent = 0;
    this.#wheel.arm(this.#timer, this.#settings.timeMs);
  }

  /** Whether a pong answers a probe, and is nothing for the program. */
  isAnswer(payload: Uint8Array): boolean {
    const probe = this.#probe;
    return probe !== undefined && probe.length === payload.length &&
      probe.every((byte, i) => byte === payload[i]);
  }

  /** The program has stopped receiving: nothing is heard then, and that says nothing of the peer. */
  pause(paused: boolean): void {
    if (paused === this.#isPaused || this.#isStopped) return;
    this.#isPaused = paused;
    if (paused) this.#wheel.cancel(this.#timer);
    else this.heard();
  }

  /** The connection is closing. */
  stop(): void {
    this.#isStopped = true;
    this.#wheel.cancel(this.#timer);
  }

  isHeldUp(times: number): boolean {
    return this.#host.isHeldUp(times);
  }

  onTimeout(): void {
    if (this.#sent >= this.#settings.probes) return this.#host.onSilent();
    this.#sent++;
    this.#probe ??= encoder.encode(`${MARK} ${crypto.randomUUID()}`);
    this.#wheel.arm(this.#timer, this.#settings.intervalMs);
    this.#host.sendProbe(this.#probe);
  }
}
