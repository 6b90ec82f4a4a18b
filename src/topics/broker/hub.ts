/**
 * The topics of a context with a broker: where each of them stands, that none of its publications is missed
 * without a word and none is sent twice. `docs/guide/topics.md` has what is promised.
 */

import type { Clock } from "../../api/service.ts";
import type {
  Broker,
  BrokerHistory,
  BrokerPublication,
  MemoryBound,
} from "../../api/topics/broker.ts";
import type {
  HistoryQuery,
  Position,
  Subscription,
  TopicHistory,
} from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log } from "../../base/log.ts";
import { type BrokerPlace, BrokerTopic, NOWHERE } from "./topic.ts";
import { BrokerPresenceCalls } from "../presence/broker_presence_calls.ts";
import { connectionOf, memberIn, moveOf, NO_MEMBER } from "../presence/member.ts";
import { CatchUp, type CatchUpHost, PAGE } from "./catch_up.ts";
import { Feed, type FeedHost } from "./feed.ts";
import { isVirgin } from "./gaps.ts";
import { BrokerLink, type LinkHost, retryDelay } from "./link.ts";
import { Openings } from "./openings.ts";
import { PositionChecks } from "./position_checks.ts";
import { Publishing } from "./publishing.ts";
import { BUSY, type Publishable, type Subscriber } from "../subscriber.ts";
import {
  type Begin,
  NO_PLACE,
  type Outgoing,
  type PublishChoices,
  type TopicCalls,
  Topics,
  type TopicsSetup,
} from "../topics.ts";
import { Turns } from "./turns.ts";

/** How it is made. */
export interface BrokerHubSetup<Message> extends TopicsSetup<Message> {
  readonly broker: Broker;
  readonly clock: Clock;
  /** Has work that calls the program done when that may be; undefined: at once. */
  readonly serve: ((work: () => void) => void) | undefined;
  /** Tells the program that the broker is away, or there again. */
  readonly tellState: (isUp: boolean) => void;
  /** Hears of each bound of the broker's that is hit. */
  readonly onBrokerLimit: (name: MemoryBound) => void;
}

type Of<Message extends Publishable> = BrokerTopic<Message>;
type At<Message extends Publishable> = BrokerPlace<Message>;
type Out<Message extends Publishable> = Outgoing<Message, Of<Message>>;

/** All topics, and what keeps them in step with the broker. */
export class BrokerHub<Message extends Publishable>
  extends Topics<Message, At<Message>, Of<Message>>
  implements TopicCalls<Message>, CatchUpHost<Message>, FeedHost<Message>, LinkHost {
  readonly keepsHistory: boolean;
  readonly presence: BrokerPresenceCalls<Message>;
  readonly #clock: Clock;
  readonly #tellState: (isUp: boolean) => void;
  readonly #onBrokerLimit: (name: MemoryBound) => void;
  readonly #turns: Turns;
  readonly #link: BrokerLink;
  readonly #publishing: Publishing<Message>;
  readonly #openings: Openings<Message>;
  readonly #feed: Feed<Message>;
  readonly #checks: PositionChecks<Of<Message>>;
  readonly #catchUp: CatchUp<Message>;
  /** Those without a subscriber. */
  readonly #lingering = new Set<Of<Message>>();

  constructor(setup: BrokerHubSetup<Message>) {
    super(setup);
    const { clock, limits, broker } = setup;
    this.#clock = clock;
    this.#tellState = setup.tellState;
    this.#onBrokerLimit = setup.onBrokerLimit;
    this.keepsHistory = broker.keepsHistory;
    this.#turns = new Turns(setup.serve);
    this.#link = new BrokerLink(broker, clock, limits.brokerTimeoutMs, this);
    this.#publishing = new Publishing(this.#link, limits, this.onLimit);
    this.#openings = new Openings(this.#link, clock, (topics, tops) => {
      this.#turns.run(() => topics.forEach((topic, i) => this.#feed.standsAt(topic, tops[i]!)));
    });
    this.#feed = new Feed(this, broker, this.#link, this.#turns, clock);
    const check = (topics: readonly Of<Message>[]) => void this.#feed.check(topics);
    this.#checks = new PositionChecks(clock, limits.positionCheckMs, check);
    this.#catchUp = new CatchUp(this);
    this.presence = new BrokerPresenceCalls({
      limits,
      clock,
      keepsMoves: this.keepsHistory && this.messages.hasEncoders,
      onLimit: this.onLimit,
      isClosed: () => this.isClosed,
      isUp: () => this.#link.isUp,
      ask: (what, call) => {
        this.#start();
        return this.#link.ask(what, call);
      },
      isLive: (topic) => this.#isLive(this.topics.get(topic)),
      hasHearers: (topic) => this.hasHearers(topic),
      run: (work) => this.#turns.run(work),
      tellPresence: (change) => this.tellPresence(change),
    });
  }

  /** A broker that has begun does so. */
  get takesAtOnce(): boolean {
    return this.#link.hasStarted;
  }

  get hasLagging(): boolean {
    return this.#catchUp.count > 0;
  }

  #start(): void {
    this.#link.start({
      publication: (topic, publication) => {
        this.#turns.run(() => this.#arrived(topic, publication));
      },
      limit: (name) => this.#onBrokerLimit(name),
      interrupted: (topics) => this.#turns.run(() => this.#interrupted(topics)),
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#turns.stop();
    await this.presence.close();
    await this.#link.close();
  }

  // What the program calls.

  /** @throws {LwsError} `invalid-state`, `topic-limit` */
  subscribe(
    subscriber: Subscriber<Message>,
    name: string,
    since?: Position,
    begin?: Begin,
  ): Subscription | Promise<Subscription> {
    this.checkEstablished(subscriber);
    const known = this.topics.get(name);
    const old = known?.subscribers.get(subscriber);
    if (old !== undefined) return old.pending?.promise ?? old.begun!;
    this.checkRoom(this.ownTopics(subscriber)?.size ?? 0, "maxPerConnection");
    const topic = known ?? this.#open(name);
    this.#rejoin(topic);
    const place: At<Message> = {
      above: topic.offset,
      subscriber,
      topic,
      position: NOWHERE,
      isWaiting: false,
      pending: undefined,
      begun: undefined,
    };
    this.join(subscriber, topic, place);
    if (topic.state === "LIVE" && (since === undefined || topic.isAt(since))) {
      const start = { ...topic.position, recovered: this.#canRecover(since) };
      place.begun = { ...start, count: 0 };
      begin?.(start);
      return place.begun;
    }
    return this.#begin(place, since, begin);
  }

  override end(subscriber: Subscriber<Message>): void {
    super.end(subscriber);
    this.presence.end(subscriber);
  }

  #open(name: string): Of<Message> {
    const [lingers] = this.#lingering;
    if (lingers !== undefined && this.topics.size >= this.limits.maxTopics) {
      this.#drop(lingers, "lingered");
    }
    this.checkRoom(this.topics.size, "maxTopics");
    this.#start();
    const topic = new BrokerTopic<Message>(name);
    this.topics.set(name, topic);
    this.#openings.open(topic);
    return topic;
  }

  #rejoin(topic: Of<Message>): void {
    if (!this.#lingering.delete(topic)) return;
    this.#clock.clearTimer(topic.linger);
    topic.go("joined");
  }

  /** Where nothing is kept, a broker may count nothing either: then what came since has left no trace. */
  #canRecover(since: Position | undefined): boolean {
    return since === undefined || this.keepsHistory || !isVirgin(since);
  }

  /** One that can't be in the live feed yet. */
  #begin(
    place: At<Message>,
    since: Position | undefined,
    begin: Begin | undefined,
  ): Promise<Subscription> {
    const { promise, resolve, reject } = Promise.withResolvers<Subscription>();
    const { brokerTimeoutMs } = this.limits;
    const timer = this.#clock.setTimer(() => {
      this.#reject(place, this.#link.late("subscribe"));
      this.unsubscribe(place.subscriber, place.topic.name);
    }, brokerTimeoutMs);
    place.pending = {
      since,
      promise,
      timer,
      resolve: (subscription) => {
        this.#clock.clearTimer(timer);
        resolve(subscription);
      },
      reject,
      start: undefined,
      begin,
      hasBegun: false,
      recovered: this.#canRecover(since),
      count: 0,
    };
    this.#catchUp.add(place, since ?? place.topic.position, false);
    this.#turns.run(() => this.#catchUp.serve(place.topic));
    return promise;
  }

  #reject(place: At<Message>, error: LwsError): void {
    const { pending } = place;
    if (pending === undefined) return;
    place.pending = undefined;
    this.#clock.clearTimer(pending.timer);
    pending.reject(error);
  }

  protected left(topic: Of<Message>, place: At<Message>): void {
    this.#catchUp.remove(place);
    const { subscriber } = place;
    if (this.ownTopics(subscriber) === undefined) this.#publishing.forget(subscriber);
    this.#reject(place, new LwsError("connection-closed", "subscribe: it ended meanwhile"));
    if (topic.subscribers.size > 0) return;
    if (topic.state !== "LIVE" || this.isClosed) return this.#drop(topic, "left");
    topic.go("left");
    this.#lingering.add(topic);
    const drop = () => this.#drop(topic, "lingered");
    topic.linger = this.#clock.setTimer(drop, this.limits.lingerMs);
  }

  /** Nothing of it is wanted any more. */
  #drop(topic: Of<Message>, event: "left" | "lingered" | "missed"): void {
    topic.go(event);
    this.#lingering.delete(topic);
    this.#clock.clearTimer(topic.linger);
    this.#checks.remove(topic);
    this.topics.delete(topic.name);
    this.presence.dropped(topic.name);
    if (!this.isClosed) this.#openings.leave(topic);
  }

  /** @throws {LwsError} `topic-limit`, `destroyed`, `aborted`, `broker-unavailable` */
  publish(
    name: string,
    message: Message,
    choices: PublishChoices<Message> = {},
  ): Promise<Position> {
    this.checkPublication(message, choices.signal);
    const { except } = choices;
    const isMember = except !== undefined && this.ownTopics(except) !== undefined;
    const sender = isMember ? this.#publishing.tagOf(except) : undefined;
    this.#start();
    const history = choices.history ?? this.keepsHistory;
    return this.#publishing.publish(name, message, { ...choices, history, sender });
  }

  /** @throws {LwsError} `destroyed`, `broker-unavailable`, by a rejection */
  async history(
    name: string,
    { since, limit }: HistoryQuery & { readonly limit: number },
  ): Promise<TopicHistory> {
    this.#start();
    const read = (broker: Broker) => broker.history(name, since, limit);
    const { epoch, top, complete, publications } = await this.#link.ask("history", read);
    const own = publications.map(({ epoch, offset, data, isBinary, presence }) => {
      const of = { topic: name, epoch, offset, data: data.slice(), isBinary, hasPlace: true };
      if (presence === undefined) return of;
      const member = memberIn(data);
      return { ...of, presence, ...(member && { member: connectionOf(member) }) };
    });
    return { epoch, top, complete, publications: own };
  }

  // What the broker tells.

  onState(isUp: boolean): void {
    this.#turns.run(() => {
      this.presence.onState(isUp);
      if (isUp) this.#openings.openAll(this.topics.values());
      else {
        this.#openings.pause();
        for (const topic of [...this.topics.values()]) this.#feed.suspend(topic);
      }
      this.#tellState(isUp);
    });
  }

  #interrupted(names: readonly string[] | undefined): void {
    const given = names?.map((name) => this.topics.get(name)) ?? [...this.topics.values()];
    for (const topic of given) if (topic !== undefined) this.#feed.suspend(topic);
    if (!this.#link.isUp) return;
    const left: Of<Message>[] = [];
    for (const topic of given) {
      if (topic?.state === "REPAIRING") left.push(topic);
      else if (topic?.state === "OPENING") this.#openings.open(topic);
    }
    if (left.length > 0) this.#openings.checkAll(left);
  }

  #arrived(name: string, publication: BrokerPublication): void {
    const topic = this.topics.get(name);
    if (topic === undefined) return;
    topic.heardAt = this.#clock.now();
    if (this.#isLive(topic)) this.#feed.accept(topic, publication);
    else topic.wait(publication);
  }

  #isLive(topic: Of<Message> | undefined): boolean {
    return topic?.state === "LIVE" || topic?.state === "CLOSING";
  }

  // What the feed and those behind need.

  sendOut(out: Out<Message>): void {
    this.send(out);
    const { move } = out;
    if (move !== undefined && move.member !== NO_MEMBER) this.presence.heard(out.topic.name, move);
  }

  get isOpen(): boolean {
    return !this.isClosed;
  }

  opened(topic: Of<Message>): void {
    this.#checks.add(topic);
  }

  giveUp(topic: Of<Message>): void {
    this.#drop(topic, "missed");
  }

  livesAt(topic: Of<Message>): void {
    this.#catchUp.begin(topic);
  }

  caughtUp(topic: Of<Message>): void {
    this.#catchUp.serve(topic);
    // Members are read behind all that has waited, which is older.
    if (this.#isLive(topic)) this.presence.live(topic.name);
  }

  missed(topic: Of<Message>): void {
    this.#feed.missed(topic);
  }

  outgoing(topic: Of<Message>, publication: BrokerPublication, before: number): Out<Message> {
    const { epoch, offset, data, isBinary, sender, presence } = publication;
    return {
      topic,
      position: { epoch, offset },
      offset,
      before,
      message: this.messages.of(data, isBinary),
      except: sender === undefined ? undefined : this.#publishing.senderOf(sender),
      move: presence && moveOf(presence, data),
      encoded: undefined,
    };
  }

  write(subscriber: Subscriber<Message>, out: Out<Message>): boolean {
    if (subscriber.unsent > this.limits.maxUnsent) return false;
    const delivery = this.deliver(subscriber, out);
    if (delivery === BUSY) return false;
    if (delivery !== undefined) this.skip(subscriber, delivery);
    return true;
  }

  read(
    topic: Of<Message>,
    since: Position,
    answered: (answer: BrokerHistory) => void,
    failed: () => void,
  ): void {
    const read = () => {
      const ask = (broker: Broker) => broker.history(topic.name, since, PAGE);
      this.#link.ask("history", ask).then(
        (answer) => this.#turns.run(() => answered(answer)),
        () => this.#clock.setTimer(() => this.#turns.run(failed), retryDelay(topic.attempts)),
      );
    };
    if (topic.attempts === 0) read();
    else this.#clock.setTimer(read, retryDelay(topic.attempts));
  }

  protected lag(place: At<Message>, subscriber: Subscriber<Message>, out: Out<Message>): void {
    if (!this.keepsHistory) return this.cut(subscriber);
    const position = this.#leaveFeed(place, out);
    log(
      "info",
      () => line`connection ${subscriber.socketFd}: it reads too slowly, and goes on from history`,
    );
    this.onLimit("maxUnsent");
    const { topic } = place;
    subscriber.tellLagging({ topic: topic.name, position, behind: topic.offset - position.offset });
  }

  protected busy(place: At<Message>, subscriber: Subscriber<Message>, out: Out<Message>): void {
    if (this.keepsHistory && out.offset !== NO_PLACE) this.#leaveFeed(place, out);
    else if (!this.hold(subscriber, out)) this.cut(subscriber);
  }

  /** It has all in front of this publication. */
  #leaveFeed(place: At<Message>, { position, before }: Out<Message>): Position {
    const has = { epoch: position.epoch, offset: Math.max(place.above, before) };
    this.#catchUp.add(place, has, true);
    return has;
  }

  override release(subscriber: Subscriber<Message>): void {
    super.release(subscriber);
    this.drained(subscriber);
  }

  drained(subscriber: Subscriber<Message>): void {
    if (this.#catchUp.count === 0) return;
    this.#turns.now(() => {
      for (const { subscribers } of this.ownTopics(subscriber) ?? []) {
        const place = subscribers.get(subscriber);
        if (place !== undefined) this.#catchUp.wake(place);
      }
    });
  }
}
