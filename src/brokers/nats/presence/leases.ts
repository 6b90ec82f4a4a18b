/** The leases of contexts, by the server's clock alone: those of contexts need not agree. */

import type { JetStream } from "../streams/jetstream.ts";
import type { Layout } from "../subjects.ts";
import { chunksOf } from "./chunks.ts";

/** What stands in the place of a lease that has ended, until the members that it was for are gone. */
const ENDED = "ended";
const decoder = new TextDecoder();

/** One context's. */
export interface Lease {
  readonly node: string;
  /** The revision. */
  readonly sequence: number;
  readonly isOver: boolean;
  /** Whether it was said to have ended; else it may still be renewed. */
  readonly isClosed: boolean;
}

/** The leases of all contexts. */
export class Leases {
  readonly #layout: Layout;
  readonly #now: () => number;
  /** How far the server's clock is ahead of this one, at least. */
  #ahead: number | undefined;

  /** @param now the context's clock */
  constructor(layout: Layout, now: () => number) {
    this.#layout = layout;
    this.#now = now;
  }

  async read(api: JetStream): Promise<Lease[]> {
    const { presenceStream: stream } = this.#layout;
    if (this.#ahead === undefined) {
      const put = await api.put(this.#layout.time, "");
      await this.#synchronize(api, put!.seq);
    }
    const subjects = await api.subjects(stream, this.#layout.lease("*"));
    const leases: Lease[] = [];
    for (const some of chunksOf(subjects)) {
      const read = await Promise.all(
        some.map((subject) => api.read(stream, { last_by_subj: subject }, true)),
      );
      const now = this.#now() + (this.#ahead ?? -Infinity);
      for (const message of read) {
        if (message === undefined) continue;
        const { subject, sequence, data, storedAt } = message;
        const text = decoder.decode(data);
        const isClosed = text === ENDED;
        leases.push({
          node: subject.slice(this.#layout.lease("").length),
          sequence,
          isClosed,
          isOver: isClosed || Date.parse(storedAt) + Number(text) < now,
        });
      }
    }
    return leases;
  }

  /** Sees when the server says that something was stored which has just been. */
  async #synchronize(api: JetStream, seq: number): Promise<void> {
    const stored = await api.read(this.#layout.presenceStream, { seq }, true);
    // Behind by the time that the answer took, so that no lease is over too soon.
    if (stored !== undefined) this.#ahead = Date.parse(stored.storedAt) - this.#now();
  }

  /**
   * Has a context's lease last from now on.
   *
   * @param sequence The revision that it has, 0 if it has none.
   * @returns the new one; undefined if the lease had been closed
   */
  async renew(
    api: JetStream,
    node: string,
    leaseMs: number,
    sequence: number,
  ): Promise<number | undefined> {
    const subject = this.#layout.lease(node);
    const put = await api.put(subject, String(leaseMs), { expected: sequence });
    if (put !== undefined) {
      await this.#synchronize(api, put.seq);
      return put.seq;
    }
    // The answer to an earlier renewal may have been lost: no other context renews it.
    const which = { last_by_subj: subject };
    const is = await api.read(this.#layout.presenceStream, which, true);
    if (is === undefined || decoder.decode(is.data) === ENDED) return undefined;
    return (await api.put(subject, String(leaseMs), { expected: is.sequence }))?.seq;
  }

  /** @returns the revision of its end; undefined if it has been renewed, or another context was faster */
  async close(api: JetStream, { node, sequence }: Lease): Promise<number | undefined> {
    return (await api.put(this.#layout.lease(node), ENDED, { expected: sequence }))?.seq;
  }

  async remove(api: JetStream, sequence: number): Promise<void> {
    await api.remove(this.#layout.presenceStream, sequence);
  }
}
