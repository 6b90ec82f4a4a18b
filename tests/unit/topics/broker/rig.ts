/** A hub on a broker with faults, and a clock that stands still. */

import { type Broker, memoryBroker, type TopicLimits } from "../../../../mod.ts";
import { DEFAULT_TOPIC_LIMITS } from "../../../../src/api/topics/limits.ts";
import type { HistoryOptions } from "../../../../src/api/topics/broker.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";
import { FaultyBroker, faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { BrokerHub } from "../../../../src/topics/broker/hub.ts";
import { type Message, message, messages, Played } from "../played_subscriber.ts";
import { captureLog } from "../../../support/recorder.ts";
import { settle } from "../../../support/serve.ts";

export const KEEPS: HistoryOptions = { historySize: 100 };

export interface RigOptions {
  readonly history?: HistoryOptions;
  readonly limits?: Partial<TopicLimits>;
  readonly broker?: FaultyBroker;
  /** What the hub is given in place of that, as a port to it. */
  readonly through?: Broker;
  readonly clock?: FakeClock;
  readonly hasEncoders?: boolean;
  readonly serve?: (work: () => void) => void;
}

export class Rig {
  readonly clock: FakeClock;
  readonly broker: FaultyBroker;
  readonly hub: BrokerHub<Message>;
  readonly states: boolean[] = [];
  readonly limits: string[] = [];
  readonly log = captureLog();

  constructor(options: RigOptions = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.broker = options.broker ?? faultyBroker(memoryBroker(options.history ?? KEEPS));
    this.hub = new BrokerHub({
      onBrokerLimit() {},
      limits: { ...DEFAULT_TOPIC_LIMITS, ...options.limits },
      messages: messages(options.hasEncoders),
      onLimit: (limit) => this.limits.push(limit),
      broker: options.through ?? this.broker,
      clock: this.clock,
      serve: options.serve,
      tellState: (isUp) => this.states.push(isUp),
    });
  }

  /** One that subscribes from now on. */
  async join(topic: string, subscriber: Played = new Played()): Promise<Played> {
    await this.hub.subscribe(subscriber, topic);
    return subscriber;
  }

  /** Publishes texts, one after the other, each with the position before the next. */
  async publish(topic: string, ...texts: string[]) {
    let last = { epoch: "", offset: 0 };
    for (const text of texts) last = await this.hub.publish(topic, message(text));
    return last;
  }

  /** Lets time go by, and what comes of it happen. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(left, 100));
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.hub.close();
    await settle();
    this.clock.advance(60_000);
    await closed;
    this.log[Symbol.dispose]();
  }
}
