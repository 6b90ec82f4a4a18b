/** The connections of this context that are in topics. */

import type { TopicLimits } from "../../api/topics/limits.ts";
import { LwsError } from "../../base/errors.ts";
import type { Subscriber } from "../subscriber.ts";

/** One of them, in one topic. */
export interface Membership<Message> {
  readonly subscriber: Subscriber<Message>;
  readonly topic: string;
  /** The connection's, the same in all its topics. */
  readonly id: string;
}

interface Own<Of> {
  readonly id: string;
  readonly topics: Map<string, Of>;
}

/** They, by connection and by topic. */
export class Memberships<Message, Of extends Membership<Message>> {
  readonly #suffix = `.${crypto.randomUUID()}`;
  readonly #limits: TopicLimits;
  readonly #onLimit: (limit: keyof TopicLimits) => void;
  readonly #own = new Map<Subscriber<Message>, Own<Of>>();
  readonly #topics = new Map<string, Set<Of>>();
  #count = 0;
  #size = 0;

  constructor(limits: TopicLimits, onLimit: (limit: keyof TopicLimits) => void) {
    this.#limits = limits;
    this.#onLimit = onLimit;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether an id is that of a connection of this context. */
  isOwn(id: string): boolean {
    return id.endsWith(this.#suffix);
  }

  find(subscriber: Subscriber<Message>, topic: string): Of | undefined {
    return this.#own.get(subscriber)?.topics.get(topic);
  }

  of(subscriber: Subscriber<Message>): Of[] {
    return [...this.#own.get(subscriber)?.topics.values() ?? []];
  }

  in(topic: string): Iterable<Of> {
    return this.#topics.get(topic) ?? [];
  }

  *all(): Iterable<Of> {
    for (const { topics } of this.#own.values()) yield* topics.values();
  }

  /** @throws {LwsError} `invalid-state` */
  checkEstablished(subscriber: Subscriber<Message>): void {
    if (subscriber.isEstablished) return;
    throw new LwsError("invalid-state", "join: the connection is no established WebSocket");
  }

  /** @throws {LwsError} `topic-limit` if the connection can be in no other topic */
  checkRoom(subscriber: Subscriber<Message>): void {
    const { maxPerConnection } = this.#limits;
    if ((this.#own.get(subscriber)?.topics.size ?? 0) < maxPerConnection) return;
    this.#onLimit("maxPerConnection");
    throw new LwsError(
      "topic-limit",
      `join: topics.maxPerConnection (${maxPerConnection}) is reached`,
    );
  }

  /** The id of a connection; those of later ones are greater, as far as clocks agree. */
  idOf(subscriber: Subscriber<Message>): string {
    const known = this.#own.get(subscriber)?.id;
    if (known !== undefined) return known;
    const count = (++this.#count).toString(36).padStart(8, "0");
    return `${Date.now().toString(36)}.${count}${this.#suffix}`;
  }

  add(membership: Of): void {
    const { subscriber, topic, id } = membership;
    const own = this.#own.get(subscriber) ?? { id, topics: new Map<string, Of>() };
    this.#own.set(subscriber, own);
    own.topics.set(topic, membership);
    const members = this.#topics.get(topic);
    if (members === undefined) this.#topics.set(topic, new Set([membership]));
    else members.add(membership);
    this.#size++;
  }

  remove(membership: Of): void {
    const { subscriber, topic } = membership;
    const members = this.#topics.get(topic);
    if (members?.delete(membership) !== true) return;
    this.#size--;
    if (members.size === 0) this.#topics.delete(topic);
    const own = this.#own.get(subscriber)!;
    own.topics.delete(topic);
    if (own.topics.size === 0) this.#own.delete(subscriber);
  }
}
