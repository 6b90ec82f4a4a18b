/** Which ports have which topics, so that the broker is subscribed to each of them once. */

import type { Broker, BrokerPublication } from "../../api/topics/broker.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";

/** One that subscribes. Implemented by SharePort. */
export interface TopicPort {
  /** Those that it has; kept by the topics. */
  readonly topics: Set<SharedTopic>;
  tell(topic: string, publication: BrokerPublication): void;
}

/** A topic that a port has. */
export interface SharedTopic {
  readonly name: string;
  readonly ports: Set<TopicPort>;
  /** When the broker is subscribed to it. */
  ready: Promise<void> | undefined;
}

/** As many topics at once a broker takes. */
const MOST_AT_ONCE = 1_000;

/** All of them. */
export class SharedTopics {
  readonly #broker: Broker;
  readonly #topics = new Map<string, SharedTopic>();
  /** Changes when the broker has forgotten all. */
  #count = 0;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  get size(): number {
    return this.#topics.size;
  }

  publication(name: string, publication: BrokerPublication): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    for (const port of topic.ports) port.tell(name, publication);
  }

  /** Resolves once the broker is subscribed to all of them, be it for this port or was it for another one. */
  async subscribe(port: TopicPort, names: readonly string[]): Promise<void> {
    const count = this.#count;
    const topics = names.map((name) => this.#open(name));
    const added = topics.filter(({ ports }) => !ports.has(port));
    for (const topic of added) {
      topic.ports.add(port);
      port.topics.add(topic);
    }
    this.#bring(topics.filter(({ ready }) => ready === undefined));
    try {
      await Promise.all(new Set(topics.map(({ ready }) => ready)));
    } catch (error) {
      this.#remove(port, added).catch(ignored);
      throw error;
    }
    if (count === this.#count) return;
    throw new LwsError("broker-unavailable", "subscribe: the broker went away meanwhile");
  }

  #open(name: string): SharedTopic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic: SharedTopic = { name, ports: new Set(), ready: undefined };
    this.#topics.set(name, topic);
    return topic;
  }

  #bring(topics: readonly SharedTopic[]): void {
    if (topics.length === 0) return;
    const ready = attempt(() => this.#broker.subscribe(namesOf(topics)));
    // Each that waits for it rejects; the next one tries again.
    ready.catch(() => {
      for (const topic of topics) topic.ready = undefined;
    });
    for (const topic of topics) topic.ready = ready;
  }

  async unsubscribe(port: TopicPort, names: readonly string[]): Promise<void> {
    const topics = names.map((name) => this.#topics.get(name));
    await this.#remove(port, topics.filter((topic) => topic !== undefined));
  }

  /** Resolves when the broker, too, has left those that no other port has. */
  #remove(port: TopicPort, topics: readonly SharedTopic[]): Promise<unknown> {
    const left = topics.filter((topic) => {
      port.topics.delete(topic);
      return topic.ports.delete(port) && topic.ports.size === 0 &&
        this.#topics.get(topic.name) === topic;
    });
    for (const { name } of left) this.#topics.delete(name);
    // All at once: one that comes again must not be overtaken by what is left of this.
    const ends: Promise<void>[] = [];
    for (let at = 0; at < left.length; at += MOST_AT_ONCE) {
      const names = namesOf(left.slice(at, at + MOST_AT_ONCE));
      ends.push(attempt(() => this.#broker.unsubscribe(names)));
    }
    return Promise.all(ends);
  }

  /** The port is gone, with all that it had. */
  drop(port: TopicPort): void {
    this.#remove(port, [...port.topics]).catch(ignored);
  }

  /** The broker knows nothing of them any more; ports subscribe anew. */
  forget(): void {
    this.#count++;
    for (const { ports } of this.#topics.values()) {
      for (const port of ports) port.topics.clear();
    }
    this.#topics.clear();
  }
}

function namesOf(topics: readonly SharedTopic[]): string[] {
  return topics.map(({ name }) => name);
}

/** Its topics come for longer, and go to no port. */
function ignored(error: unknown): void {
  log("info", () => line`shareBroker: unsubscribe: ${messageOf(error)}`);
}

/** As `call`, which may throw at once as well. */
function attempt(call: () => Promise<void>): Promise<void> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}
