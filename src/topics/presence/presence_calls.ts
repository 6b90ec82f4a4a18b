/** The calls of `context.presence`, behind the check of their arguments. */

import type { PresenceMember } from "../../api/topics/broker_presence.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import type { PresenceEntry } from "../../api/topics/presence.ts";
import { LwsError } from "../../base/errors.ts";
import type { Subscriber } from "../subscriber.ts";

/** What `join` is given: what is undefined stays as it was. */
export interface JoinChoices {
  readonly key: string | undefined;
  /** As JSON. */
  readonly info: string | undefined;
}

/** What a context has of it, with a broker and without. */
export interface PresenceCalls<Message> {
  readonly limits: TopicLimits;
  /** Called for each limit that is hit. */
  onLimit(limit: keyof TopicLimits): void;
  /** @throws {LwsError} At once, or by a rejection */
  join(subscriber: Subscriber<Message>, topic: string, choices: JoinChoices): Promise<void>;
  leave(subscriber: Subscriber<Message>, topic: string): Promise<void>;
  list(topic: string, limit: number): Promise<PresenceEntry[]>;
  count(topic: string): Promise<number>;
}

/** The member that is to be, of what it was and what is given. */
export function memberOf(
  id: string,
  { key, info }: JoinChoices,
  before: PresenceMember | undefined,
): PresenceMember {
  return { id, key: key ?? before?.key ?? id, info: info ?? before?.info ?? "null" };
}

/** @throws {LwsError} `destroyed` */
export function checkOpen(call: string, isClosed: boolean): void {
  if (isClosed) throw new LwsError("destroyed", `${call}: the context is destroyed`);
}
