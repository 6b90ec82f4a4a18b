/** Presence of a context with a broker: of its own connections, and of those of all other contexts. */

import type { Clock } from "../../api/service.ts";
import type { Broker } from "../../api/topics/broker.ts";
import type {
  BrokerPresence,
  PresenceMember,
  PresenceMembers,
} from "../../api/topics/broker_presence.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import type { PresenceChange, PresenceEntry } from "../../api/topics/presence.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, thrown } from "../../base/log.ts";
import type { Subscriber } from "../subscriber.ts";
import { checkedMember } from "./member.ts";
import { OwnMembers, type OwnMembersHost } from "./own_members.ts";
import { checkOpen, type JoinChoices, type PresenceCalls } from "./presence_calls.ts";
import { type Move, Room } from "./room.ts";
import { Rooms, type RoomsHost } from "./rooms.ts";

const LEASE_MS = 15_000;
const TEND_MS = 5_000;

/** What it needs of the hub. Implemented by BrokerHub. */
export interface BrokerPresenceHost {
  readonly limits: TopicLimits;
  readonly clock: Clock;
  isClosed(): boolean;
  /** Whether the broker has started, and is not known to be away. */
  isUp(): boolean;
  /** Whether what is published of members is kept. */
  readonly keepsMoves: boolean;
  onLimit(limit: keyof TopicLimits): void;
  /** Calls the broker, which begins with the first call. */
  ask<Result>(what: string, call: (broker: Broker) => Promise<Result>): Promise<Result>;
  /** Whether a topic has subscribers, or had just now, and what is published comes. */
  isLive(topic: string): boolean;
  hasHearers(topic: string): boolean;
  /** Has work done when the program may be called. */
  run(work: () => void): void;
  tellPresence(change: PresenceChange): void;
}

/** The calls of a context, its lease, and what comes of others. */
export class BrokerPresenceCalls<Message>
  implements PresenceCalls<Message>, OwnMembersHost, RoomsHost {
  readonly limits: TopicLimits;
  readonly clock: Clock;
  readonly history: boolean;
  readonly maxMembers: number;
  readonly #host: BrokerPresenceHost;
  readonly #own: OwnMembers<Message>;
  readonly #rooms: Rooms;
  /** Until when the broker has a lease of this context at least. */
  #leaseEnd = -Infinity;
  /** It may have none all the same, as one that has begun anew. */
  #isDoubtful = false;
  /** An answer was lost, which may have said that the last one had ended. */
  #hasMissed = false;
  /** Before that the other contexts may not have renewed theirs yet, as the broker was away. */
  #sweepsFrom = -Infinity;
  #tending: Promise<void> | undefined;
  #timer: unknown;
  #isArmed = false;

  constructor(host: BrokerPresenceHost) {
    this.#host = host;
    this.limits = host.limits;
    this.clock = host.clock;
    this.history = host.keepsMoves;
    this.maxMembers = host.limits.maxMembers;
    this.#own = new OwnMembers(this, host.limits, (limit) => this.onLimit(limit));
    this.#rooms = new Rooms(this);
  }

  onLimit(limit: keyof TopicLimits): void {
    this.#host.onLimit(limit);
  }

  // What the program calls.

  async join(
    subscriber: Subscriber<Message>,
    topic: string,
    choices: JoinChoices,
  ): Promise<void> {
    const joined = this.#own.join(subscriber, topic, choices);
    this.#arm();
    await joined;
  }

  leave(subscriber: Subscriber<Message>, topic: string): Promise<void> {
    return this.#own.leave(subscriber, topic);
  }

  async list(topic: string, limit: number): Promise<PresenceEntry[]> {
    checkOpen("list", this.#host.isClosed());
    const room = await this.#follow(topic) ?? roomOf(await this.read(topic, this.maxMembers));
    return room.entries(limit);
  }

  async count(topic: string): Promise<number> {
    checkOpen("count", this.#host.isClosed());
    const room = await this.#follow(topic);
    if (room !== undefined) return room.keyCount;
    const answer = await this.read(topic, this.maxMembers);
    return answer.count > this.maxMembers ? answer.count : roomOf(answer).keyCount;
  }

  async #follow(topic: string): Promise<Room | undefined> {
    const followed = this.#rooms.follow(topic);
    this.#arm();
    return await followed;
  }

  // What the hub tells.

  /** A connection begins to close. */
  end(subscriber: Subscriber<Message>): void {
    this.#own.end(subscriber);
  }

  /** What was published of a member, in its turn. */
  heard(topic: string, move: Move): void {
    this.#rooms.heard(topic, move);
    this.#arm();
  }

  /** What is published of a topic comes, for the first time or again. */
  live(topic: string): void {
    this.#rooms.live(topic);
  }

  dropped(topic: string): void {
    this.#rooms.drop(topic);
  }

  /** The broker is away, or there again: it may have begun anew with nothing. */
  onState(isUp: boolean): void {
    this.#isDoubtful = true;
    if (isUp) this.#sweepsFrom = this.clock.now() + TEND_MS;
    if (isUp) this.#rooms.returned();
    if (isUp && this.#own.size + this.#rooms.size > 0) this.#tendSoon();
  }

  /** Resolves when the broker has heard of all that have left, or can't be told. */
  async close(): Promise<void> {
    this.clock.clearTimer(this.#timer);
    this.#isArmed = true;
    if (this.#own.size > 0) await this.#own.settled();
  }

  // The lease.

  async lease(): Promise<void> {
    if (this.#isDoubtful || this.#leaseEnd <= this.clock.now()) await this.#tend();
  }

  #arm(): void {
    if (this.#isArmed || this.#own.size + this.#rooms.size === 0) return;
    this.#isArmed = true;
    this.#timer = this.clock.setTimer(() => {
      this.#isArmed = false;
      if (this.#own.size + this.#rooms.size > 0) this.#tendSoon();
      this.#arm();
    }, TEND_MS);
  }

  async #tendSoon(): Promise<void> {
    try {
      await this.#tend();
      this.#own.goOn();
    } catch (error) {
      log("info", () => line`${thrown(error)}`);
    }
  }

  #tend(): Promise<void> {
    return this.#tending ??= this.#tendOnce().finally(() => this.#tending = undefined);
  }

  async #tendOnce(): Promise<void> {
    const end = this.clock.now() + LEASE_MS;
    let isKept: boolean;
    try {
      isKept = await this.ask("tend", (presence) => {
        return presence.tend(LEASE_MS, this.history, this.clock.now() >= this.#sweepsFrom);
      });
    } catch (error) {
      this.#isDoubtful = true;
      this.#hasMissed = true;
      throw error;
    }
    const hasMissed = this.#hasMissed;
    this.#leaseEnd = end;
    this.#isDoubtful = false;
    this.#hasMissed = false;
    if (isKept && !hasMissed) return;
    this.#own.forget(isKept);
    this.#own.goOn();
  }

  // What members and rooms need.

  get isUp(): boolean {
    return this.#host.isUp();
  }

  ask<Result>(
    what: string,
    call: (presence: BrokerPresence) => Promise<Result>,
  ): Promise<Result> {
    return this.#host.ask(what, (broker) => {
      if (broker.presence !== undefined) return call(broker.presence);
      throw new LwsError("unsupported", `${what}: the broker has no presence`);
    });
  }

  read(topic: string, limit: number): Promise<PresenceMembers> {
    return this.ask("list", (presence) => presence.members(topic, limit));
  }

  moved(topic: string, move: Move): void {
    this.#rooms.moved(topic, move);
  }

  onOverfull(): void {
    this.onLimit("maxMembers");
  }

  isLive(topic: string): boolean {
    return this.#host.isLive(topic);
  }

  hasHearers(topic: string): boolean {
    return this.#host.hasHearers(topic);
  }

  isOwn(id: string): boolean {
    return this.#own.isOwn(id);
  }

  ownIn(topic: string): Iterable<PresenceMember> {
    return this.#own.shownIn(topic);
  }

  run(work: () => void): void {
    this.#host.run(work);
  }

  tell(change: PresenceChange): void {
    this.#host.tellPresence(change);
  }
}

function roomOf({ members }: PresenceMembers): Room {
  const room = new Room();
  for (const each of members) {
    const member = checkedMember(each);
    if (member !== undefined) room.add(member);
  }
  return room;
}
