/** Accepts connections for as long as a context has room for them. */

import type { Listener, Transport } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { describeFailure, log } from "../base/log.ts";

/** How long accepting rests after it failed, as it does when no descriptor is left. */
const REST_MS = 100;

/**
 * The names of errors that tell of one connection, reset by its peer while it was in the backlog: some
 * load balancers look that way whether a server listens. The next one is none the worse for it.
 */
const GONE: ReadonlySet<string> = new Set([
  "ConnectionAborted",
  "ConnectionReset",
  "NotConnected",
]);

/** What an {@linkcode Acceptor} hands connections to. Implemented by Admission and BroadcastSocket. */
export interface AcceptorHost {
  /** Whether there is room for one more. */
  readonly hasRoom: boolean;
  /** Takes a connection; the next one waits in the backlog until a promise is fulfilled. */
  accepted(transport: Transport): void | Promise<void>;
}

/** The loop around {@linkcode Listener.accept}. */
export class Acceptor {
  readonly #listener: Listener;
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #what: string;
  #isStopped = false;
  #wake: (() => void) | undefined;

  /** @param what names the listener in the log */
  constructor(listener: Listener, host: AcceptorHost, clock: Clock, what: string) {
    this.#listener = listener;
    this.#host = host;
    this.#clock = clock;
    this.#what = what;
  }

  /** Accepts until it is stopped; never rejects. */
  async run(): Promise<void> {
    // One line a spell: it may last, and ten lines a second would hide all others.
    let isFailing = false;
    while (!this.#isStopped) {
      if (!this.#host.hasRoom) {
        await this.#rest();
        continue;
      }
      let transport: Transport;
      try {
        transport = await this.#listener.accept();
      } catch (error) {
        if (this.#isStopped) return;
        if (GONE.has((error as { name?: string }).name ?? "")) {
          log("info", () => `${this.#what}: a connection was gone before it was accepted`);
          continue;
        }
        if (!isFailing) {
          const why = describeFailure(error);
          log("err", () => `${this.#what}: accept failed, trying every ${REST_MS} ms: ${why}`);
        }
        isFailing = true;
        await this.#rest(REST_MS);
        continue;
      }
      if (isFailing) log("notice", () => `${this.#what}: accepts again`);
      isFailing = false;
      if (this.#isStopped) {
        transport.close();
        return;
      }
      const taken = this.#host.accepted(transport);
      if (taken !== undefined) await taken;
    }
  }

  /** There may be room again. */
  resume(): void {
    this.#wake?.();
  }

  /** Stops listening. */
  stop(): void {
    this.#isStopped = true;
    this.#listener.close();
    this.#wake?.();
  }

  /** Waits until something has changed, or for so long. */
  async #rest(delayMs?: number): Promise<void> {
    let timer: unknown;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (delayMs !== undefined) timer = this.#clock.setTimer(resolve, delayMs);
    });
    if (timer !== undefined) this.#clock.clearTimer(timer);
    this.#wake = undefined;
  }
}
