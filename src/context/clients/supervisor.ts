/** What goes on for a client beside its connection: its signal, and the connections that follow. */

import { delayBefore, mayRetry, type RetryPolicy } from "./retry_policy.ts";
import type { CheckedClient } from "../client_options.ts";
import type { ClientRetry } from "../../api/client/retry.ts";
import { THREW } from "../../base/callback_results.ts";
import { line, log } from "../../base/log.ts";
import { call } from "../../connection/callbacks.ts";
import { ClientHandshake } from "../../connection/client/handshake.ts";
import type { ClientTarget } from "../../connection/client/route.ts";
import type { ClientEnd } from "../../connection/client/watch.ts";
import type { Connection } from "../../connection/connection.ts";
import type { ProtocolEntry } from "../../connection/owner.ts";
import { type TimerWheel, WheelTimer, type WheelTimerOwner } from "../../service/timer_wheel.ts";

/** What makes connections. Implemented by ServingContext. */
export interface ClientHost {
  readonly isDestroyed: boolean;
  readonly wheel: TimerWheel;
  readonly counters: { retried: number };
  connect(target: ClientTarget, user: unknown, userOf?: ProtocolEntry): Connection;
}

/** What hears how it goes on. Implemented by Clients. */
export interface SupervisorOwner {
  /** There is another connection. */
  connected(connection: Connection): void;
  /** It waits for its time to connect, or does so no more. */
  waits(isWaiting: boolean): void;
  /** A handshake is done; whether that is all that was wanted. */
  established(connection: Connection): boolean;
  /** There will be no other connection than the one that ended last. */
  over(end: ClientEnd): void;
}

const CLOSE_NORMAL = 1000;

/** One client, as long as there is or may be a connection of it. */
export class ClientSupervisor implements WheelTimerOwner {
  readonly #host: ClientHost;
  readonly #owner: SupervisorOwner;
  readonly #target: ClientTarget;
  readonly #signal: AbortSignal | undefined;
  readonly #retry: RetryPolicy | undefined;
  /** The one that there is, or was last. */
  #connection: Connection;
  #timer: WheelTimer | undefined;
  /** Attempts in a row. */
  #attempt = 0;
  #establishedAt: number | undefined;
  /** Whose per-session data the connections share. */
  #userOf: ProtocolEntry | undefined;
  #isWaiting = false;
  #isOver = false;
  /** How the last connection has ended, until another one is established. */
  #end: ClientEnd | undefined;
  readonly #onAbort = () => this.#abort();

  constructor(
    host: ClientHost,
    { target, signal, retry }: CheckedClient,
    connection: Connection,
    owner: SupervisorOwner,
  ) {
    this.#host = host;
    this.#owner = owner;
    this.#target = target;
    this.#signal = signal;
    this.#retry = retry;
    this.#connection = connection;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  established(): void {
    this.#establishedAt = this.#host.wheel.now();
    this.#userOf = this.#connection.entry;
    this.#end = undefined;
    if (this.#owner.established(this.#connection)) this.#stop();
  }

  /** The connection has ended. */
  ended(end: ClientEnd): void {
    this.#end = end;
    const retry = this.#retry;
    if (this.#isOver || retry === undefined || !mayRetry(end)) return this.#stop();
    const { wheel } = this.#host;
    const upMs = this.#establishedAt === undefined ? -1 : wheel.now() - this.#establishedAt;
    this.#establishedAt = undefined;
    if (upMs >= retry.resetMs) this.#attempt = 0;
    if (this.#host.isDestroyed || this.#attempt >= retry.attempts) return this.#stop();
    const attempt = ++this.#attempt;
    const delayMs = delayBefore(attempt, end, retry, Math.random(), Date.now());
    if (!this.#isWanted({ delayMs, attempt, cause: causeOf(end) })) return this.#stop();
    this.#host.counters.retried++;
    this.#isWaiting = true;
    this.#owner.waits(true);
    wheel.arm(this.#timer ??= new WheelTimer(this), delayMs);
  }

  /** Tells the program, which may have none of it. */
  #isWanted(data: ClientRetry): boolean {
    const connection = this.#connection;
    const { socketFd, entry } = connection;
    log("client", () => line`connection ${socketFd}: connects again in ${data.delayMs} ms`);
    const verdict = call(connection, entry, "clientRetry", Object.freeze(data));
    if (verdict !== 0 && verdict !== THREW) {
      log(
        "notice",
        () =>
          line`connection ${socketFd}: clientRetry returned ${verdict}, so it is not made again`,
      );
    }
    return verdict === 0 && !this.#isOver && !this.#host.isDestroyed;
  }

  /** It is time to connect. */
  onTimeout(): void {
    this.#isWaiting = false;
    this.#owner.waits(false);
    const { user } = this.#connection;
    this.#connection = this.#host.connect(this.#target, user, this.#userOf);
    this.#owner.connected(this.#connection);
  }

  /** Whether there was something to keep from connecting. */
  cancel(): boolean {
    const connection = this.#connection;
    if (this.#isOver || this.#retry === undefined || connection.isEstablished) return false;
    if (connection.isOpen && connection.phase instanceof ClientHandshake) {
      return connection.close("self", undefined, "") === 0;
    }
    this.#stop();
    return true;
  }

  #abort(): void {
    const connection = this.#connection;
    const { phase } = connection;
    if (phase instanceof ClientHandshake && connection.isOpen) phase.giveUp("signal has aborted");
    else if (connection.close("self", CLOSE_NORMAL, "") !== 0) this.#stop();
  }

  #stop(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#isWaiting) {
      this.#isWaiting = false;
      this.#owner.waits(false);
      this.#host.wheel.cancel(this.#timer!);
    }
    if (this.#end !== undefined) this.#owner.over(this.#end);
  }
}

function causeOf(end: ClientEnd): ClientRetry["cause"] {
  if ("code" in end) return Object.freeze(end);
  return Object.freeze({ message: end.text, status: end.answer?.status });
}
