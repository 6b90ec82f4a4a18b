/** The topics of a context: which connections subscribe to them, and how a message gets to all of those. */

import type { Position, Subscription } from "../api/topics/topics.ts";
import type { TopicLimits } from "../api/topics/limits.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";

/** In the middle of a message of the program's, behind which it can take another one. */
export const BUSY: unique symbol = Symbol("inside of a message");

/** What has become of a message for one subscriber: why it can't carry it, if that is so. */
export type Delivery = undefined | typeof BUSY | LwsError;

/** A connection as its topics know it. Implemented by Connection. */
export interface Subscriber<Message> {
  readonly socketFd: number;
  readonly isEstablished: boolean;
  /** Bytes that were written and have not left. */
  readonly unsent: number;
  /** Writes a message, in one frame. */
  deliver(message: Message): Delivery;
  /** It reads too slowly: closes it. */
  closeLagging(): void;
}

/** A message as the hub needs to know it. Implemented by Framed. */
export interface Publishable {
  readonly byteLength: number;
}

/** One topic, while it has subscribers. */
interface Topic<Message> {
  readonly name: string;
  /** Each with the offset behind which its messages begin. */
  readonly subscribers: Map<Subscriber<Message>, number>;
  /** That of the last publication. */
  offset: number;
}

/** One message on its way. */
interface Publication<Message> {
  readonly topic: Topic<Message>;
  readonly offset: number;
  readonly message: Message;
  readonly except: Subscriber<Message> | undefined;
}

/** What waits for the end of a fragmented message. */
interface Held<Message> {
  readonly publications: Publication<Message>[];
  bytes: number;
}

/**
 * All topics. Nothing is kept for a connection without a subscription, nor of a topic without a subscriber.
 * A publication goes out whole before the next one does, though one may be made in the middle of another, as by
 * a callback that hears of a connection's end.
 */
export class Hub<Message extends Publishable> {
  readonly #limits: TopicLimits;
  readonly #onLimit: (limit: keyof TopicLimits) => void;
  readonly #topics = new Map<string, Topic<Message>>();
  readonly #topicsOf = new Map<Subscriber<Message>, Set<Topic<Message>>>();
  readonly #held = new Map<Subscriber<Message>, Held<Message>>();
  /** Those that the log tells of already. */
  readonly #unfit = new WeakSet<Subscriber<Message>>();
  readonly #epoch = crypto.randomUUID();
  #offset = 0;
  #isClosed = false;
  #isSending = false;
  /** Those that were published while another one goes out. */
  #waiting: Publication<Message>[] | undefined;

  /** @param onLimit hears of each limit that is hit */
  constructor(limits: TopicLimits, onLimit: (limit: keyof TopicLimits) => void = () => {}) {
    this.#limits = limits;
    this.#onLimit = onLimit;
  }

  /** The last connection of a context that is destroyed has gone. */
  close(): void {
    this.#isClosed = true;
  }

  /** Whether a topic has subscribers, so that its name is known to be one. */
  has(name: string): boolean {
    return this.#topics.has(name);
  }

  subscriberCount(name: string): number {
    return this.#topics.get(name)?.subscribers.size ?? 0;
  }

  topicsOf(subscriber: Subscriber<Message>): string[] {
    return Array.from(this.#topicsOf.get(subscriber) ?? [], ({ name }) => name);
  }

  /** @throws {LwsError} `invalid-state`, `topic-limit` */
  subscribe(subscriber: Subscriber<Message>, name: string, since?: Position): Subscription {
    if (!subscriber.isEstablished) {
      throw new LwsError("invalid-state", "subscribe: the connection is no established WebSocket");
    }
    const known = this.#topics.get(name);
    const offset = known?.subscribers.get(subscriber) ?? this.#offset;
    // Of a topic without subscribers nothing is known but what was published at all.
    const last = known?.offset ?? this.#offset;
    const recovered = since === undefined ||
      (since.epoch === this.#epoch && since.offset >= last && since.offset <= this.#offset);
    if (known?.subscribers.has(subscriber) !== true) this.#join(subscriber, name, known);
    return { epoch: this.#epoch, offset, recovered, count: 0 };
  }

  #join(subscriber: Subscriber<Message>, name: string, known: Topic<Message> | undefined): void {
    const own = this.#topicsOf.get(subscriber);
    this.#checkRoom(own?.size ?? 0, "maxPerConnection");
    if (known === undefined) this.#checkRoom(this.#topics.size, "maxTopics");
    const topic = known ?? { name, subscribers: new Map(), offset: this.#offset };
    if (known === undefined) this.#topics.set(name, topic);
    topic.subscribers.set(subscriber, this.#offset);
    if (own === undefined) this.#topicsOf.set(subscriber, new Set([topic]));
    else own.add(topic);
  }

  #checkRoom(used: number, limit: "maxPerConnection" | "maxTopics"): void {
    const most = this.#limits[limit];
    if (used < most) return;
    this.#onLimit(limit);
    throw new LwsError("topic-limit", `subscribe: topics.${limit} (${most}) is reached`);
  }

  unsubscribe(subscriber: Subscriber<Message>, name: string): boolean {
    const topic = this.#topics.get(name);
    const own = this.#topicsOf.get(subscriber);
    if (topic === undefined || own?.delete(topic) !== true) return false;
    if (own.size === 0) this.#topicsOf.delete(subscriber);
    this.#leave(subscriber, topic);
    return true;
  }

  /** Ends all subscriptions of a connection. */
  end(subscriber: Subscriber<Message>): void {
    const own = this.#topicsOf.get(subscriber);
    if (own === undefined) return;
    this.#topicsOf.delete(subscriber);
    this.#held.delete(subscriber);
    for (const topic of own) this.#leave(subscriber, topic);
  }

  #leave(subscriber: Subscriber<Message>, topic: Topic<Message>): void {
    topic.subscribers.delete(subscriber);
    if (topic.subscribers.size === 0) this.#topics.delete(topic.name);
  }

  /** @throws {LwsError} `topic-limit`, `destroyed` */
  publish(name: string, message: Message, except?: Subscriber<Message>): Position {
    if (this.#isClosed) throw new LwsError("destroyed", "publish: the context is destroyed");
    const { maxPublication } = this.#limits;
    if (message.byteLength > maxPublication) {
      this.#onLimit("maxPublication");
      const what = `publish: data has ${message.byteLength} bytes, more than topics.maxPublication`;
      throw new LwsError("topic-limit", `${what} (${maxPublication})`);
    }
    const offset = ++this.#offset;
    const topic = this.#topics.get(name);
    if (topic !== undefined) {
      topic.offset = offset;
      this.#send({ topic, offset, message, except });
    }
    return { epoch: this.#epoch, offset };
  }

  /** Sends a publication, or has it wait for the one that goes out. */
  #send(publication: Publication<Message>): void {
    if (this.#isSending) return void (this.#waiting ??= []).push(publication);
    this.#isSending = true;
    try {
      this.#fanOut(publication);
      // It may grow on the way.
      for (let i = 0; i < (this.#waiting?.length ?? 0); i++) this.#fanOut(this.#waiting![i]!);
    } finally {
      this.#waiting = undefined;
      this.#isSending = false;
    }
  }

  #fanOut(publication: Publication<Message>): void {
    const { topic, offset, message, except } = publication;
    const { maxUnsent } = this.#limits;
    topic.subscribers.forEach((begin, subscriber) => {
      // One may have come in the middle of this.
      if (subscriber === except || begin >= offset) return;
      if (subscriber.unsent > maxUnsent) return this.#lag(subscriber);
      const delivery = subscriber.deliver(message);
      if (delivery !== undefined) this.#undelivered(subscriber, publication, delivery);
    });
  }

  /** Apart from {@linkcode #fanOut}, as it is rare. */
  #undelivered(
    subscriber: Subscriber<Message>,
    publication: Publication<Message>,
    why: Exclude<Delivery, undefined>,
  ): void {
    if (why !== BUSY) return this.#skip(subscriber, why);
    const held = this.#held.get(subscriber) ?? { publications: [], bytes: 0 };
    if (subscriber.unsent + held.bytes > this.#limits.maxUnsent) return this.#lag(subscriber);
    held.publications.push(publication);
    held.bytes += publication.message.byteLength;
    this.#held.set(subscriber, held);
  }

  /** The fragmented message of a connection has ended, behind which others waited. */
  release(subscriber: Subscriber<Message>): void {
    const held = this.#held.get(subscriber);
    if (held === undefined) return;
    this.#held.delete(subscriber);
    for (const publication of held.publications) {
      // It may have left the topic.
      if (!publication.topic.subscribers.has(subscriber)) continue;
      const delivery = subscriber.deliver(publication.message);
      if (delivery !== undefined) this.#undelivered(subscriber, publication, delivery);
    }
  }

  #skip(subscriber: Subscriber<Message>, { message }: LwsError): void {
    if (this.#unfit.has(subscriber)) return;
    this.#unfit.add(subscriber);
    log(
      "warn",
      () =>
        `connection ${subscriber.socketFd}: publications are left out, as the first: ${message}`,
    );
  }

  #lag(subscriber: Subscriber<Message>): void {
    log(
      "warn",
      () =>
        `connection ${subscriber.socketFd}: the subscriber reads too slowly, topics.maxUnsent ` +
        `(${this.#limits.maxUnsent}) is reached`,
    );
    this.#onLimit("maxUnsent");
    this.end(subscriber);
    subscriber.closeLagging();
  }
}
