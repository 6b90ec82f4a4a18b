/** Publications on their way to the broker. */

import type { BrokerPublish } from "../../api/topics/broker.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import type { BrokerLink } from "./link.ts";
import type { Publishable, Subscriber } from "../subscriber.ts";
import { abortedBy } from "../topics.ts";

/** Choices of one. */
export interface Sending {
  readonly history: boolean;
  readonly sender: string | undefined;
  readonly id?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** They, and the tags by which this context knows its own senders. */
export class Publishing<Message extends Publishable> {
  readonly #link: BrokerLink;
  readonly #limits: TopicLimits;
  readonly #onLimit: (limit: keyof TopicLimits) => void;
  readonly #node = crypto.randomUUID();
  readonly #tags = new Map<Subscriber<Message>, string>();
  readonly #senders = new Map<string, Subscriber<Message>>();
  #lastTag = 0;
  #pending = 0;

  constructor(
    link: BrokerLink,
    limits: TopicLimits,
    onLimit: (limit: keyof TopicLimits) => void,
  ) {
    this.#link = link;
    this.#limits = limits;
    this.#onLimit = onLimit;
  }

  /** What names a subscriber in a publication that it is left out of. */
  tagOf(subscriber: Subscriber<Message>): string {
    const known = this.#tags.get(subscriber);
    if (known !== undefined) return known;
    const tag = `${this.#node}.${++this.#lastTag}`;
    this.#tags.set(subscriber, tag);
    this.#senders.set(tag, subscriber);
    return tag;
  }

  senderOf(tag: string): Subscriber<Message> | undefined {
    return this.#senders.get(tag);
  }

  forget(subscriber: Subscriber<Message>): void {
    const tag = this.#tags.get(subscriber);
    if (tag === undefined) return;
    this.#tags.delete(subscriber);
    this.#senders.delete(tag);
  }

  /** @throws {LwsError} `broker-unavailable`, `destroyed`, `aborted`, by a rejection */
  async publish(
    topic: string,
    { payload, isBinary }: Message,
    { history, sender, id, signal }: Sending,
  ): Promise<Position> {
    const { maxPending } = this.#limits;
    if (this.#pending >= maxPending) {
      this.#onLimit("maxPending");
      throw new LwsError(
        "broker-unavailable",
        `publish: topics.maxPending (${maxPending}) publications wait for the broker`,
      );
    }
    const options: BrokerPublish = {
      isBinary,
      history,
      ...(id !== undefined && { id }),
      ...(sender !== undefined && { sender }),
    };
    this.#pending++;
    try {
      const sent = this.#link.ask("publish", (broker) => broker.publish(topic, payload, options));
      return await (signal === undefined ? sent : unlessAborted(sent, signal));
    } finally {
      this.#pending--;
    }
  }
}

function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortedBy(signal));
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
