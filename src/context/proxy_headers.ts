/** The headers of the PROXY protocol that are awaited, each within the same time. */

import type { Transport } from "../api/network.ts";
import { line, log } from "../base/log.ts";
import { readProxyHeader } from "../proxy/proxy_protocol.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";

/** Reads them, until it is stopped. */
export class ProxyHeaders {
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #pending = new Set<AbortController>();

  constructor(wheel: TimerWheel, timeoutMs: number) {
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
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
    this.#pending.add(aborter);
    this.#wheel.arm(timer, this.#timeoutMs);
    /** Whether it is still wanted. */
    const done = () => {
      this.#wheel.cancel(timer);
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
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const aborter of pending) aborter.abort(new Error("the context was destroyed"));
  }
}
