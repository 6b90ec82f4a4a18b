/** The headers of the PROXY protocol that are awaited, each within the same time. */

import type { Transport } from "../api/network.ts";
import type { PendingHandshakes } from "../connection/limits/pending_handshakes.ts";
import { line, log } from "../base/log.ts";
import { readProxyHeader } from "../proxy/proxy_protocol.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";

/** Reads them, until it is stopped. */
export class ProxyHeaders {
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #handshakes: PendingHandshakes;
  readonly #pending = new Set<AbortController>();

  constructor(wheel: TimerWheel, timeoutMs: number, handshakes: PendingHandshakes) {
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
    this.#handshakes = handshakes;
  }

  /** How many there are. */
  get size(): number {
    return this.#pending.size;
  }

  /** Reads the one of an accepted connection; undefined when there is none, and it is closed. */
  async read(transport: Transport): Promise<Transport | undefined> {
    const aborter = new AbortController();
    const timer = new WheelTimer({
      onTimeout: () => aborter.abort(new Error(`none came within ${this.#timeoutMs} ms`)),
    });
    const newcomer = {
      abort: () => this.#drop(aborter, "it made room for another"),
    };
    this.#handshakes.makeRoom();
    this.#handshakes.add(newcomer);
    this.#pending.add(aborter);
    this.#wheel.arm(timer, this.#timeoutMs);
    /** Whether it is still wanted. */
    const done = () => {
      this.#wheel.cancel(timer);
      this.#handshakes.forget(newcomer);
      return this.#pending.delete(aborter);
    };
    try {
      const proxied = await readProxyHeader(transport, aborter.signal);
      if (done()) return proxied;
      proxied.close();
    } catch (error) {
      if (!done()) return undefined;
      const { message } = error as Error;
      log("warn", () => line`dropped a connection without a PROXY header: ${message}`);
    }
    return undefined;
  }

  /** The context ends: what has not come yet is closed. */
  stop(): void {
    for (const aborter of this.#pending) this.#drop(aborter, "the context was destroyed");
  }

  /** Without a line in the log: it is no fault of the peer's. */
  #drop(aborter: AbortController, why: string): void {
    this.#pending.delete(aborter);
    aborter.abort(new Error(why));
  }
}
