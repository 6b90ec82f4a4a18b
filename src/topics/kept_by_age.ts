/** What a broker in memory keeps of all topics together, by its age. */

import type { BrokerPublication } from "../api/topics/broker.ts";

/** What one publication takes beside its bytes: with 200 of them some 1,000 were measured, in and outside of the heap. */
export const PUBLICATION_OVERHEAD = 1024;
/** The same of a topic of which something is kept: some 300. */
export const TOPIC_OVERHEAD = 512;

/** Whose publications are kept. */
export interface Keeping {
  readonly topic: string;
  /** The oldest one that is kept, and the latest. */
  first: Kept | undefined;
  last: Kept | undefined;
  /** How many are kept, and the bytes of their payload. */
  count: number;
  bytes: number;
}

/** One that is kept. */
export interface Kept {
  readonly publication: BrokerPublication;
  readonly of: Keeping;
  /** From when on it is not kept any more. */
  readonly end: number;
  /** That of the same topic which came next. */
  next: Kept | undefined;
  /** Those of all topics that came before it and next. */
  older: Kept | undefined;
  newer: Kept | undefined;
}

/** All that is kept: the oldest is found, and any topic's oldest taken out, without a look at the others. */
export class KeptByAge {
  #oldest: Kept | undefined;
  #newest: Kept | undefined;
  /** What it takes in memory, about. */
  bytes = 0;
  /** How many topics have something that is kept. */
  topics = 0;

  get oldest(): Kept | undefined {
    return this.#oldest;
  }

  add(of: Keeping, publication: BrokerPublication, end: number): void {
    const older = this.#newest;
    const kept: Kept = { publication, of, end, next: undefined, older, newer: undefined };
    if (older === undefined) this.#oldest = kept;
    else older.newer = kept;
    this.#newest = kept;
    if (of.last === undefined) {
      of.first = kept;
      this.topics++;
      this.bytes += topicBytes(of);
    } else of.last.next = kept;
    of.last = kept;
    of.count++;
    const { length } = publication.data;
    of.bytes += length;
    this.bytes += length + PUBLICATION_OVERHEAD;
  }

  /** Lets the oldest of a topic go, of which there is one. */
  removeFirst(of: Keeping): Kept {
    const kept = of.first!;
    const { older, newer, next, publication: { data: { length } } } = kept;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    of.first = next;
    of.count--;
    of.bytes -= length;
    this.bytes -= length + PUBLICATION_OVERHEAD;
    if (next === undefined) {
      of.last = undefined;
      this.topics--;
      this.bytes -= topicBytes(of);
    }
    return kept;
  }
}

/** Its name may have two bytes a character. */
function topicBytes({ topic }: Keeping): number {
  return TOPIC_OVERHEAD + 2 * topic.length;
}

/** The publications of a topic that are kept, the oldest first. */
export function publicationsOf({ first }: Keeping): BrokerPublication[] {
  const publications: BrokerPublication[] = [];
  for (let kept = first; kept !== undefined; kept = kept.next) publications.push(kept.publication);
  return publications;
}
