/** Subscribers that are behind the live feed: they are sent what they lack from history, and join it then. */

import type { BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import { type BrokerPlace, type BrokerTopic, NOWHERE, type Pending } from "./topic.ts";
import { givenUp, isOfSameCount, judge, type Verdict } from "./gaps.ts";
import type { Publishable, Subscriber } from "../subscriber.ts";
import { isFor, type Outgoing } from "../topics.ts";

/** The most that is read at a time, and that is written before `subscribe` resolves. */
export const PAGE = 1_000;
/** How often an answer may be stale before it is given up. */
export const MOST_STALE = 5;

/** What catching up needs of the hub. Implemented by BrokerHub. */
export interface CatchUpHost<Message extends Publishable> {
  /** Whether it is written; if not, the subscriber takes nothing now. */
  write(subscriber: Subscriber<Message>, out: Outgoing<Message, BrokerTopic<Message>>): boolean;
  outgoing(
    topic: BrokerTopic<Message>,
    publication: BrokerPublication,
    before: number,
  ): Outgoing<Message, BrokerTopic<Message>>;
  /** Reads history. One of the two is called later, unless the topic is gone by then. */
  read(
    topic: BrokerTopic<Message>,
    since: Position,
    answered: (answer: BrokerHistory) => void,
    failed: () => void,
  ): void;
  /** The topic itself is behind. */
  missed(topic: BrokerTopic<Message>): void;
}

type At<Message extends Publishable> = BrokerPlace<Message>;
type Of<Message extends Publishable> = BrokerTopic<Message>;

/** All that are behind, of all topics. */
export class CatchUp<Message extends Publishable> {
  readonly #host: CatchUpHost<Message>;
  #count = 0;

  constructor(host: CatchUpHost<Message>) {
    this.#host = host;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** One has all up to a position and is not in the live feed. */
  add(place: At<Message>, position: Position, isWaiting: boolean): void {
    place.above = Infinity;
    place.position = position;
    place.isWaiting = isWaiting;
    if (place.topic.behind.has(place)) return;
    place.topic.addBehind(place);
    this.#count++;
  }

  remove(place: At<Message>): void {
    if (place.topic.removeBehind(place)) this.#count--;
  }

  /** Those that came without a position are in the live feed from here on. */
  begin(topic: Of<Message>): void {
    for (const place of [...topic.behind]) {
      if (place.pending === undefined || place.pending.since !== undefined) continue;
      place.position = topic.position;
      this.#join(place);
    }
  }

  /** Goes on with all of a topic that may. */
  serve(topic: Of<Message>): void {
    for (const place of [...topic.behind]) this.#advance(place);
    if (topic.state === "LIVE" && !topic.isReading && topic.behind.size > 0) this.#read(topic);
  }

  /** A connection takes more. */
  wake(place: At<Message>): void {
    if (!place.isWaiting) return;
    place.isWaiting = false;
    this.serve(place.topic);
  }

  /** With what the topic has at hand. That a peer's position is ahead of it has to be seen in history. */
  #advance(place: At<Message>): void {
    const { topic, pending } = place;
    // It is gone, or hears of it when the topic is live.
    if (topic.state !== "LIVE" || place.isWaiting || !topic.behind.has(place)) return;
    if (place.position.epoch !== topic.epoch) return;
    if (place.position.offset < topic.offset) {
      for (const out of topic.tail?.behind(place.position.offset) ?? []) {
        if (!this.#write(place, out)) return;
      }
    }
    const isAhead = place.position.offset > topic.offset;
    if (isAhead && pending?.since !== undefined && pending.start === undefined) return;
    if (isAhead || place.position.offset === topic.offset) this.#join(place);
  }

  /** Whether it goes on. */
  #write(place: At<Message>, out: Outgoing<Message, Of<Message>>): boolean {
    const { pending, subscriber, topic } = place;
    if (pending !== undefined) this.#begin(place, pending);
    // It may have closed by that.
    if (!topic.behind.has(place)) return false;
    const isSent = subscriber !== out.except && isFor(subscriber, out);
    if (isSent && !this.#host.write(subscriber, out)) {
      // It may have closed by that.
      if (topic.behind.has(place)) this.#pause(place);
      return false;
    }
    place.position = out.position;
    if (pending !== undefined) {
      if (isFor(subscriber, out)) pending.count++;
      if (pending.count >= PAGE) this.#settle(place);
    }
    return topic.behind.has(place);
  }

  #pause(place: At<Message>): void {
    place.isWaiting = true;
    this.#settle(place);
  }

  /** It has all that has gone out, or more: history may be ahead of the live feed. */
  #join(place: At<Message>): void {
    place.above = place.position.offset;
    this.remove(place);
    this.#settle(place);
    // One that was told so may have closed, or left the feed again.
    if (place.above !== Infinity) place.position = NOWHERE;
  }

  #settle(place: At<Message>): void {
    const { pending } = place;
    if (pending === undefined) return;
    this.#begin(place, pending);
    // It may have closed by that.
    if (place.pending === undefined) return;
    place.pending = undefined;
    const { recovered, count } = pending;
    place.begun = { ...pending.start!, recovered, count };
    pending.resolve(place.begun);
  }

  /** Tells it where it begins, before it is sent anything. */
  #begin(place: At<Message>, pending: Pending): void {
    pending.start ??= pending.since ?? place.position;
    const { begin, start, recovered } = pending;
    if (begin === undefined) return;
    pending.begin = undefined;
    pending.hasBegun = true;
    begin({ ...start, recovered });
  }

  /** Reads for all that are in one count with the first of them. */
  #read(topic: Of<Message>): void {
    const needing = [...topic.behind].filter(({ isWaiting }) => !isWaiting);
    const first = needing[0];
    if (first === undefined) return;
    const { epoch } = first.position;
    const group = needing.filter(({ position }) => position.epoch === epoch);
    const offset = Math.min(...group.map(({ position }) => position.offset));
    const asked = topic.position;
    const positions = group.map(({ position }) => position);
    topic.isReading = true;
    this.#host.read(topic, { epoch, offset }, (answer) => {
      topic.isReading = false;
      // One that went on meanwhile, with what the topic has at hand, is further than this.
      const left = group.filter(({ position }, i) => position === positions[i]);
      this.#answered(topic, left, asked, answer);
    }, () => {
      topic.isReading = false;
      this.serve(topic);
    });
  }

  #answered(
    topic: Of<Message>,
    group: readonly At<Message>[],
    asked: Position,
    answer: BrokerHistory,
  ): void {
    // An answer that ends before what had gone out live would leave a hole behind it.
    const atLeast = answer.epoch === asked.epoch ? asked.offset : 0;
    let isStale = false;
    for (const place of group) {
      if (!topic.behind.has(place) || place.isWaiting) continue;
      let verdict = judge(place.position, answer, atLeast);
      if (verdict.kind === "stale" && topic.attempts >= MOST_STALE) {
        verdict = givenUp(topic.position);
      }
      if (verdict.kind === "stale") isStale = true;
      else this.#apply(place, verdict, answer);
    }
    topic.attempts = isStale ? topic.attempts + 1 : 0;
    // It had not heard of another count.
    if (topic.state === "LIVE" && !isOfSameCount(topic, answer.epoch)) this.#host.missed(topic);
    this.serve(topic);
  }

  #apply(place: At<Message>, verdict: Verdict, answer: BrokerHistory): void {
    const { topic } = place;
    if (place.pending !== undefined) place.pending.start ??= place.pending.since;
    if (verdict.kind === "gap") this.#tellGap(place, verdict.cause, verdict.start);
    else if (place.position.epoch !== answer.epoch) {
      place.position = { epoch: answer.epoch, offset: place.position.offset };
    }
    for (const publication of answer.publications) {
      if (!topic.behind.has(place) || place.isWaiting) return;
      if (publication.offset <= place.position.offset) continue;
      const out = this.#host.outgoing(topic, publication, place.position.offset);
      if (!this.#write(place, out)) return;
    }
  }

  #tellGap(place: At<Message>, cause: "epoch" | "trimmed", start: Position): void {
    const { pending, subscriber, topic } = place;
    place.position = start;
    if (pending !== undefined && !pending.hasBegun && pending.count === 0) {
      pending.recovered = false;
      pending.start = start;
      return;
    }
    // What was sent of a resume stands in front of the gap, which its answer can't say.
    this.#settle(place);
    const why = cause === "trimmed" && pending === undefined ? "overflow" : cause;
    subscriber.tellGap({ topic: topic.name, position: start, cause: why });
  }
}
