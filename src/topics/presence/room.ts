/** The members of one topic, and by which keys they are known. */

import type { PresenceMember } from "../../api/topics/broker_presence.ts";
import type { PresenceChange, PresenceEntry } from "../../api/topics/presence.ts";

/** What has come of a member. */
export interface Move {
  readonly kind: "join" | "leave";
  readonly member: PresenceMember;
}

/** They, one or several by a key. */
export class Room {
  readonly #members = new Map<string, PresenceMember>();
  /** The ids of each key. */
  readonly #keys = new Map<string, Set<string>>();

  constructor(members: Iterable<PresenceMember> = []) {
    for (const member of members) this.add(member);
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  /** How many keys they have. */
  get keyCount(): number {
    return this.#keys.size;
  }

  get keys(): Iterable<string> {
    return this.#keys.keys();
  }

  get members(): Iterable<PresenceMember> {
    return this.#members.values();
  }

  member(id: string): PresenceMember | undefined {
    return this.#members.get(id);
  }

  add(member: PresenceMember): void {
    const { id, key } = member;
    if (this.#members.get(id)?.key !== key) this.remove(id);
    this.#members.set(id, member);
    const ids = this.#keys.get(key);
    if (ids === undefined) this.#keys.set(key, new Set([id]));
    else ids.add(id);
  }

  remove(id: string): void {
    const key = this.#members.get(id)?.key;
    if (key === undefined) return;
    this.#members.delete(id);
    const ids = this.#keys.get(key)!;
    ids.delete(id);
    if (ids.size === 0) this.#keys.delete(key);
  }

  /** What has changed by that; undefined for nothing. */
  apply(topic: string, { kind, member }: Move): PresenceChange | undefined {
    const infos = new Map([[member.key, this.info(member.key)]]);
    const known = this.#members.get(member.id);
    if (known !== undefined) infos.set(known.key, this.info(known.key));
    if (kind === "join") this.add(member);
    else this.remove(member.id);
    return changes(topic, infos, this);
  }

  /** The info of a key: of those that have it the one with the greatest id, so that all contexts agree. */
  info(key: string): string | undefined {
    let last = "";
    for (const id of this.#keys.get(key) ?? []) if (id > last) last = id;
    return this.#members.get(last)?.info;
  }

  entry(key: string): PresenceEntry {
    return {
      key,
      info: JSON.parse(this.info(key) ?? "null"),
      connections: this.#keys.get(key)?.size ?? 0,
    };
  }

  /** Of the first keys, of their own for each call. */
  entries(limit: number): PresenceEntry[] {
    return Array.from(this.#keys.keys().take(Math.min(limit, this.#keys.size)), (key) => (
      this.entry(key)
    ));
  }
}

/** What has changed from one room to another; undefined for nothing. */
export function changesBetween(
  topic: string,
  before: Room,
  after: Room,
): PresenceChange | undefined {
  const infos = new Map<string, string | undefined>();
  for (const key of before.keys) infos.set(key, before.info(key));
  for (const key of after.keys) if (!infos.has(key)) infos.set(key, undefined);
  return changes(topic, infos, after);
}

/** @param infos those that keys had before; undefined for none */
function changes(
  topic: string,
  infos: ReadonlyMap<string, string | undefined>,
  room: Room,
): PresenceChange | undefined {
  const joins: PresenceEntry[] = [];
  const updates: PresenceEntry[] = [];
  const leaves: PresenceEntry[] = [];
  for (const [key, before] of infos) {
    const after = room.info(key);
    if (before === after) continue;
    if (before === undefined) joins.push(room.entry(key));
    else if (after !== undefined) updates.push(room.entry(key));
    else leaves.push({ key, info: JSON.parse(before), connections: 0 });
  }
  if (joins.length + updates.length + leaves.length === 0) return undefined;
  return { topic, joins, updates, leaves };
}
