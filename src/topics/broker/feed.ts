/** What comes live of a topic, and what is done where that has a hole. */

import type { Clock } from "../../api/service.ts";
import type { Broker, BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position, TopicGap } from "../../api/topics/topics.ts";
import { line, log, thrown } from "../../base/log.ts";
import { MOST_STALE, PAGE } from "./catch_up.ts";
import { givenUp, isOfSameCount, isVirgin, judge, previousOf, type Verdict } from "./gaps.ts";
import { type BrokerLink, retryDelay } from "./link.ts";
import { Repairs } from "./repairs.ts";
import type { Publishable } from "../subscriber.ts";
import { Tail } from "./tail.ts";
import type { BrokerTopic } from "./topic.ts";
import { NO_PLACE, type Outgoing } from "../topics.ts";
import type { Turns } from "./turns.ts";

/** How long a live feed has to bring what the broker has, before it counts as dead. */
const SUSPICION_MS = 1_000;

type Of<Message extends Publishable> = BrokerTopic<Message>;

/** What the feed needs of the hub. Implemented by BrokerHub. */
export interface FeedHost<Message extends Publishable> {
  readonly keepsHistory: boolean;
  readonly isOpen: boolean;
  outgoing(
    topic: Of<Message>,
    publication: BrokerPublication,
    before: number,
  ): Outgoing<Message, Of<Message>>;
  /** Sends it to those in the live feed. */
  sendOut(out: Outgoing<Message, Of<Message>>): void;
  /** The topic is live from its position on: what has waited goes out next. */
  livesAt(topic: Of<Message>): void;
  /** All that has waited has gone out: those that are behind may go on. */
  caughtUp(topic: Of<Message>): void;
  /** It is live for the first time. */
  opened(topic: Of<Message>): void;
  /** A topic that has no subscribers would have to be repaired. */
  giveUp(topic: Of<Message>): void;
}

/** The live feed of a context, topic by topic. */
export class Feed<Message extends Publishable> {
  readonly #host: FeedHost<Message>;
  readonly #broker: Broker;
  readonly #link: BrokerLink;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #repairs: Repairs<Of<Message>> = new Repairs((topic) => this.#repair(topic));
  /** Whether it is waited for the live feed to show that it is one. */
  #isSuspected = false;

  constructor(
    host: FeedHost<Message>,
    broker: Broker,
    link: BrokerLink,
    turns: Turns,
    clock: Clock,
  ) {
    this.#host = host;
    this.#broker = broker;
    this.#link = link;
    this.#turns = turns;
    this.#clock = clock;
  }

  /** What comes of it waits until it is known where it stands. */
  suspend(topic: Of<Message>): void {
    topic.interruptions++;
    if (topic.state === "CLOSING") this.#host.giveUp(topic);
    else topic.go("missed");
  }

  /** Sends what follows, leaves out what has gone out already, and repairs in front of all else. */
  accept(topic: Of<Message>, publication: BrokerPublication): void {
    const { epoch, offset } = publication;
    if (isVirgin(publication)) return this.#sendBeside(topic, publication);
    const previous = previousOf(publication);
    const follows = epoch === topic.epoch
      ? previous <= topic.offset
      : isVirgin(topic) && previous === 0;
    if (!follows) return this.missed(topic, publication);
    if (epoch === topic.epoch && offset <= topic.offset) return;
    this.#sendOut(topic, publication);
  }

  #sendOut(topic: Of<Message>, publication: BrokerPublication): void {
    const out = this.#host.outgoing(topic, publication, topic.offset);
    topic.epoch = publication.epoch;
    topic.offset = publication.offset;
    if (this.#host.keepsHistory) (topic.tail ??= new Tail()).push(out);
    this.#host.sendOut(out);
  }

  /** One that has no place in the topic. */
  #sendBeside(topic: Of<Message>, publication: BrokerPublication): void {
    const out = this.#host.outgoing(topic, publication, topic.offset);
    this.#host.sendOut({ ...out, position: topic.position, offset: NO_PLACE });
  }

  // Repairs.

  /** Something is missing in front of a publication, or at all. */
  missed(topic: Of<Message>, publication?: BrokerPublication): void {
    this.suspend(topic);
    if (topic.state !== "REPAIRING") return;
    if (publication !== undefined) topic.wait(publication);
    this.#repairs.add(topic);
  }

  /** Where a topic stands by the broker's word, of one that is not live. */
  standsAt(topic: Of<Message>, position: Position): void {
    if (topic.state === "OPENING") {
      topic.epoch = position.epoch;
      topic.offset = position.offset;
      topic.heardAt = this.#clock.now();
      this.#host.opened(topic);
      this.#goOn(topic, "opened");
    } else if (topic.state === "REPAIRING") {
      if (topic.isAt(position) && !topic.hasOverrun) this.#goOn(topic, "repaired");
      else this.#repairs.add(topic);
    }
  }

  /** Live it is, unless what has waited shows another gap. */
  #goOn(topic: Of<Message>, event: "opened" | "repaired"): void {
    topic.go(event);
    topic.attempts = 0;
    this.#host.livesAt(topic);
    const waited = topic.waiting;
    topic.waiting = [];
    if (topic.hasOverrun) {
      topic.hasOverrun = false;
      this.missed(topic);
    }
    for (const publication of waited) {
      if (topic.state === "LIVE") this.accept(topic, publication);
      else topic.wait(publication);
    }
    this.#host.caughtUp(topic);
  }

  /** Does not reject. What can't be done now is done when the broker is back, or later. */
  async #repair(topic: Of<Message>): Promise<void> {
    // One that does not come is repaired when it does.
    if (topic.state !== "REPAIRING" || !topic.isSubscribed) return;
    const { waiting, position: since, interruptions } = topic;
    const count = waiting.length;
    try {
      const answer = await this.#link.ask(
        "repair",
        (broker) => broker.history(topic.name, since, PAGE),
      );
      this.#turns.run(() => {
        if (topic.interruptions !== interruptions) return this.#again(topic);
        // It was read behind these, so that they are of a count that has ended.
        topic.dropElder(waiting, count, answer.epoch);
        this.#repaired(topic, answer);
      });
    } catch (error) {
      this.#later(topic, error);
    }
  }

  #again(topic: Of<Message>): void {
    if (topic.state === "REPAIRING") this.#repairs.add(topic);
  }

  #later(topic: Of<Message>, error?: unknown): void {
    if (!this.#host.isOpen || !this.#link.isUp) return;
    if (error !== undefined) {
      log("info", () => line`topic "${topic.name}": ${thrown(error)}`);
    }
    this.#clock.setTimer(() => this.#repairs.add(topic), retryDelay(topic.attempts++));
  }

  #repaired(topic: Of<Message>, answer: BrokerHistory): void {
    if (topic.state !== "REPAIRING") return;
    const ofCount = topic.waiting.filter(({ epoch }) => epoch === answer.epoch);
    const atLeast = ofCount.reduce((most, { offset }) => Math.max(most, offset), 0);
    let verdict = judge(topic, answer, atLeast);
    if (verdict.kind === "stale") {
      if (topic.attempts < MOST_STALE) return this.#later(topic);
      const next = ofCount.find(({ offset }) => offset > topic.offset);
      const offset = next === undefined ? answer.top : previousOf(next);
      verdict = givenUp({ epoch: answer.epoch, offset });
    }
    topic.attempts = 0;
    if (verdict.kind === "gap") this.#tellGap(topic, verdict);
    for (const publication of answer.publications) {
      if (publication.offset > topic.offset) this.#sendOut(topic, publication);
    }
    // There is more than was asked for.
    if (topic.offset < answer.top) this.#repairs.add(topic);
    else this.#goOn(topic, "repaired");
  }

  /** Those in the live feed have missed something; the others hear of it when they get there. */
  #tellGap(topic: Of<Message>, { cause, start }: Verdict & { kind: "gap" }): void {
    // Of a count that has ended, or lost its end, no offset means what it did.
    const isSame = cause === "trimmed";
    const goesOn = start.offset > topic.offset;
    topic.epoch = start.epoch;
    topic.offset = start.offset;
    topic.tail = undefined;
    const gap: TopicGap = { topic: topic.name, position: start, cause };
    for (const [subscriber, place] of [...topic.subscribers]) {
      if (place.above === Infinity || topic.subscribers.get(subscriber) !== place) continue;
      // It is further, by history.
      if (isSame && goesOn && place.above >= start.offset) continue;
      place.above = isSame ? Math.max(place.above, start.offset) : start.offset;
      subscriber.tellGap(gap);
    }
  }

  // Position checks.

  /** Asks where topics stand that have been silent. */
  async check(topics: readonly Of<Message>[]): Promise<void> {
    const live = topics.filter(({ state }) => state === "LIVE");
    await Promise.all(this.#link.byPart(live).map((some) => this.#checkPart(some)));
  }

  async #checkPart(live: readonly Of<Message>[]): Promise<void> {
    for (let at = 0; at < live.length; at += PAGE) {
      const some = live.slice(at, at + PAGE);
      const asked = some.map(({ position }) => position);
      const names = some.map(({ name }) => name);
      try {
        const tops = await this.#link.ask("positions", (broker) => broker.tops(names));
        this.#turns.run(() => {
          some.forEach((topic, i) => this.#compare(topic, asked[i]!, tops[i]!));
        });
      } catch (error) {
        log("info", () => line`${thrown(error)}`);
        return;
      }
    }
  }

  #compare(topic: Of<Message>, asked: Position, top: Position): void {
    if (topic.state !== "LIVE") return;
    const isSame = isOfSameCount(topic, top.epoch) && top.offset <= topic.offset;
    // What it has lost it must have had before it was asked.
    if (isSame && (top.offset >= asked.offset || asked.epoch !== top.epoch)) return;
    this.missed(topic);
    if (this.#broker.reconnect !== undefined && !this.#isSuspected) this.#suspect(topic);
  }

  /** What the live feed has not brought it may still bring. */
  #suspect(topic: Of<Message>): void {
    const { heardAt } = topic;
    this.#isSuspected = true;
    this.#clock.setTimer(() => {
      this.#isSuspected = false;
      const isDead = topic.state !== "GONE" && topic.heardAt === heardAt;
      if (isDead && this.#link.isUp) this.#broker.reconnect?.();
    }, SUSPICION_MS);
  }
}
