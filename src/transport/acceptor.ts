/** Accepts connections for as long as a context has room for them. */

import type { Listener, PolledListener, Transport } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { describeFailure, line, log, own } from "../base/log.ts";

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
  /** No connection could be taken from the system, as when no descriptor is left. */
  acceptFailed?(): void;
}

/** What an accept that failed says, and what follows from it. */
class AcceptFailures {
  readonly #what: string;
  /** One line a spell: it may last, and ten lines a second would hide all others. */
  #isFailing = false;

  constructor(what: string) {
    this.#what = what;
  }

  /** Whether to rest until the next one. */
  failed(error: unknown): boolean {
    if (GONE.has((error as { name?: string }).name ?? "")) {
      log("info", () => line`${own(this.#what)}: a connection was gone before it was accepted`);
      return false;
    }
    if (!this.#isFailing) {
      const why = describeFailure(error);
      log("err", () => line`${own(this.#what)}: accept failed, trying every ${REST_MS} ms: ${why}`);
    }
    return this.#isFailing = true;
  }

  accepted(): void {
    if (this.#isFailing) log("notice", () => line`${own(this.#what)}: accepts again`);
    this.#isFailing = false;
  }
}

/** The loop around {@linkcode Listener.accept}. */
export class Acceptor {
  readonly #listener: Listener;
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #failures: AcceptFailures;
  #isStopped = false;
  #wake: (() => void) | undefined;

  /** @param what names the listener in the log */
  constructor(listener: Listener, host: AcceptorHost, clock: Clock, what: string) {
    this.#listener = listener;
    this.#host = host;
    this.#clock = clock;
    this.#failures = new AcceptFailures(what);
  }

  /** Accepts until it is stopped; never rejects. */
  async run(): Promise<void> {
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
        if (!this.#failures.failed(error)) continue;
        this.#host.acceptFailed?.();
        await this.#rest(REST_MS);
        continue;
      }
      this.#failures.accepted();
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

/** Connections that are taken at most before all others have had their turn. */
const LARGEST_BATCH = 64;

/** The same for a listener that tells when there are some, and is asked for them then. */
export class PolledAcceptor {
  readonly #listener: PolledListener;
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #failures: AcceptFailures;
  /** It rests after a failure. */
  #timer: unknown;
  /** How many are taken next, if there are so many: to ask for one that isn't there costs half a read. */
  #batch = 1;

  /** @param what names the listener in the log */
  constructor(listener: PolledListener, host: AcceptorHost, clock: Clock, what: string) {
    this.#listener = listener;
    this.#host = host;
    this.#clock = clock;
    this.#failures = new AcceptFailures(what);
    listener.watch(() => this.#take());
  }

  /** Accepts until it is stopped; resolves at once, as closing the listener leaves nothing behind. */
  run(): Promise<void> {
    this.resume();
    return Promise.resolve();
  }

  /** There may be room again, or none any more. */
  resume(): void {
    try {
      this.#listener.accepts(this.#host.hasRoom && this.#timer === undefined);
    } catch (error) {
      this.#failures.failed(error);
      this.#restAWhile();
    }
  }

  /** Stops listening. */
  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#listener.close();
  }

  #take(): void {
    const batch = this.#batch;
    this.#batch = Math.min(batch * 2, LARGEST_BATCH);
    for (let left = batch; left > 0 && this.#host.hasRoom; left--) {
      try {
        const transport = this.#listener.take();
        if (transport === undefined) {
          this.#batch = Math.max(batch - left, 1);
          break;
        }
        this.#failures.accepted();
        void this.#host.accepted(transport);
      } catch (error) {
        if (!this.#failures.failed(error)) continue;
        this.#restAWhile();
        break;
      }
    }
    this.resume();
  }

  #restAWhile(): void {
    this.#host.acceptFailed?.();
    this.#timer = this.#clock.setTimer(() => this.#rested(), REST_MS);
  }

  #rested(): void {
    this.#timer = undefined;
    this.resume();
  }
}
