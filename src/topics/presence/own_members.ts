/**
 * The connections of this context that are in topics of a broker: what the program wants of each, what the
 * broker is known to have of it, and how the one is made the other.
 */

import type { Clock } from "../../api/service.ts";
import type { BrokerPresence, PresenceMember } from "../../api/topics/broker_presence.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, thrown } from "../../base/log.ts";
import { retryDelay } from "../broker/link.ts";
import { Repairs } from "../broker/repairs.ts";
import type { Subscriber } from "../subscriber.ts";
import { type Membership, Memberships } from "./memberships.ts";
import { type JoinChoices, memberOf } from "./presence_calls.ts";
import type { Move } from "./room.ts";

/** What the broker has of a member while it is told, or when it may or may not have heard. */
const UNKNOWN = Symbol("unknown");

interface OwnMember<Message> extends Membership<Message> {
  /** What it is to be; undefined for no member. */
  wanted: PresenceMember | undefined;
  /** What it is by the last call that has not been rejected. */
  agreed: PresenceMember | undefined;
  /** What it is at the broker. */
  known: PresenceMember | undefined | typeof UNKNOWN;
  /** What the others of this context have been told that it is. */
  shown: PresenceMember | undefined;
  /** How many calls of the program wait for it. */
  callers: number;
  /** The last call to the broker. */
  work: Promise<void>;
  /** Calls that were given up, and may reach the broker yet. */
  late: number;
  /** How many of those have. */
  overtaken: number;
  /** How often in a row that has failed. */
  attempts: number;
  isRetrying: boolean;
}

/** What they need of their context. Implemented by BrokerPresenceCalls. */
export interface OwnMembersHost {
  readonly clock: Clock;
  readonly isUp: boolean;
  /** Whether what they do is kept in history. */
  readonly history: boolean;
  ask<Result>(what: string, call: (presence: BrokerPresence) => Promise<Result>): Promise<Result>;
  /** Resolves when this context has a lease, behind which it may have members. */
  lease(): Promise<void>;
  /** One of them has joined, at the broker as well, or is leaving. */
  moved(topic: string, move: Move): void;
}

/** They. */
export class OwnMembers<Message> {
  readonly #host: OwnMembersHost;
  readonly #members: Memberships<Message, OwnMember<Message>>;
  readonly #rejoining: Repairs<OwnMember<Message>>;
  /** How many leases have ended: an answer from before that tells nothing. */
  #leases = 0;

  constructor(
    host: OwnMembersHost,
    limits: TopicLimits,
    onLimit: (limit: keyof TopicLimits) => void,
  ) {
    this.#host = host;
    this.#members = new Memberships(limits, onLimit);
    this.#rejoining = new Repairs((member) => this.#settleSoon(member));
  }

  get size(): number {
    return this.#members.size;
  }

  isOwn(id: string): boolean {
    return this.#members.isOwn(id);
  }

  /** Those that are in a topic, as far as others know. */
  *shownIn(topic: string): Iterable<PresenceMember> {
    for (const { shown } of this.#members.in(topic)) if (shown !== undefined) yield shown;
  }

  /** @throws {LwsError} `invalid-state`, `topic-limit`, `broker-unavailable`, by a rejection */
  async join(
    subscriber: Subscriber<Message>,
    topic: string,
    choices: JoinChoices,
  ): Promise<void> {
    const known = this.#members.find(subscriber, topic);
    if (known?.wanted === undefined) this.#members.checkEstablished(subscriber);
    const own = known ?? this.#add(subscriber, topic);
    const member = own.wanted = memberOf(own.id, choices, own.wanted);
    own.callers++;
    try {
      await this.#host.lease();
      await this.#settle(own);
    } catch (error) {
      // Unless something else is wanted by now, it is to be what it was.
      if (own.wanted === member) {
        if (own.agreed === undefined) this.#hide(own);
        else own.wanted = own.agreed;
      }
      this.#later(own);
      throw error;
    } finally {
      own.callers--;
    }
    own.agreed = own.wanted;
    if (own.wanted !== undefined) return;
    throw new LwsError("connection-closed", "join: it ended, or left, meanwhile");
  }

  #add(subscriber: Subscriber<Message>, topic: string): OwnMember<Message> {
    this.#members.checkRoom(subscriber);
    const own: OwnMember<Message> = {
      subscriber,
      topic,
      id: this.#members.idOf(subscriber),
      wanted: undefined,
      agreed: undefined,
      known: undefined,
      shown: undefined,
      callers: 0,
      work: Promise.resolve(),
      late: 0,
      overtaken: 0,
      attempts: 0,
      isRetrying: false,
    };
    this.#members.add(own);
    return own;
  }

  /** @throws {LwsError} `broker-unavailable`, by a rejection */
  async leave(subscriber: Subscriber<Message>, topic: string): Promise<void> {
    const own = this.#members.find(subscriber, topic);
    if (own === undefined) return;
    this.#hide(own);
    try {
      await this.#settle(own);
    } catch (error) {
      this.#later(own);
      throw error;
    }
  }

  /** The connection begins to close. */
  end(subscriber: Subscriber<Message>): void {
    if (this.#members.size === 0) return;
    for (const own of this.#members.of(subscriber)) {
      this.#hide(own);
      this.#settleSoon(own);
    }
  }

  #hide(own: OwnMember<Message>): void {
    const { shown, topic } = own;
    own.wanted = undefined;
    own.agreed = undefined;
    own.shown = undefined;
    if (shown !== undefined) this.#host.moved(topic, { kind: "leave", member: shown });
  }

  /** Resolves when the broker has heard of all that is wanted, or can't be told. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#members.all(), ({ work }) => work));
  }

  // What the broker knows.

  /** Makes it so, behind what is under way for the same one. */
  #settle(own: OwnMember<Message>): Promise<void> {
    const settle = () => this.#tell(own);
    return own.work = own.work.then(settle, settle);
  }

  async #tell(own: OwnMember<Message>): Promise<void> {
    const { topic, wanted, overtaken } = own;
    if (wanted !== own.known) {
      const leases = this.#leases;
      own.known = UNKNOWN;
      await this.#ask(own, wanted);
      if (leases !== this.#leases || overtaken !== own.overtaken) {
        // It was done before the lease ended, or another one was, or behind that.
        own.known = UNKNOWN;
        return await this.#tell(own);
      }
      own.known = wanted;
    }
    if (wanted !== undefined && own.wanted === wanted && own.shown !== wanted) {
      own.shown = wanted;
      this.#host.moved(topic, { kind: "join", member: wanted });
    }
    own.attempts = 0;
    this.#tidy(own);
  }

  async #ask(own: OwnMember<Message>, wanted: PresenceMember | undefined): Promise<void> {
    const { topic, id } = own;
    const { history } = this.#host;
    let call: Promise<void> | undefined;
    let isDone = false;
    try {
      await this.#host.ask(wanted === undefined ? "leave" : "join", (presence) => {
        call = wanted === undefined
          ? presence.leave(topic, id, history)
          : presence.join(topic, wanted, history);
        return call.finally(() => isDone = true);
      });
    } catch (error) {
      if (call !== undefined && !isDone) this.#awaitLate(own, call);
      // Whatever a lease that has ended meanwhile has made of it.
      own.known = UNKNOWN;
      throw error;
    }
  }

  /** One that is given up may be done all the same, and undo what came of others behind it. */
  #awaitLate(own: OwnMember<Message>, call: Promise<void>): void {
    const settle = () => {
      own.late--;
      own.overtaken++;
      own.known = UNKNOWN;
      this.#settleSoon(own);
    };
    own.late++;
    call.then(settle, settle);
  }

  #tidy(own: OwnMember<Message>): void {
    const isNothing = own.wanted === undefined && own.known === undefined && own.late === 0;
    if (isNothing) this.#members.remove(own);
  }

  /** Does not reject. */
  async #settleSoon(own: OwnMember<Message>): Promise<void> {
    try {
      await this.#settle(own);
    } catch (error) {
      log("info", () => line`topic "${own.topic}": ${thrown(error)}`);
      this.#later(own);
    }
  }

  /** Without the broker nothing can be done: {@linkcode OwnMembers.goOn} does it then. */
  #later(own: OwnMember<Message>): void {
    this.#tidy(own);
    const isNothing = own.wanted === own.known;
    if (isNothing || own.isRetrying || !this.#host.isUp) return;
    own.isRetrying = true;
    this.#host.clock.setTimer(() => {
      own.isRetrying = false;
      if (this.#host.isUp) this.#rejoining.add(own);
    }, retryDelay(own.attempts++));
  }

  /** Tells the broker, which is there, what it does not know. */
  goOn(): void {
    for (const own of this.#members.all()) {
      if (own.wanted !== own.known && own.callers === 0) this.#rejoining.add(own);
    }
  }

  /**
   * The lease has ended, and with it all that the broker had of this context.
   *
   * @param isDoubtful Whether that may be so, and need not.
   */
  forget(isDoubtful: boolean): void {
    this.#leases++;
    for (const own of [...this.#members.all()]) {
      // A call that is under way may be done behind that.
      const isUnknown = own.known === UNKNOWN || (isDoubtful && own.known !== undefined);
      own.known = isUnknown ? UNKNOWN : undefined;
      this.#tidy(own);
    }
  }
}
