/** One context's end of a broker, and all that has come to it. */

import type { Broker, BrokerEvents, BrokerPublication, Clock, Position } from "@x/lws";
import { natsBroker, type NatsOptions } from "@x/lws/nats";

const PATIENCE_MS = 30_000;

export const clock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as number),
};

/** Started, and subscribed. */
export class Watcher implements BrokerEvents, AsyncDisposable {
  readonly broker: Broker;
  readonly got: (BrokerPublication & { readonly topic: string })[] = [];
  /** `down`, `up`, and `interrupted` with the topics. */
  readonly states: string[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(options: NatsOptions) {
    this.broker = natsBroker({ historySize: 10, ...options });
  }

  static async start(options: NatsOptions, ...topics: readonly string[]): Promise<Watcher> {
    const watcher = new Watcher(options);
    try {
      await watcher.broker.start(watcher, clock);
    } catch (error) {
      await watcher[Symbol.asyncDispose]();
      throw error;
    }
    if (topics.length > 0) await watcher.broker.subscribe(topics);
    return watcher;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  publication(topic: string, publication: BrokerPublication): void {
    this.got.push({ topic, ...publication });
    this.#tell();
  }

  interrupted(topics: readonly string[] = ["all"]): void {
    this.states.push(`interrupted ${topics.join()}`);
    this.#tell();
  }

  state(isUp: boolean): void {
    this.states.push(isUp ? "up" : "down");
    this.#tell();
  }

  /** Its publications as texts. */
  get texts(): string[] {
    return this.got.map(({ data }) => new TextDecoder().decode(data));
  }

  /** Waits for something that an event brings. */
  async until(isSo: () => boolean): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`it has got ${this.texts.join()}, and was told ${this.states.join()}`));
      }, PATIENCE_MS);
    });
    try {
      while (!isSo()) await Promise.race([this.#changed.promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  untilText(text: string): Promise<void> {
    return this.until(() => this.texts.includes(text));
  }

  untilState(state: string): Promise<void> {
    return this.until(() => this.states.includes(state));
  }

  publish(topic: string, text: string, id?: string): Promise<Position> {
    const data = new TextEncoder().encode(text);
    return this.broker.publish(topic, data, {
      isBinary: false,
      history: this.broker.keepsHistory,
      ...(id !== undefined && { id }),
    });
  }

  async top(topic: string): Promise<Position> {
    const [top] = await this.broker.tops([topic]);
    return top!;
  }

  /** The texts behind a position, and whether that is all. */
  async behind(topic: string, since?: Position): Promise<[boolean, ...string[]]> {
    const { complete, publications } = await this.broker.history(topic, since, 1_000);
    return [complete, ...publications.map(({ data }) => new TextDecoder().decode(data))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
  }
}

/** Asks until an answer will do. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
  everyMs = 20,
): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`it stays ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
