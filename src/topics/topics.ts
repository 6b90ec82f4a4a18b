/** Which connections subscribe to which topics, and how one message gets to all of those. */

import type { TopicLimits } from "../api/topics/limits.ts";
import type { PresenceChange } from "../api/topics/presence.ts";
import type {
  HistoryQuery,
  Position,
  Subscription,
  SubscriptionStart,
  TopicHistory,
} from "../api/topics/topics.ts";
import { LwsError } from "../base/errors.ts";
import { line, log } from "../base/log.ts";
import { connectionOf, NO_MEMBER } from "./presence/member.ts";
import type { PresenceCalls } from "./presence/presence_calls.ts";
import type { Move } from "./presence/room.ts";
import {
  BUSY,
  type Delivery,
  type Messages,
  type Publishable,
  type Subscriber,
} from "./subscriber.ts";

/** The place of a subscriber in one topic. */
export interface Place {
  /** Publications up to this offset are not for it; `Infinity` while it is not in the live feed. */
  above: number;
}

/** One topic, as far as it has subscribers. */
export interface Topic<Message, At extends Place> {
  readonly name: string;
  readonly subscribers: Map<Subscriber<Message>, At>;
}

/** The offset of what has no place in its topic: it is above all that a live subscriber has. */
export const NO_PLACE: number = Number.MAX_VALUE;

/** One message on its way to the subscribers of a topic. */
export interface Outgoing<Message, Of> {
  readonly topic: Of;
  readonly position: Position;
  /** As that of the position, or {@linkcode NO_PLACE}. */
  readonly offset: number;
  /** The offset of the topic's publication before it. */
  readonly before: number;
  readonly message: Message;
  readonly except: Subscriber<Message> | undefined;
  /** What it tells of a member, if it does: none but encoders make a message of that. */
  readonly move: Move | undefined;
  /** What encoders have made of it. */
  encoded: Map<object, Message | undefined> | undefined;
}

/** Choices of one publication. */
export interface PublishChoices<Message> {
  readonly except?: Subscriber<Message> | undefined;
  readonly id?: string | undefined;
  readonly history?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What waits for the end of a fragmented message. */
interface Held<Message, Of> {
  readonly outgoing: Outgoing<Message, Of>[];
  bytes: number;
}

/** Called with where a subscription begins, before it is sent anything. Does not throw. */
export type Begin = (start: SubscriptionStart) => void;

/** How topics are made. */
export interface TopicsSetup<Message> {
  readonly limits: TopicLimits;
  readonly messages: Messages<Message>;
  /** Hears of each limit that is hit. */
  readonly onLimit: (limit: keyof TopicLimits) => void;
}

/** The topics of a context as its connections and its program use them. */
export interface TopicCalls<Message> {
  /** Whether one waits for its outbox to drain, which {@linkcode TopicCalls.drained} is then told of. */
  readonly hasLagging: boolean;
  /** Whether publications are kept. */
  readonly keepsHistory: boolean;
  /** Whether the data of a publication has been taken when `publish` returns, and is not looked at any more. */
  readonly takesAtOnce: boolean;
  readonly presence: PresenceCalls<Message>;
  has(name: string): boolean;
  subscriberCount(name: string): number;
  topicsOf(subscriber: Subscriber<Message>): string[];
  /** @throws {LwsError} `invalid-state`, `topic-limit` */
  subscribe(
    subscriber: Subscriber<Message>,
    name: string,
    since?: Position,
    begin?: Begin,
  ): Subscription | Promise<Subscription>;
  unsubscribe(subscriber: Subscriber<Message>, name: string): boolean;
  /** Ends all subscriptions of a connection, and has it be in no topic. */
  end(subscriber: Subscriber<Message>): void;
  /** @throws {LwsError} `topic-limit`, `destroyed`, `aborted`, `broker-unavailable` */
  publish(
    name: string,
    message: Message,
    choices?: PublishChoices<Message>,
  ): Position | Promise<Position>;
  /** @throws {LwsError} `destroyed` */
  history(name: string, query: Required<Pick<HistoryQuery, "limit">> & HistoryQuery):
    | TopicHistory
    | Promise<TopicHistory>;
  /** The fragmented message of a connection has ended, behind which others waited. */
  release(subscriber: Subscriber<Message>): void;
  /** Nothing of a connection is unsent any more. */
  drained(subscriber: Subscriber<Message>): void;
  /** The last connection of a context that is destroyed has gone; resolves when nothing is left open. */
  close(): Promise<void> | undefined;
}

/**
 * What topics have in common, with a broker and without. Nothing is kept for a connection without a
 * subscription. A publication goes out whole before the next one does, though one may be made in the middle of
 * another, as by a callback that hears of a connection's end.
 */
export abstract class Topics<
  Message extends Publishable,
  At extends Place,
  Of extends Topic<Message, At>,
> {
  protected readonly limits: TopicLimits;
  protected readonly messages: Messages<Message>;
  protected readonly onLimit: (limit: keyof TopicLimits) => void;
  protected readonly topics: Map<string, Of> = new Map();
  protected isClosed = false;
  readonly #topicsOf = new Map<Subscriber<Message>, Set<Of>>();
  readonly #held = new Map<Subscriber<Message>, Held<Message, Of>>();
  /** Those that the log tells of already. */
  readonly #unfit = new WeakSet<Subscriber<Message>>();
  readonly #hasEncoders: boolean;
  #isSending = false;
  /** Those that were published while another one goes out. */
  #waiting: Outgoing<Message, Of>[] | undefined;

  constructor({ limits, messages, onLimit }: TopicsSetup<Message>) {
    this.limits = limits;
    this.messages = messages;
    this.onLimit = onLimit;
    this.#hasEncoders = messages.hasEncoders;
  }

  /** Called for a subscriber with too much unsent; it is sent nothing by this publication. */
  protected abstract lag(at: At, subscriber: Subscriber<Message>, out: Outgoing<Message, Of>): void;
  /** Called when a subscriber has left a topic. */
  protected abstract left(topic: Of, at: At): void;
  /** Called for a subscriber that is in the middle of a message of the program's. */
  protected abstract busy(
    at: At,
    subscriber: Subscriber<Message>,
    out: Outgoing<Message, Of>,
  ): void;

  /** Whether a topic is known, so that its name is known to be one. */
  has(name: string): boolean {
    return this.topics.has(name);
  }

  subscriberCount(name: string): number {
    return this.topics.get(name)?.subscribers.size ?? 0;
  }

  topicsOf(subscriber: Subscriber<Message>): string[] {
    return Array.from(this.#topicsOf.get(subscriber) ?? [], ({ name }) => name);
  }

  /** The topics of one, as they are. */
  protected ownTopics(subscriber: Subscriber<Message>): ReadonlySet<Of> | undefined {
    return this.#topicsOf.get(subscriber);
  }

  /** @throws {LwsError} `invalid-state` */
  protected checkEstablished(subscriber: Subscriber<Message>): void {
    if (subscriber.isEstablished) return;
    throw new LwsError("invalid-state", "subscribe: the connection is no established WebSocket");
  }

  /** @throws {LwsError} `topic-limit` for one more topic of a connection, or in all */
  protected checkRoom(used: number, limit: "maxPerConnection" | "maxTopics"): void {
    const most = this.limits[limit];
    if (used < most) return;
    this.onLimit(limit);
    throw new LwsError("topic-limit", `subscribe: topics.${limit} (${most}) is reached`);
  }

  protected join(subscriber: Subscriber<Message>, topic: Of, at: At): void {
    topic.subscribers.set(subscriber, at);
    const own = this.#topicsOf.get(subscriber);
    if (own === undefined) this.#topicsOf.set(subscriber, new Set([topic]));
    else own.add(topic);
  }

  unsubscribe(subscriber: Subscriber<Message>, name: string): boolean {
    const topic = this.topics.get(name);
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

  #leave(subscriber: Subscriber<Message>, topic: Of): void {
    const at = topic.subscribers.get(subscriber)!;
    topic.subscribers.delete(subscriber);
    this.left(topic, at);
  }

  /** @throws {LwsError} `destroyed`, `topic-limit`, `aborted` */
  protected checkPublication(message: Message, signal: AbortSignal | undefined): void {
    if (this.isClosed) throw new LwsError("destroyed", "publish: the context is destroyed");
    const { maxPublication } = this.limits;
    if (message.byteLength > maxPublication) {
      this.onLimit("maxPublication");
      const what = `publish: data has ${message.byteLength} bytes, more than topics.maxPublication`;
      throw new LwsError("topic-limit", `${what} (${maxPublication})`);
    }
    if (signal !== undefined && signal.aborted) throw abortedBy(signal);
  }

  /** Sends a publication, or has it wait for the one that goes out. */
  protected send(out: Outgoing<Message, Of>): void {
    if (this.#isSending) return void (this.#waiting ??= []).push(out);
    this.#isSending = true;
    try {
      this.#fanOut(out);
      // It may grow on the way.
      for (let i = 0; i < (this.#waiting?.length ?? 0); i++) this.#fanOut(this.#waiting![i]!);
    } finally {
      this.#waiting = undefined;
      this.#isSending = false;
    }
  }

  #fanOut(out: Outgoing<Message, Of>): void {
    if (this.#hasEncoders) return this.#fanOutEncoded(out);
    const { topic, offset, message, except } = out;
    if (out.move !== undefined) return;
    const { maxUnsent } = this.limits;
    topic.subscribers.forEach((at, subscriber) => {
      // One may have come in the middle of this.
      if (subscriber === except || at.above >= offset) return;
      if (subscriber.unsent > maxUnsent) return this.lag(at, subscriber, out);
      const delivery = subscriber.deliver(message);
      if (delivery !== undefined) this.#undelivered(at, subscriber, out, delivery);
    });
  }

  /** As {@linkcode Topics.#fanOut}, where protocols have forms of their own. */
  #fanOutEncoded(out: Outgoing<Message, Of>): void {
    const { topic, offset, except } = out;
    topic.subscribers.forEach((at, subscriber) => {
      if (subscriber === except || at.above >= offset || !isFor(subscriber, out)) return;
      if (subscriber.unsent > this.limits.maxUnsent) return this.lag(at, subscriber, out);
      const delivery = this.deliver(subscriber, out);
      if (delivery !== undefined) this.#undelivered(at, subscriber, out, delivery);
    });
  }

  /** Writes a publication to one, in its form. */
  protected deliver(subscriber: Subscriber<Message>, out: Outgoing<Message, Of>): Delivery {
    const { encoder } = subscriber;
    if (encoder === undefined) return subscriber.deliver(out.message);
    const message = this.#encoded(encoder, out);
    return message === undefined ? undefined : subscriber.deliver(message);
  }

  #encoded(encoder: object, out: Outgoing<Message, Of>): Message | undefined {
    const known = out.encoded ??= new Map();
    if (!known.has(encoder)) {
      const { message: { payload: data, isBinary }, topic: { name: topic }, position, move } = out;
      const hasPlace = out.offset !== NO_PLACE;
      const of = move && { presence: move.kind, member: connectionOf(move.member) };
      const publication = { ...position, topic, data, isBinary, hasPlace, ...of };
      known.set(encoder, this.messages.encode(encoder, publication));
    }
    return known.get(encoder);
  }

  /** Apart from the fan-out, as it is rare. */
  #undelivered(
    at: At,
    subscriber: Subscriber<Message>,
    out: Outgoing<Message, Of>,
    why: Exclude<Delivery, undefined>,
  ): void {
    if (why === BUSY) this.busy(at, subscriber, out);
    else this.skip(subscriber, why);
  }

  /** Keeps a publication until the program's message has ended; false if there is no room. */
  protected hold(subscriber: Subscriber<Message>, out: Outgoing<Message, Of>): boolean {
    const held = this.#held.get(subscriber) ?? { outgoing: [], bytes: 0 };
    if (subscriber.unsent + held.bytes > this.limits.maxUnsent) return false;
    held.outgoing.push(out);
    held.bytes += out.message.byteLength;
    this.#held.set(subscriber, held);
    return true;
  }

  /** The fragmented message of a connection has ended, behind which others waited. */
  release(subscriber: Subscriber<Message>): void {
    const held = this.#held.get(subscriber);
    if (held === undefined) return;
    this.#held.delete(subscriber);
    for (const out of held.outgoing) {
      // It may have left the topic.
      const at = out.topic.subscribers.get(subscriber);
      if (at === undefined) continue;
      const delivery = this.deliver(subscriber, out);
      if (delivery !== undefined) this.#undelivered(at, subscriber, out, delivery);
    }
  }

  /** One can't carry a message, and is left out of it. */
  protected skip(subscriber: Subscriber<Message>, { message }: LwsError): void {
    if (this.#unfit.has(subscriber)) return;
    this.#unfit.add(subscriber);
    log(
      "warn",
      () =>
        line`connection ${subscriber.socketFd}: publications are left out, as the first: ${message}`,
    );
  }

  /** Whether the protocol of any subscriber may hear of members of a topic. */
  hasHearers(name: string): boolean {
    for (const { hearsPresence } of this.topics.get(name)?.subscribers.keys() ?? []) {
      if (hearsPresence) return true;
    }
    return false;
  }

  /** Tells them. */
  tellPresence(change: PresenceChange): void {
    for (const subscriber of [...this.topics.get(change.topic)?.subscribers.keys() ?? []]) {
      // One may close another.
      if (subscriber.hearsPresence && subscriber.isEstablished) subscriber.tellPresence(change);
    }
  }

  /** Closes one that reads too slowly. */
  protected cut(subscriber: Subscriber<Message>): void {
    log(
      "warn",
      () =>
        line`connection ${subscriber.socketFd}: the subscriber reads too slowly, topics.maxUnsent (${this.limits.maxUnsent}) is reached`,
    );
    this.onLimit("maxUnsent");
    this.end(subscriber);
    subscriber.closeLagging();
  }
}

/** Whether a subscriber is sent anything of a publication. */
export function isFor<Message, Of>(
  { encoder }: Subscriber<Message>,
  { move }: Outgoing<Message, Of>,
): boolean {
  return move === undefined || (encoder !== undefined && move.member !== NO_MEMBER);
}

/** What a publication that was called off rejects with. */
export function abortedBy(signal: AbortSignal): LwsError {
  return new LwsError("aborted", "publish: signal has aborted", { cause: signal.reason });
}
