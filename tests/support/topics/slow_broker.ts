/**
 * A broker of two ways, as brokers in processes of their own have: calls and their answers go one way, what
 * comes live another one, and each step of both is a test's. So an answer may be older or newer than what comes live.
 */

import type { Broker, BrokerEvents, BrokerPublish, Position } from "../../../mod.ts";
import type { BrokerHistory, BrokerPublication } from "../../../mod.ts";
import type { Published } from "./trace.ts";

const VIRGIN: Position = { epoch: "", offset: 0 };

interface Log {
  readonly epoch: string;
  top: number;
  kept: BrokerPublication[];
}

/** What all nodes have in common. */
export class SlowStore {
  isUp = true;
  /** All that was ever taken. */
  readonly #taken: [string, number, string, number][] = [];
  readonly #keeps: number;
  readonly #logs = new Map<string, Log>();
  readonly #subscribers = new Map<string, Set<SlowNode>>();
  readonly #numbers = new Map<string, number>();
  #epochs = 0;

  /** @param keeps how many publications of each topic */
  constructor(keeps: number) {
    this.#keeps = keeps;
  }

  get published(): Published {
    return { publisher: "store", confirmed: this.#taken, refused: 0 };
  }

  /** Its data is the number that it has among those of its topic. */
  publish(topic: string): Position {
    let log = this.#logs.get(topic);
    if (log === undefined) {
      log = { epoch: `e${++this.#epochs}`, top: 0, kept: [] };
      this.#logs.set(topic, log);
    }
    const number = (this.#numbers.get(topic) ?? 0) + 1;
    this.#numbers.set(topic, number);
    const { epoch } = log;
    const offset = ++log.top;
    const data = new TextEncoder().encode(String(number));
    const publication = { epoch, offset, data, isBinary: false };
    log.kept = [...log.kept, publication].slice(-this.#keeps);
    this.#taken.push([topic, number, epoch, offset]);
    for (const node of this.#subscribers.get(topic) ?? []) node.queue({ topic, publication });
    return { epoch, offset };
  }

  subscribe(node: SlowNode, topics: readonly string[]): void {
    for (const topic of topics) {
      const all = this.#subscribers.get(topic) ?? new Set();
      this.#subscribers.set(topic, all.add(node));
    }
  }

  unsubscribe(node: SlowNode, topics?: readonly string[]): void {
    for (const [topic, all] of this.#subscribers) {
      if (topics?.includes(topic) ?? true) all.delete(node);
    }
  }

  history(topic: string, since: Position | undefined, limit: number): BrokerHistory {
    const { epoch, top, kept } = this.#logs.get(topic) ?? { epoch: "", top: 0, kept: [] };
    const from = since === undefined || (since.epoch === "" && since.offset === 0)
      ? 0
      : since.epoch === epoch
      ? since.offset
      : -1;
    const first = kept[0]?.offset ?? top + 1;
    const complete = from >= 0 && from <= top && from >= first - 1;
    const publications = kept.filter(({ offset }) => offset > from).slice(0, limit);
    return { epoch, top, complete, publications };
  }

  top(topic: string): Position {
    const log = this.#logs.get(topic);
    return log === undefined ? VIRGIN : { epoch: log.epoch, offset: log.top };
  }

  /** It has lost all of a topic, or what it had kept of it. */
  lose(topic: string, isAll: boolean): void {
    if (isAll) this.#logs.delete(topic);
    else if (this.#logs.has(topic)) this.#logs.get(topic)!.kept = [];
  }
}

interface Call {
  readonly run: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Live =
  | { readonly topic: string; readonly publication: BrokerPublication }
  | { readonly request: Call };

/** The two ways of one context. */
export class SlowNode implements Broker {
  readonly keepsHistory = true;
  readonly #store: SlowStore;
  #events!: BrokerEvents;
  /** Whether the context was told that the broker is there. */
  #isUp = true;
  #calls: Call[] = [];
  #answers: Call[] = [];
  #requests: Call[] = [];
  #live: Live[] = [];
  readonly #wanted = new Set<string>();
  #isCut = false;
  #isDeaf = false;

  constructor(store: SlowStore) {
    this.#store = store;
  }

  start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    return Promise.resolve();
  }

  subscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic);
    return this.#enqueue(this.#requests, () => this.#store.subscribe(this, topics));
  }

  unsubscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#wanted.delete(topic);
    return this.#enqueue(this.#requests, () => {
      this.#store.unsubscribe(this, topics.filter((topic) => !this.#wanted.has(topic)));
    });
  }

  publish(topic: string, _data: Uint8Array, _options: BrokerPublish): Promise<Position> {
    return this.#enqueue(this.#calls, () => this.#store.publish(topic));
  }

  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory> {
    return this.#enqueue(this.#calls, () => this.#store.history(topic, since, limit));
  }

  tops(topics: readonly string[]): Promise<readonly Position[]> {
    return this.#enqueue(this.#calls, () => topics.map((topic) => this.#store.top(topic)));
  }

  reconnect(): void {
    if (this.#isUp) this.cut();
  }

  #enqueue<Result>(queue: Call[], run: () => Result): Promise<Result> {
    if (!this.#isUp || !this.#store.isUp) return Promise.reject(new Error("it is away"));
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    queue.push({ run, resolve: resolve as Call["resolve"], reject });
    return promise;
  }

  queue(live: Live): void {
    if (!this.#isDeaf) this.#live.push(live);
  }

  // What a test orders, step by step.

  /** The broker takes the next call. */
  take(): void {
    const call = this.#calls.shift();
    if (call === undefined) return;
    const result = call.run();
    this.#answers.push({ ...call, run: () => result });
  }

  /** The next answer comes. */
  answer(): void {
    const call = this.#answers.shift();
    call?.resolve(call.run());
  }

  /** The broker takes the next subscription, whose confirmation is live behind what came before. */
  takeRequest(): void {
    if (this.#isCut) return;
    const request = this.#requests.shift();
    if (request === undefined) return;
    request.run();
    // One that is deaf does not know.
    this.#live.push({ request });
  }

  /** The next thing comes live. */
  deliver(): void {
    const live = this.#live.shift();
    if (live === undefined) return;
    if ("request" in live) live.request.resolve(undefined);
    else this.#events.publication(live.topic, live.publication);
  }

  /** The live way is cut: what was on it is lost. */
  cut(): void {
    this.#store.unsubscribe(this);
    // Those that wait for a confirmation wait for the next way.
    this.#requests.unshift(...this.#confirmations.map((call) => ({ ...call, run() {} })));
    this.#live = [];
    this.#isCut = true;
    this.#isDeaf = false;
  }

  get #confirmations(): Call[] {
    return this.#live.flatMap((live) => "request" in live ? [live.request] : []);
  }

  /** The live way is made anew. */
  mend(): void {
    if (!this.#isCut || !this.#store.isUp || !this.#isUp) return;
    this.#isCut = false;
    this.#store.subscribe(this, [...this.#wanted]);
    this.#events.interrupted();
  }

  /** The live way is dead, and nothing says so. */
  deafen(): void {
    if (!this.#isCut) this.#isDeaf = true;
  }

  /** The broker is gone, as far as this node knows. */
  fall(): void {
    this.#isUp = false;
    this.#store.unsubscribe(this);
    this.#wanted.clear();
    this.#isCut = this.#isDeaf = false;
    const calls = [...this.#calls, ...this.#answers, ...this.#requests, ...this.#confirmations];
    [this.#calls, this.#requests, this.#live, this.#answers] = [[], [], [], []];
    for (const { reject } of calls) reject(new Error("it has gone"));
    this.#events.state(false);
  }

  rise(): void {
    if (this.#isUp || !this.#store.isUp) return;
    this.#isUp = true;
    this.#events.state(true);
  }

  get isIdle(): boolean {
    const waiting = [this.#calls, this.#requests, this.#live, this.#answers];
    return this.#isUp && !this.#isCut && waiting.every(({ length }) => length === 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
