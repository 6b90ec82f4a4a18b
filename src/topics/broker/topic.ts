/** A topic at a context with a broker, and the places of its subscribers. */

import type { BrokerPublication } from "../../api/topics/broker.ts";
import type { Position, Subscription } from "../../api/topics/topics.ts";
import type { LwsError } from "../../base/errors.ts";
import { next } from "../../base/state_table.ts";
import { isVirgin } from "./gaps.ts";
import { TOPIC, type TopicEvent, type TopicState } from "./states.ts";
import type { Publishable, Subscriber } from "../subscriber.ts";
import type { Tail } from "./tail.ts";
import type { Begin, Place, Topic } from "../topics.ts";

/** The most that waits of a topic until it is repaired. */
const MOST_WAITING = 1_000;

/** Of a place in the live feed, which needs no position of its own. */
export const NOWHERE: Position = { epoch: "", offset: 0 };

/** A call of `subscribe` that has not been answered. */
export interface Pending {
  readonly since: Position | undefined;
  readonly promise: Promise<Subscription>;
  readonly timer: unknown;
  resolve(subscription: Subscription): void;
  reject(error: LwsError): void;
  /** Where its messages begin, once that is known. */
  start: Position | undefined;
  /** Called with that in front of its first message, once. */
  begin: Begin | undefined;
  /** Whether it was told where it begins: a gap from then on is one more. */
  hasBegun: boolean;
  recovered: boolean;
  /** How many messages were written. */
  count: number;
}

/** The place of one subscriber. */
export interface BrokerPlace<Message extends Publishable> extends Place {
  readonly subscriber: Subscriber<Message>;
  readonly topic: BrokerTopic<Message>;
  /** Up to where it has all, while it is not in the live feed. */
  position: Position;
  /** Whether it goes on when its outbox has drained, or its fragmented message has ended. */
  isWaiting: boolean;
  pending: Pending | undefined;
  /** What `subscribe` was answered. */
  begun: Subscription | undefined;
}

/** What a silent topic has instead of a set of its own, which would be a tenth of its memory. */
const NONE: ReadonlySet<never> = new Set<never>();

/** One topic. */
export class BrokerTopic<Message extends Publishable>
  implements Topic<Message, BrokerPlace<Message>> {
  readonly name: string;
  readonly subscribers: Map<Subscriber<Message>, BrokerPlace<Message>> = new Map();
  state: TopicState = TOPIC.first;
  /** Whether the broker has it come: without that it must not be live. */
  isSubscribed = false;
  /** Up to where publications have gone out. */
  epoch = "";
  offset = 0;
  /** Of what has gone out, from the first that is kept on. */
  tail: Tail<Message, BrokerTopic<Message>> | undefined;
  /** Those that are not in the live feed. */
  #behind: Set<BrokerPlace<Message>> | undefined;
  /** Whether history is read for some of them. */
  isReading = false;
  /** How often in a row the broker had no good answer. */
  attempts = 0;
  /** How often the live feed was interrupted: an answer from before that tells nothing of what followed. */
  interruptions = 0;
  /** What has come and can't go out yet. */
  waiting: BrokerPublication[] = [];
  /** More came than may wait, so that the live feed was interrupted here. */
  hasOverrun = false;
  /** When something last came live, and when the broker was last asked for its position. */
  heardAt = 0;
  checkedAt = 0;
  /** Set while it has no subscribers. */
  linger: unknown;

  constructor(name: string) {
    this.name = name;
  }

  get position(): Position {
    return { epoch: this.epoch, offset: this.offset };
  }

  get behind(): ReadonlySet<BrokerPlace<Message>> {
    return this.#behind ?? NONE;
  }

  addBehind(place: BrokerPlace<Message>): void {
    (this.#behind ??= new Set()).add(place);
  }

  /** Whether it was one of those. */
  removeBehind(place: BrokerPlace<Message>): boolean {
    const wasBehind = this.#behind?.delete(place) ?? false;
    if (this.#behind?.size === 0) this.#behind = undefined;
    return wasBehind;
  }

  go(event: TopicEvent): void {
    this.state = next(TOPIC, this.state, event, this.name);
  }

  isAt({ epoch, offset }: Position): boolean {
    return epoch === this.epoch && offset === this.offset;
  }

  /** What waited when `waiting` had `count` entries and is not of an epoch: that is over. */
  dropElder(waiting: readonly BrokerPublication[], count: number, epoch: string): void {
    if (waiting !== this.waiting) return;
    this.waiting = waiting.filter((each, i) =>
      i >= count || each.epoch === epoch || isVirgin(each)
    );
  }

  wait(publication: BrokerPublication): void {
    if (this.waiting.length >= MOST_WAITING) {
      this.waiting = [];
      this.hasOverrun = true;
    }
    this.waiting.push(publication);
  }
}
