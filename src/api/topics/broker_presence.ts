/** The seam to what knows which connections, of all contexts of a broker, are in a topic. */

/**
 * A connection that a context has said is in a topic.
 *
 * @category Topics
 */
export interface PresenceMember {
  /** Of this connection alone, among those of all contexts. 1 to 255 bytes of UTF-8 without controls. */
  readonly id: string;
  /** What several connections of one user have in common. 1 to 255 bytes of UTF-8 without controls. */
  readonly key: string;
  /** What the program says of it, as JSON. */
  readonly info: string;
}

/**
 * The members of a topic.
 *
 * @category Topics
 */
export interface PresenceMembers {
  /** How many there are, be they listed or not. */
  readonly count: number;
  /** The first of them, in no order. */
  readonly members: readonly PresenceMember[];
}

/**
 * What a {@linkcode Broker} does for `context.presence`. The members of a context last as long as its lease,
 * which each context renews, and not its clients: a broker has no work with those that stay.
 *
 * @category Topics
 */
export interface BrokerPresence {
  /**
   * A connection of this context is in the topic from now on, or has other `info`. What was no member
   * before, or had other `info`, is published to the topic, in its order and kept as any other publication if
   * `history` says so, as `presence: "join"` with the member as JSON for its data; what is the same already
   * is not. One that is not kept is best given no place in the topic, as nothing is missed without it.
   */
  join(topic: string, member: PresenceMember, history: boolean): Promise<void>;
  /** The end of that; published as `presence: "leave"` if it was a member. */
  leave(topic: string, id: string, history: boolean): Promise<void>;
  /**
   * Has this context's lease last another `leaseMs`, and ends the membership of all connections of contexts whose
   * lease has ended: each of them is published as a `"leave"` once, whichever of the contexts does it. Called
   * before the first `join`, as members of a context without a lease are not listed.
   *
   * @param sweeps Whether it does the latter. It is false soon after the broker was away: the other contexts had no way
   *   to renew theirs either.
   * @returns False if this context had no lease, as at first, when it has ended, and when the broker has lost its
   *   data: its connections are members no more, and have to join anew.
   */
  tend(leaseMs: number, history: boolean, sweeps: boolean): Promise<boolean>;
  /** Up to `limit` members of a topic, of contexts with a lease. */
  members(topic: string, limit: number): Promise<PresenceMembers>;
}
