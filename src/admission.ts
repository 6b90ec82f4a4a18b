/** Accepted connections of which nobody knows yet whose they are. */

import { log } from "./log.ts";
import { readProxyHeader } from "./proxied_transport.ts";
import { type TimerWheel, WheelTimer } from "./service/timer_wheel.ts";
import type { Transport } from "./transport/transport.ts";

/** Whom an admission works for. */
export interface AdmissionHost {
  /** A connection's header was read. */
  admitted(transport: Transport): void;
  /** There is room for one more. */
  left(): void;
}

/** Reads the PROXY protocol's headers, each within the same time. */
export class Admission {
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #host: AdmissionHost;
  readonly #pending = new Set<AbortController>();

  constructor(wheel: TimerWheel, timeoutMs: number, host: AdmissionHost) {
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  /** How many there are. */
  get size(): number {
    return this.#pending.size;
  }

  /** Takes an accepted connection, which comes back to the host or is closed. */
  take(transport: Transport): void {
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
    readProxyHeader(transport, aborter.signal).then(
      (proxied) => {
        if (done()) this.#host.admitted(proxied);
        else proxied.close();
      },
      (error: Error) => {
        if (!done()) return;
        log("warn", () => `dropped a connection without a PROXY header: ${error.message}`);
        this.#host.left();
      },
    );
  }

  /** The context ends: what has not come yet is closed. */
  stop(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const aborter of pending) aborter.abort(new Error("the context was destroyed"));
  }
}
