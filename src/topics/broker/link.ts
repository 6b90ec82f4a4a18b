/** The way to the broker: whether it is there, and calls that don't wait for it for good. */

import type { Clock } from "../../api/service.ts";
import type { Broker, BrokerEvents } from "../../api/topics/broker.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf, own } from "../../base/log.ts";

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/** What a link tells of the broker. Implemented by BrokerHub. */
export interface LinkHost {
  /** Told of each change, but for the first time that it is there. */
  onState(isUp: boolean): void;
}

/** How long to wait before something is tried again: doubling, and different at every context. */
export function retryDelay(attempt: number): number {
  const most = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return most * (0.5 + Math.random() / 2);
}

/** A call of the program's or the hub's that waits for the broker. */
interface Asked {
  readonly what: string;
  readonly dueAt: number;
  reject(error: LwsError): void;
}

/** One context's broker. */
export class BrokerLink {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #host: LinkHost;
  /** By the time when they are due, as all have the same time. */
  readonly #asked = new Set<Asked>();
  /** One for all of them: armed and disarmed for each, it would cost more than the call. */
  #deadline: unknown;
  #hasDeadline = false;
  #starting: Promise<void> | undefined;
  #hasStarted = false;
  #isUp = false;
  #isClosed = false;
  #retry: unknown;
  /** Why it has not started. */
  #refusal: unknown;

  constructor(broker: Broker, clock: Clock, timeoutMs: number, host: LinkHost) {
    this.#broker = broker;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  /** Whether calls reach the broker before they return. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** Whether it has started, and is not known to be away. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Has the broker begin; harmless when repeated. */
  start(events: Omit<BrokerEvents, "state">): Promise<void> {
    return this.#starting ??= new Promise((resolve) => {
      const told: BrokerEvents = {
        publication: (topic, publication) => events.publication(topic, publication),
        interrupted: (topics) => events.interrupted(topics),
        state: (isUp) => {
          if (this.#hasStarted) this.#changed(isUp);
        },
        limit: (name) => events.limit?.(name),
      };
      this.#begin(told, 0, resolve);
    });
  }

  #begin(events: BrokerEvents, attempt: number, done: () => void): void {
    if (this.#isClosed) return;
    called(() => this.#broker.start(events, this.#clock)).then(() => {
      this.#hasStarted = true;
      const isFirst = attempt === 0;
      if (isFirst) this.#isUp = true;
      else this.#changed(true);
      done();
    }, (error) => {
      if (this.#isClosed) return;
      this.#refusal = error;
      if (attempt === 0) {
        log("warn", () => line`the broker can't be reached: ${messageOf(error)}`);
        this.#host.onState(false);
      }
      const again = () => this.#begin(events, attempt + 1, done);
      this.#retry = this.#clock.setTimer(again, retryDelay(attempt));
    });
  }

  #changed(isUp: boolean): void {
    if (isUp === this.#isUp || this.#isClosed) return;
    this.#isUp = isUp;
    log(isUp ? "notice" : "warn", () => line`the broker is ${own(isUp ? "there again" : "away")}`);
    this.#host.onState(isUp);
  }

  /** Topics by the parts of the broker that they are of. */
  byPart<Of extends { readonly name: string }>(topics: readonly Of[]): readonly (readonly Of[])[] {
    const broker = this.#broker;
    if (broker.partOf === undefined) return [topics];
    return [...Map.groupBy(topics, ({ name }) => broker.partOf!(name)).values()];
  }

  /** Calls the broker at once, if it has begun. @throws {LwsError} `broker-unavailable`, `destroyed` */
  ask<Result>(what: string, call: (broker: Broker) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(destroyedAt(what));
      const asked: Asked = { what, dueAt: this.#clock.now() + this.#timeoutMs, reject };
      this.#asked.add(asked);
      if (!this.#hasDeadline) this.#await(this.#timeoutMs);
      const begin = () => {
        if (!this.#asked.has(asked)) return;
        called(() => call(this.#broker)).then((result) => {
          this.#asked.delete(asked);
          resolve(result);
        }, (error) => this.#fail(asked, unavailable(what, error)));
      };
      if (this.#hasStarted) begin();
      else this.#starting?.then(begin);
    });
  }

  #fail(asked: Asked, error: LwsError): void {
    this.#asked.delete(asked);
    asked.reject(error);
  }

  #await(delayMs: number): void {
    this.#hasDeadline = true;
    this.#deadline = this.#clock.setTimer(() => this.#onDeadline(), delayMs);
  }

  #onDeadline(): void {
    this.#hasDeadline = false;
    const now = this.#clock.now();
    for (const asked of this.#asked) {
      if (asked.dueAt > now) return this.#await(asked.dueAt - now);
      this.#fail(asked, this.late(asked.what));
    }
  }

  /** What a call is told that has waited in vain: with the reason, where the broker has never been there. */
  late(what: string): LwsError {
    const text = `${what}: no answer within topics.brokerTimeoutMs (${this.#timeoutMs})`;
    if (this.#hasStarted || this.#refusal === undefined) {
      return new LwsError("broker-unavailable", text);
    }
    const cause = this.#refusal;
    return new LwsError("broker-unavailable", `${text}: ${messageOf(cause)}`, { cause });
  }

  /** Fails all calls under way, and closes the broker. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clock.clearTimer(this.#retry);
    this.#clock.clearTimer(this.#deadline);
    for (const asked of this.#asked) this.#fail(asked, destroyedAt("publish"));
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimer(resolve, this.#timeoutMs);
    });
    try {
      await Promise.race([called(() => this.#broker[Symbol.asyncDispose]()), late]);
    } catch (error) {
      log("warn", () => line`the broker can't be closed: ${messageOf(error)}`);
    }
    this.#clock.clearTimer(timer);
  }
}

/** As `call`, which may throw at once as well. */
function called<Result>(call: () => PromiseLike<Result>): Promise<Result> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

function destroyedAt(what: string): LwsError {
  return new LwsError("destroyed", `${what}: the context is destroyed`);
}

function unavailable(what: string, cause: unknown): LwsError {
  if (cause instanceof LwsError) return cause;
  return new LwsError("broker-unavailable", `${what}: ${messageOf(cause)}`, { cause });
}
