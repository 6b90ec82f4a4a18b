/** The topics of a context without a broker: what is published goes straight to their subscribers. */

import { DEFAULT_HISTORY } from "../api/topics/broker.ts";
import type { Position, Subscription, TopicHistory } from "../api/topics/topics.ts";
import { LwsError } from "../base/errors.ts";
import { KnownIds } from "./known_ids.ts";
import { LocalPresence } from "./presence/local_presence.ts";
import { bytesOf } from "./presence/member.ts";
import type { Move } from "./presence/room.ts";
import type { Publishable, Subscriber } from "./subscriber.ts";
import {
  type Begin,
  type Outgoing,
  type Place,
  type PublishChoices,
  type Topic,
  type TopicCalls,
  Topics,
  type TopicsSetup,
} from "./topics.ts";

/** One topic, while it has subscribers. */
interface OwnTopic<Message> extends Topic<Message, Place> {
  /** That of the last publication. */
  offset: number;
}

/** How it is made. */
export interface HubSetup<Message> extends TopicsSetup<Message> {
  readonly now: () => number;
  /** Has work that calls the program done when that may be; undefined: before long. */
  readonly serve: ((work: () => void) => void) | undefined;
}

/** All topics, of which nothing is kept without a subscriber. */
export class Hub<Message extends Publishable> extends Topics<Message, Place, OwnTopic<Message>>
  implements TopicCalls<Message> {
  readonly hasLagging = false;
  readonly keepsHistory = false;
  /** One may be in the middle of a message, behind which others wait. */
  readonly takesAtOnce = false;
  readonly presence: LocalPresence<Message>;
  readonly #epoch = crypto.randomUUID();
  readonly #now: () => number;
  #ids: KnownIds | undefined;
  #offset = 0;

  constructor(setup: HubSetup<Message>) {
    super(setup);
    this.#now = setup.now;
    this.presence = new LocalPresence({
      limits: setup.limits,
      onLimit: setup.onLimit,
      isClosed: () => this.isClosed,
      publishMove: (topic, move) => this.#publishMove(topic, move),
      tellPresence: (change) => {
        const tell = () => this.isClosed || this.tellPresence(change);
        // Not inside of what the program calls.
        (setup.serve ?? queueMicrotask)(tell);
      },
    });
  }

  override end(subscriber: Subscriber<Message>): void {
    super.end(subscriber);
    this.presence.end(subscriber);
  }

  /** Without encoders nothing is sent of it, so that nothing is missed without it either. */
  #publishMove(topic: string, move: Move): void {
    if (!this.messages.hasEncoders || this.isClosed) return;
    this.#publish(topic, this.messages.of(bytesOf(move.member), false), undefined, move);
  }

  close(): undefined {
    this.isClosed = true;
  }

  /** @throws {LwsError} `invalid-state`, `topic-limit` */
  subscribe(
    subscriber: Subscriber<Message>,
    name: string,
    since?: Position,
    begin?: Begin,
  ): Subscription {
    this.checkEstablished(subscriber);
    const known = this.topics.get(name);
    const at = known?.subscribers.get(subscriber);
    const offset = at?.above ?? this.#offset;
    // Of a topic without subscribers nothing is known but what was published at all.
    const last = known?.offset ?? this.#offset;
    const recovered = since === undefined ||
      (since.epoch === this.#epoch && since.offset >= last && since.offset <= this.#offset);
    const start = { epoch: this.#epoch, offset, recovered };
    if (at === undefined) {
      this.#begin(subscriber, name, known);
      begin?.(start);
    }
    return { ...start, count: 0 };
  }

  #begin(
    subscriber: Subscriber<Message>,
    name: string,
    known: OwnTopic<Message> | undefined,
  ): void {
    this.checkRoom(this.ownTopics(subscriber)?.size ?? 0, "maxPerConnection");
    if (known === undefined) this.checkRoom(this.topics.size, "maxTopics");
    const topic = known ?? { name, subscribers: new Map(), offset: this.#offset };
    if (known === undefined) this.topics.set(name, topic);
    this.join(subscriber, topic, { above: this.#offset });
  }

  protected left(topic: OwnTopic<Message>): void {
    if (topic.subscribers.size === 0) this.topics.delete(topic.name);
  }

  /** @throws {LwsError} `topic-limit`, `destroyed`, `aborted` */
  publish(name: string, message: Message, choices: PublishChoices<Message> = {}): Position {
    const { id, except } = choices;
    this.checkPublication(message, choices.signal);
    if (id !== undefined) return this.#publishOnce(name, message, id, except);
    return this.#publish(name, message, except);
  }

  #publish(
    name: string,
    message: Message,
    except: Subscriber<Message> | undefined,
    move?: Move,
  ): Position {
    const before = this.#offset;
    const offset = ++this.#offset;
    const position = { epoch: this.#epoch, offset };
    const topic = this.topics.get(name);
    if (topic !== undefined) {
      topic.offset = offset;
      this.send({ topic, position, offset, before, message, except, move, encoded: undefined });
    }
    return position;
  }

  #publishOnce(
    name: string,
    message: Message,
    id: string,
    except: Subscriber<Message> | undefined,
  ): Position {
    const ids = this.#ids ??= new KnownIds(DEFAULT_HISTORY.idempotencyMs);
    const now = this.#now();
    const known = ids.find(name, id, now);
    if (known !== undefined) return known;
    const position = this.#publish(name, message, except);
    ids.add(name, id, position, now);
    return position;
  }

  /** @throws {LwsError} `destroyed` */
  history(name: string, { since }: { readonly since?: Position }): TopicHistory {
    if (this.isClosed) throw new LwsError("destroyed", "history: the context is destroyed");
    const top = this.topics.get(name)?.offset ?? this.#offset;
    const complete = since === undefined
      ? this.#offset === 0
      : since.epoch === this.#epoch && since.offset >= top && since.offset <= this.#offset;
    return { epoch: this.#epoch, top, complete, publications: [] };
  }

  drained(): void {}

  protected lag(_at: Place, subscriber: Subscriber<Message>): void {
    this.cut(subscriber);
  }

  protected busy(
    _at: Place,
    subscriber: Subscriber<Message>,
    out: Outgoing<Message, OwnTopic<Message>>,
  ): void {
    if (!this.hold(subscriber, out)) this.cut(subscriber);
  }
}
