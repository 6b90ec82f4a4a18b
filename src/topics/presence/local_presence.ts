/** Presence of a context without a broker: all members are connections of its own. */

import type { PresenceMember } from "../../api/topics/broker_presence.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import type { PresenceChange, PresenceEntry } from "../../api/topics/presence.ts";
import type { Subscriber } from "../subscriber.ts";
import { type Membership, Memberships } from "./memberships.ts";
import { checkOpen, type JoinChoices, memberOf, type PresenceCalls } from "./presence_calls.ts";
import { type Move, Room } from "./room.ts";

/** What it needs of the hub. Implemented by Hub. */
export interface LocalPresenceHost {
  readonly limits: TopicLimits;
  isClosed(): boolean;
  onLimit(limit: keyof TopicLimits): void;
  /** Has encoders make something of it. */
  publishMove(topic: string, move: Move): void;
  /** Tells subscribers, when the program may be called. */
  tellPresence(change: PresenceChange): void;
}

/** The members of all topics. */
export class LocalPresence<Message> implements PresenceCalls<Message> {
  readonly limits: TopicLimits;
  readonly #host: LocalPresenceHost;
  readonly #own: Memberships<Message, Membership<Message>>;
  readonly #rooms = new Map<string, Room>();

  constructor(host: LocalPresenceHost) {
    this.#host = host;
    this.limits = host.limits;
    this.#own = new Memberships(host.limits, (limit) => this.onLimit(limit));
  }

  onLimit(limit: keyof TopicLimits): void {
    this.#host.onLimit(limit);
  }

  /** @throws {LwsError} `invalid-state`, `topic-limit` */
  join(subscriber: Subscriber<Message>, topic: string, choices: JoinChoices): Promise<void> {
    const known = this.#own.find(subscriber, topic);
    this.#own.checkEstablished(subscriber);
    if (known === undefined) this.#own.checkRoom(subscriber);
    const id = known?.id ?? this.#own.idOf(subscriber);
    const room = this.#rooms.get(topic) ?? new Room();
    const before = room.member(id);
    const member = memberOf(id, choices, before);
    if (known === undefined) this.#own.add({ subscriber, topic, id });
    this.#rooms.set(topic, room);
    if (before?.key !== member.key || before.info !== member.info) {
      this.#move(topic, room, "join", member);
    }
    return Promise.resolve();
  }

  leave(subscriber: Subscriber<Message>, topic: string): Promise<void> {
    const known = this.#own.find(subscriber, topic);
    if (known !== undefined) this.#leave(known);
    return Promise.resolve();
  }

  /** It begins to close. */
  end(subscriber: Subscriber<Message>): void {
    if (this.#own.size === 0) return;
    for (const membership of this.#own.of(subscriber)) this.#leave(membership);
  }

  #leave(membership: Membership<Message>): void {
    const { topic, id } = membership;
    this.#own.remove(membership);
    const room = this.#rooms.get(topic)!;
    this.#move(topic, room, "leave", room.member(id)!);
    if (room.size === 0) this.#rooms.delete(topic);
  }

  #move(topic: string, room: Room, kind: Move["kind"], member: PresenceMember): void {
    const change = room.apply(topic, { kind, member });
    this.#host.publishMove(topic, { kind, member });
    if (change !== undefined) this.#host.tellPresence(change);
  }

  /** @throws {LwsError} `destroyed` */
  list(topic: string, limit: number): Promise<PresenceEntry[]> {
    checkOpen("list", this.#host.isClosed());
    return Promise.resolve(this.#rooms.get(topic)?.entries(limit) ?? []);
  }

  /** @throws {LwsError} `destroyed` */
  count(topic: string): Promise<number> {
    checkOpen("count", this.#host.isClosed());
    return Promise.resolve(this.#rooms.get(topic)?.keyCount ?? 0);
  }
}
