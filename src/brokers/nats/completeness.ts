/** Whether what is kept of a topic is all that followed a position, where nothing is kept any more up to there. */

/** What was seen of a topic. */
export interface Seen {
  /** The offset behind which all is needed. */
  readonly since: number;
  /** How many of its messages are kept. */
  readonly count: number;
  /** How many of a topic the stream keeps at most. */
  readonly most: number;
  /** The first sequence that the stream, of all topics, still has. */
  readonly first: number;
  /** Whether it is known that nothing behind `since` is so old that it may have gone by now. */
  readonly isYoung: boolean;
}

/**
 * The oldest messages of a topic go first. So nothing behind `since` is missing if too few are kept for any to have
 * gone by their number, and either none of the whole stream behind `since` has gone, or none of the topic
 * can have gone by its age.
 */
export function isComplete({ since, count, most, first, isYoung }: Seen): boolean {
  return count < most && (isYoung || first <= since + 1);
}
