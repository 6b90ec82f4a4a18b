/** Whether what was read of a topic is all that followed a position. */

/** What was seen of a topic. */
export interface Seen {
  /** The offset behind which all is needed. */
  readonly since: number;
  /** Whether the topic's message at `since`, or one before it, was still there after the reading. */
  readonly hasElder: boolean;
  /** How many messages there were behind `since`, be they read or not. */
  readonly count: number;
  /** How many of a topic the stream keeps at most. */
  readonly most: number;
  /** The first sequence that the stream, of all topics, still had after the reading. */
  readonly first: number;
  /** Whether it is known that nothing behind `since` is so old that it may have gone by now. */
  readonly isYoung: boolean;
}

/**
 * The oldest messages of a topic go first. So nothing behind `since` is missing while something up to there is
 * still kept; or else, if too few are kept for any to have gone by their number, and either none of the whole
 * stream behind `since` has gone, or none of the topic can have gone by its age.
 */
export function isComplete({ since, hasElder, count, most, first, isYoung }: Seen): boolean {
  if (hasElder) return true;
  if (count >= most) return false;
  return isYoung || first <= since + 1;
}

/**
 * Whether a reading went as far as it had to: up to what was asked for, or to the last message that there was when
 * it began.
 */
export function isCutShort(
  read: { readonly count: number; readonly last: number; readonly bytesLeft: number },
  wanted: { readonly count: number; readonly top: number },
): boolean {
  return read.last < wanted.top && read.count < wanted.count && read.bytesLeft > 0;
}
