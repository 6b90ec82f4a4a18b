/** Nodes whose subscribers are played by hand, over a real broker. */

import type { Broker, Position, TopicLimits } from "../../../mod.ts";
import { DEFAULT_TOPIC_LIMITS } from "../../../src/api/topics/limits.ts";
import type { Clock } from "../../../src/api/service.ts";
import { BrokerHub } from "../../../src/topics/broker/hub.ts";
import { type Message, message, messages, Played } from "../../unit/topics/played_subscriber.ts";

const PATIENCE_MS = 30_000;

/** The runtime's, whose timers end with it, as those of a context do. */
export class EndingClock implements Clock {
  readonly #timers = new Set<unknown>();
  readonly #haste: number;

  /** @param haste how many times as fast it goes */
  constructor(haste = 1) {
    this.#haste = haste;
  }

  now(): number {
    return performance.now() * this.#haste;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs / this.#haste);
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer);
    clearTimeout(timer as number);
  }

  end(): void {
    for (const timer of this.#timers) this.clearTimer(timer);
  }
}

/** Resolves once it is so; what it waits for, no event of ours tells. */
export async function until(condition: () => boolean | Promise<boolean>, what: string) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`it has not come to: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The topics of one context. */
export class Node {
  readonly hub: BrokerHub<Message>;
  readonly states: boolean[] = [];
  readonly #clock = new EndingClock();

  constructor(broker: Broker, limits: Partial<TopicLimits> = {}) {
    this.hub = new BrokerHub({
      onBrokerLimit() {},
      limits: { ...DEFAULT_TOPIC_LIMITS, ...limits },
      messages: messages(),
      onLimit: () => {},
      broker,
      clock: this.#clock,
      serve: undefined,
      tellState: (isUp) => this.states.push(isUp),
    });
  }

  async join(topic: string, subscriber: Played = new Played()): Promise<Played> {
    await this.hub.subscribe(subscriber, topic);
    return subscriber;
  }

  /** Publishes texts, one after the other; each is tried again, as the same, until it is taken. */
  async publish(topic: string, ...texts: string[]): Promise<Position> {
    let last: Position = { epoch: "", offset: 0 };
    for (const text of texts) {
      const id = crypto.randomUUID();
      await until(async () => {
        try {
          last = await this.hub.publish(topic, message(text), { id });
          return true;
        } catch {
          return false;
        }
      }, `publish ${text}`);
    }
    return last;
  }

  /** Resolves when a subscriber has got a text. */
  async has({ got }: Played, text: string): Promise<void> {
    await until(() => got.includes(text), `${text} among ${got.join()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
    this.#clock.end();
  }
}
