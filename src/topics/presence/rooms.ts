/**
 * The topics of a broker whose members this context follows: read once, and kept in step by what is published
 * of those that join and leave. It is read again behind each interruption.
 */

import type { Clock } from "../../api/service.ts";
import type { PresenceMember, PresenceMembers } from "../../api/topics/broker_presence.ts";
import type { PresenceChange } from "../../api/topics/presence.ts";
import { line, log, thrown } from "../../base/log.ts";
import { retryDelay } from "../broker/link.ts";
import { Repairs } from "../broker/repairs.ts";
import { checkedMember } from "./member.ts";
import { changesBetween, type Move, Room } from "./room.ts";

/** How long a topic with too many members is left alone, before it is looked whether it still has. */
const LEFT_ALONE_MS = 5_000;
/**
 * How long other contexts have to join anew at a broker that is there again, before members are read: those that
 * only seem to have gone are not told.
 */
const RETURN_MS = 3_000;
/** As far as brokers count. */
const MOST = 2 ** 31 - 1;

/** What they need of their context. Implemented by BrokerPresenceCalls. */
export interface RoomsHost {
  readonly clock: Clock;
  readonly maxMembers: number;
  /** Called when a topic has more than that. */
  onOverfull(): void;
  /** Whether a topic has subscribers, and what is published comes. */
  isLive(topic: string): boolean;
  /** Whether a subscriber of a topic hears of changes. */
  hasHearers(topic: string): boolean;
  read(topic: string, limit: number): Promise<PresenceMembers>;
  /** Of members that are connections of this context its own word counts. */
  isOwn(id: string): boolean;
  ownIn(topic: string): Iterable<PresenceMember>;
  /** Has work done when the program may be called. */
  run(work: () => void): void;
  /** Tells those that hear of changes; called when the program may be. */
  tell(change: PresenceChange): void;
}

/** One topic. */
interface Followed {
  readonly topic: string;
  /** Its members, since they were first read. */
  room: Room | undefined;
  /** Set while they are to be read: what has come meanwhile. */
  moves: Move[] | undefined;
  /** How many of those had come when the reading began. */
  elder: number;
  /** Tells one reading from another. */
  reading: number;
  attempts: number;
  /** Whether it is waited for members that only seem to have gone. */
  isSettling: boolean;
  /** Read first, so that the publication of their coming may still be under way. */
  readonly unheard: Set<string>;
  /** It had too many members, and is not looked at until then. */
  leftAloneUntil: number;
  /** Told when the reading is done, or can't be. */
  waiting: (() => void)[];
}

/** They. */
export class Rooms {
  readonly #host: RoomsHost;
  readonly #followed = new Map<string, Followed>();
  readonly #readings = new Repairs<Followed>((followed) => this.#read(followed));
  /** When the broker has been there again for long enough. */
  #settledAt = -Infinity;

  constructor(host: RoomsHost) {
    this.#host = host;
  }

  /** How many there are. */
  get size(): number {
    return this.#followed.size;
  }

  /** The members of a topic, in step; undefined for one that can't be followed. */
  async follow(topic: string): Promise<Room | undefined> {
    const inStep = this.#inStep(topic);
    if (inStep !== undefined || !this.#host.isLive(topic)) return inStep;
    const followed = this.#followed.get(topic) ?? this.#begin(topic);
    const isLeftAlone = followed.leftAloneUntil > this.#host.clock.now();
    if (isLeftAlone || followed.isSettling) return undefined;
    if (followed.moves === undefined) this.#reread(followed);
    await new Promise<void>((resolve) => followed.waiting.push(resolve));
    return this.#inStep(topic);
  }

  #inStep(topic: string): Room | undefined {
    const followed = this.#followed.get(topic);
    const isInStep = followed?.moves === undefined && this.#host.isLive(topic);
    return isInStep ? followed?.room : undefined;
  }

  #begin(topic: string): Followed {
    const followed: Followed = {
      topic,
      room: undefined,
      moves: undefined,
      elder: 0,
      reading: 0,
      attempts: 0,
      isSettling: false,
      unheard: new Set(),
      leftAloneUntil: 0,
      waiting: [],
    };
    this.#followed.set(topic, followed);
    return followed;
  }

  /** The topic has no subscribers any more. */
  drop(topic: string): void {
    const followed = this.#followed.get(topic);
    if (followed === undefined) return;
    this.#followed.delete(topic);
    this.#release(followed);
  }

  #release(followed: Followed): void {
    followed.reading++;
    const { waiting } = followed;
    followed.waiting = [];
    for (const resolve of waiting) resolve();
  }

  // What happens to members.

  /** The broker is there again, and begins with what it has. */
  returned(): void {
    this.#settledAt = this.#host.clock.now() + RETURN_MS;
  }

  /** What was published of a member; called in the order of the topic. */
  heard(topic: string, move: Move): void {
    if (this.#followed.get(topic)?.isSettling) return;
    if (!this.#host.isOwn(move.member.id)) this.#moved(topic, move, (work) => work());
  }

  /** What a connection of this context does. */
  moved(topic: string, move: Move): void {
    this.#moved(topic, move, (work) => this.#host.run(work));
  }

  #moved(topic: string, move: Move, run: (work: () => void) => void): void {
    const followed = this.#followed.get(topic) ??
      (this.#host.hasHearers(topic) ? this.#begin(topic) : undefined);
    if (followed === undefined) return;
    const { room, moves } = followed;
    moves?.push(move);
    if (room !== undefined) {
      const change = this.#apply(followed, room, move);
      if (change !== undefined) run(() => this.#host.tell(change));
    } else if (moves === undefined && this.#isDue(followed)) {
      this.#reread(followed, move);
    }
  }

  #isDue({ topic, leftAloneUntil }: Followed): boolean {
    return leftAloneUntil <= this.#host.clock.now() && this.#host.hasHearers(topic);
  }

  #apply(followed: Followed, room: Room, move: Move): PresenceChange | undefined {
    const { kind, member: { id, info } } = move;
    // It was read already, and is news all the same.
    const isNews = followed.unheard.delete(id) && kind === "join";
    if (isNews && room.member(id)?.info === info) room.remove(id);
    const change = room.apply(followed.topic, move);
    if (room.size > this.#host.maxMembers) this.#overfull(followed);
    return change;
  }

  #overfull(followed: Followed): void {
    followed.room = undefined;
    followed.moves = undefined;
    followed.isSettling = false;
    followed.unheard.clear();
    followed.leftAloneUntil = this.#host.clock.now() + LEFT_ALONE_MS;
    this.#host.onOverfull();
    this.#release(followed);
    log("info", () => {
      const { maxMembers } = this.#host;
      return line`topic "${followed.topic}": more members than topics.maxMembers (${maxMembers})`;
    });
  }

  // Reading.

  /** What is published comes again, or for the first time: something may have been missed. */
  live(topic: string): void {
    const followed = this.#followed.get(topic);
    if (followed?.room === undefined && followed?.moves === undefined) return;
    const leftMs = this.#settledAt - this.#host.clock.now();
    if (leftMs <= 0 || followed.room === undefined) return this.#reread(followed);
    followed.moves ??= [];
    followed.isSettling = true;
    this.#release(followed);
    const { reading } = followed;
    this.#host.clock.setTimer(() => {
      if (reading === followed.reading) this.#reread(followed);
    }, leftMs);
  }

  #reread(followed: Followed, ...moves: Move[]): void {
    followed.moves ??= moves;
    followed.isSettling = false;
    followed.reading++;
    if (this.#host.isLive(followed.topic)) this.#readings.add(followed);
  }

  /** Does not reject. */
  async #read(followed: Followed): Promise<void> {
    if (followed.moves === undefined || !this.#host.isLive(followed.topic)) {
      return this.#release(followed);
    }
    const reading = ++followed.reading;
    followed.elder = followed.moves.length;
    try {
      const most = Math.min(this.#host.maxMembers + 1, MOST);
      const answer = await this.#host.read(followed.topic, most);
      this.#host.run(() => {
        if (reading === followed.reading) this.#answered(followed, answer);
      });
    } catch (error) {
      this.#failed(followed, reading, error);
    }
  }

  #failed(followed: Followed, reading: number, error: unknown): void {
    if (reading !== followed.reading) return;
    const { topic } = followed;
    log("info", () => line`topic "${topic}": ${thrown(error)}`);
    this.#release(followed);
    const current = followed.reading;
    this.#host.clock.setTimer(() => {
      if (current === followed.reading) this.#readings.add(followed);
    }, retryDelay(followed.attempts++));
  }

  #answered(followed: Followed, { count, members }: PresenceMembers): void {
    const { topic, moves, elder, unheard } = followed;
    // It is read again when it is live.
    if (moves === undefined || !this.#host.isLive(topic)) return this.#release(followed);
    if (count > this.#host.maxMembers) return this.#overfull(followed);
    const after = new Room(this.#host.ownIn(topic));
    const isOther = (id: string) => !this.#host.isOwn(id);
    for (const each of members) {
      const member = checkedMember(each);
      if (member !== undefined && isOther(member.id)) after.add(member);
    }
    for (const move of moves.slice(elder)) {
      if (isOther(move.member.id)) after.apply(topic, move);
    }
    const before = followed.room ?? undone(after, moves);
    if (followed.room === undefined) {
      for (const { id } of before.members) if (isOther(id) && after.member(id)) unheard.add(id);
    }
    followed.room = after;
    followed.moves = undefined;
    followed.attempts = 0;
    this.#release(followed);
    const change = changesBetween(topic, before, after);
    if (after.size > this.#host.maxMembers) this.#overfull(followed);
    if (change !== undefined) this.#host.tell(change);
  }
}

/** What a room was before its last moves. */
function undone(room: Room, moves: readonly Move[]): Room {
  const before = new Room(room.members);
  for (const { kind, member } of moves.toReversed()) {
    if (kind === "join") before.remove(member.id);
    else before.add(member);
  }
  return before;
}
