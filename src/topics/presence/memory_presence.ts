/** Which connections are in the topics of a memory broker, by the contexts that have said so. */

import type {
  BrokerPresence,
  PresenceMember,
  PresenceMembers,
} from "../../api/topics/broker_presence.ts";

/** Publishes what has come of a member. */
export type PublishPresence = (
  topic: string,
  presence: "join" | "leave",
  member: PresenceMember,
  history: boolean,
) => void;

interface Membership {
  readonly member: PresenceMember;
  readonly of: MemoryPresenceNode;
}

/** The members of all contexts. */
export class MemoryPresence {
  readonly #publish: PublishPresence;
  /** By topic, and there by id. */
  readonly #topics = new Map<string, Map<string, Membership>>();
  /** Those that have members. */
  readonly #nodes = new Set<MemoryPresenceNode>();

  constructor(publish: PublishPresence) {
    this.#publish = publish;
  }

  join(of: MemoryPresenceNode, topic: string, member: PresenceMember, history: boolean): void {
    const members = this.#topics.get(topic) ?? new Map<string, Membership>();
    this.#topics.set(topic, members);
    const known = members.get(member.id)?.member;
    members.set(member.id, { member, of });
    this.#nodes.add(of);
    if (known?.info !== member.info || known.key !== member.key) {
      this.#publish(topic, "join", member, history);
    }
  }

  leave(topic: string, id: string, history: boolean): void {
    const members = this.#topics.get(topic);
    const left = members?.get(id);
    if (members === undefined || left === undefined) return;
    members.delete(id);
    if (members.size === 0) this.#topics.delete(topic);
    this.#publish(topic, "leave", left.member, history);
  }

  /** Ends the membership of all whose context has no lease any more. */
  sweep(now: number, history: boolean): void {
    for (const node of this.#nodes) {
      if (node.hasLease(now)) continue;
      this.#nodes.delete(node);
      for (const [topic, members] of this.#topics) {
        for (const [id, { of }] of members) if (of === node) this.leave(topic, id, history);
      }
    }
  }

  members(topic: string, limit: number, now: number): PresenceMembers {
    const members: PresenceMember[] = [];
    let count = 0;
    for (const { member, of } of this.#topics.get(topic)?.values() ?? []) {
      if (of.hasLease(now) && ++count <= limit) members.push(member);
    }
    return { count, members };
  }
}

/** The members of one context, by its lease. */
export class MemoryPresenceNode implements BrokerPresence {
  readonly #all: MemoryPresence;
  readonly #now: () => number;
  #leaseEnd = -Infinity;
  /** Whether its members are kept in history. */
  #keeps = false;

  /** @param now the time of the context */
  constructor(all: MemoryPresence, now: () => number) {
    this.#all = all;
    this.#now = now;
  }

  hasLease(now: number): boolean {
    return this.#leaseEnd > now;
  }

  join(topic: string, member: PresenceMember, history: boolean): Promise<void> {
    this.#keeps = history;
    this.#all.join(this, topic, member, history);
    return Promise.resolve();
  }

  leave(topic: string, id: string, history: boolean): Promise<void> {
    this.#all.leave(topic, id, history);
    return Promise.resolve();
  }

  tend(leaseMs: number, history: boolean, sweeps: boolean): Promise<boolean> {
    const now = this.#now();
    const hadLease = this.hasLease(now);
    if (sweeps) this.#all.sweep(now, history);
    this.#leaseEnd = now + leaseMs;
    return Promise.resolve(hadLease);
  }

  /** The context is gone, and its members with it. */
  close(): void {
    this.#leaseEnd = -Infinity;
    this.#all.sweep(this.#now(), this.#keeps);
  }

  members(topic: string, limit: number): Promise<PresenceMembers> {
    return Promise.resolve(this.#all.members(topic, limit, this.#now()));
  }
}
