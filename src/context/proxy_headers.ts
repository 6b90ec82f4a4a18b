/** The headers of the PROXY protocol that are awaited, each within the same time. */

import type { Transport } from "../api/network.ts";
import { line, log } from "../base/log.ts";
import type { ConnectionOwner } from "../connection/owner.ts";
import { readProxyHeader } from "../proxy/proxy_protocol.ts";
import { WheelTimer } from "../service/timer_wheel.ts";

/** What they need of their context. */
type HeaderOwner = Pick<ConnectionOwner, "wheel" | "limits" | "counters" | "pendingHandshakes">;

/** Reads them, until it is stopped. */
export class ProxyHeaders {
  readonly #owner: HeaderOwner;
  readonly #pending = new Set<AbortController>();

  constructor(owner: HeaderOwner) {
    this.#owner = owner;
  }

  /** How many there are. */
  get size(): number {
    return this.#pending.size;
  }

  /** Reads the one of an accepted connection; undefined when there is none, and it is closed. */
  async read(transport: Transport): Promise<Transport | undefined> {
    const aborter = new AbortController();
    const { wheel, counters, pendingHandshakes, limits: { headerTimeoutMs } } = this.#owner;
    const timer = new WheelTimer({
      onTimeout() {
        counters.hit("headerTimeoutMs");
        aborter.abort(new Error(`none came within ${headerTimeoutMs} ms`));
      },
    });
    const newcomer = {
      abort: () => this.#drop(aborter, "it made room for another"),
    };
    pendingHandshakes.makeRoom();
    pendingHandshakes.add(newcomer);
    this.#pending.add(aborter);
    wheel.arm(timer, headerTimeoutMs);
    /** Whether it is still wanted. */
    const done = () => {
      wheel.cancel(timer);
      pendingHandshakes.forget(newcomer);
      return this.#pending.delete(aborter);
    };
    try {
      const proxied = await readProxyHeader(transport, aborter.signal);
      if (done()) return proxied;
      proxied.close();
    } catch (error) {
      if (!done()) return undefined;
      counters.turnAway("proxyHeader");
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
