/** A broker whose faults a test orders. */

import type { Clock } from "../api/service.ts";
import type {
  Broker,
  BrokerEvents,
  BrokerHistory,
  BrokerPublication,
  BrokerPublish,
} from "../api/topics/broker.ts";
import type { BrokerPresence } from "../api/topics/broker_presence.ts";
import type { Position } from "../api/topics/topics.ts";

/** The calls of a broker that can be held up and made to fail. */
export type BrokerCall =
  | "start"
  | "subscribe"
  | "unsubscribe"
  | "publish"
  | "history"
  | "tops"
  | keyof BrokerPresence;

/** Calls that wait; made by {@linkcode FaultyBroker.hold} and {@linkcode FaultyBroker.holdAnswer}. */
export interface HeldCalls {
  /** How many calls wait. */
  readonly count: number;
  /** Lets all that wait go on, and holds up no more. */
  release(): void;
}

/** What a broker of {@linkcode faultyBroker} can be ordered to do beside its work. */
export class FaultyBroker implements Broker {
  /** All calls in their order, as `"subscribe a,b"` or `"publish a"`. */
  readonly calls: string[] = [];
  readonly keepsHistory: boolean;
  /** That of the broker inside, if it has one. */
  readonly presence?: BrokerPresence;
  /** What is done to a publication on its way in; nothing comes of an empty list. */
  onLive:
    | ((topic: string, publication: BrokerPublication) => readonly BrokerPublication[])
    | undefined;
  /** What is made of an answer of `history`. */
  onHistory: ((topic: string, answer: BrokerHistory) => BrokerHistory) | undefined;
  /** What is made of an answer of `tops`. */
  onTops: ((tops: readonly Position[]) => readonly Position[]) | undefined;
  /** How often it was asked to make its live feed anew. */
  reconnects = 0;
  #inner: Broker;
  #events: BrokerEvents | undefined;
  #clock: Clock | undefined;
  #isUp = true;
  readonly #topics = new Set<string>();
  /** Those that are unsubscribed from, and by which call. */
  readonly #leaving = new Map<string, symbol>();
  readonly #failures = new Map<BrokerCall, unknown[]>();
  readonly #gates = new Map<BrokerCall, Gate>();
  readonly #answerGates = new Map<BrokerCall, Gate>();
  readonly #lostAnswers = new Map<BrokerCall, number>();

  /** Use {@linkcode faultyBroker}. */
  constructor(inner: Broker) {
    this.#inner = inner.openNode?.() ?? inner;
    this.keepsHistory = inner.keepsHistory;
    if (inner.presence !== undefined) this.presence = this.#presence();
  }

  // What a test orders.

  /** Has calls wait until they are released, before they reach the broker. */
  hold(call: BrokerCall): HeldCalls {
    return gate(this.#gates, call);
  }

  /** Has answers wait until they are released: the broker has given them, and they grow old. */
  holdAnswer(call: BrokerCall): HeldCalls {
    return gate(this.#answerGates, call);
  }

  /** Has the next calls reject, before they reach the broker. */
  fail(call: BrokerCall, error: unknown = new Error("ordered to fail"), times = 1): void {
    const errors = this.#failures.get(call) ?? [];
    for (let i = 0; i < times; i++) errors.push(error);
    this.#failures.set(call, errors);
  }

  /** Has the answers of the next calls get lost: they are done, and reject. */
  loseAnswer(call: BrokerCall, times = 1): void {
    this.#lostAnswers.set(call, (this.#lostAnswers.get(call) ?? 0) + times);
  }

  /** The broker goes away: calls reject, and nothing comes. It keeps what it has. */
  stop(): void {
    this.#isUp = false;
    this.#forgetTopics();
    this.#events?.state(false);
  }

  /**
   * It is there again, and knows nothing of what was subscribed to.
   *
   * @param inner The broker from now on, for one that has lost its data. Default: the same.
   */
  async restart(inner?: Broker): Promise<void> {
    if (this.#isUp) this.stop();
    if (inner !== undefined) {
      this.#inner = inner.openNode?.() ?? inner;
      await this.#begin();
    }
    this.#isUp = true;
    this.#events?.state(true);
  }

  #forgetTopics(): void {
    this.#inner.unsubscribe([...this.#topics]);
    this.#topics.clear();
  }

  /** The live feed alone is dead, without a word: publications go by until `revive`. */
  deafen(): void {
    this.onLive = () => [];
  }

  /** Publications come again; what went by is not told. */
  revive(): void {
    this.onLive = undefined;
  }

  /** The end of all that was ordered and goes on: failures, lost answers, calls that are held, a dead feed. */
  mend(): void {
    this.#failures.clear();
    this.#lostAnswers.clear();
    for (const gates of [this.#gates, this.#answerGates]) {
      for (const each of gates.values()) each.open();
      gates.clear();
    }
    this.onLive = undefined;
    this.onHistory = undefined;
    this.onTops = undefined;
  }

  /** As the broker tells it: the live feed may have missed something. */
  interrupt(topics?: readonly string[]): void {
    this.#events?.interrupted(topics);
  }

  /** Something comes live that the broker has not sent. */
  live(topic: string, publication: BrokerPublication): void {
    this.#events?.publication(topic, publication);
  }

  // The broker.

  async start(events: BrokerEvents, clock: Clock): Promise<void> {
    this.#events = events;
    this.#clock = clock;
    await this.#called("start", "", () => this.#begin());
  }

  #begin(): Promise<void> {
    const inner = this.#inner;
    const told: BrokerEvents = {
      publication: (topic, publication) => {
        if (inner !== this.#inner || !this.#topics.has(topic)) return;
        const all = this.onLive?.(topic, publication) ?? [publication];
        for (const each of all) this.#events!.publication(topic, each);
      },
      interrupted: (topics) => this.#events!.interrupted(topics),
      state: (isUp) => this.#events!.state(isUp),
    };
    return inner.start(told, this.#clock!);
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#leaving.delete(topic);
    await this.#called("subscribe", topics.join(), async () => {
      for (const topic of topics) this.#topics.add(topic);
      await this.#inner.subscribe(topics);
    });
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    const call = Symbol();
    for (const topic of topics) this.#leaving.set(topic, call);
    await this.#called("unsubscribe", topics.join(), async () => {
      // One that was subscribed to while this was held up stays.
      const left = topics.filter((topic) => this.#leaving.get(topic) === call);
      for (const topic of left) {
        this.#leaving.delete(topic);
        this.#topics.delete(topic);
      }
      await this.#inner.unsubscribe(left);
    });
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    // Taken before it may be held up.
    const own = data.slice();
    return this.#called("publish", topic, () => this.#inner.publish(topic, own, options));
  }

  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory> {
    return this.#called("history", topic, async () => {
      const answer = await this.#inner.history(topic, since, limit);
      return this.onHistory?.(topic, answer) ?? answer;
    });
  }

  tops(topics: readonly string[]): Promise<readonly Position[]> {
    return this.#called("tops", topics.join(), async () => {
      const tops = await this.#inner.tops(topics);
      return this.onTops?.(tops) ?? tops;
    });
  }

  #presence(): BrokerPresence {
    const inner = () => this.#inner.presence!;
    return {
      join: (topic, member, history) =>
        this.#called("join", `${topic} ${member.key}`, () => inner().join(topic, member, history)),
      leave: (topic, id, history) =>
        this.#called("leave", topic, () => inner().leave(topic, id, history)),
      tend: (...args) => this.#called("tend", "", () => inner().tend(...args)),
      members: (topic, limit) =>
        this.#called("members", topic, () => inner().members(topic, limit)),
    };
  }

  reconnect(): void {
    this.reconnects++;
  }

  /** Closes the broker inside. */
  [Symbol.asyncDispose](): Promise<void> {
    this.calls.push("dispose");
    return Promise.resolve(this.#inner[Symbol.asyncDispose]());
  }

  async #called<Result>(
    call: BrokerCall,
    of: string,
    work: () => Promise<Result>,
  ): Promise<Result> {
    this.calls.push(of === "" ? call : `${call} ${of}`);
    await this.#gates.get(call)?.pass();
    const errors = this.#failures.get(call);
    if (errors !== undefined && errors.length > 0) throw errors.shift();
    if (!this.#isUp) throw new Error("the broker is away");
    const result = await work();
    await this.#answerGates.get(call)?.pass();
    const lost = this.#lostAnswers.get(call) ?? 0;
    if (lost === 0) return result;
    this.#lostAnswers.set(call, lost - 1);
    throw new Error("the answer is lost");
  }
}

/** Where calls wait. */
class Gate {
  readonly #opened = Promise.withResolvers<void>();
  count = 0;

  pass(): Promise<void> {
    this.count++;
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }
}

function gate(gates: Map<BrokerCall, Gate>, call: BrokerCall): HeldCalls {
  const made = new Gate();
  gates.set(call, made);
  return {
    get count() {
      return made.count;
    },
    release() {
      if (gates.get(call) === made) gates.delete(call);
      made.open();
    },
  };
}

/**
 * A broker around another one, with faults that a test orders: calls that wait, fail or lose their answers,
 * a live feed that loses, doubles or delays what comes, and ends with and without the data.
 *
 * @example A subscriber hears of what was lost with the broker's data
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, memoryBroker } from "@x/lws";
 * import { faultyBroker } from "@x/lws/testing";
 *
 * const broker = faultyBroker(memoryBroker({ historySize: 10 }));
 * await using context = createContext({
 *   port: CONTEXT_PORT_NO_LISTEN,
 *   broker,
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 * });
 * const { epoch } = await context.publish("news", "kept");
 * await broker.restart(memoryBroker({ historySize: 10 }));
 * const after = await context.publish("news", "anew");
 * if (after.epoch === epoch) throw new Error("it must be another count");
 * ```
 */
export function faultyBroker(inner: Broker): FaultyBroker {
  return new FaultyBroker(inner);
}
