/** The leases of contexts, by the server's clock alone: those of contexts need not agree. */

import type { JetStream } from "../streams/jetstream.ts";
import type { Layout } from "../subjects.ts";

/** What stands in the place of a lease that has ended, until the members that it was for are gone. */
const ENDED = "ended";
/** How many are read at a time. */
const CHUNK = 250;

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

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async read(api: JetStream): Promise<Lease[]> {
    const reader = await api.openReader(this.#layout.presenceStream, this.#layout.lease("*"), 1);
    const leases: Lease[] = [];
    try {
      for (;;) {
        const some = await reader.read(CHUNK);
        if (some.length === 0) break;
        for (const { subject, sequence, data, storedAt } of some) {
          const text = decoder.decode(data);
          const isClosed = text === ENDED;
          leases.push({
            node: subject.slice(this.#layout.lease("").length),
            sequence,
            isClosed,
            isOver: isClosed || storedAt + Number(text) < reader.openedAt,
          });
        }
      }
    } finally {
      reader.close();
    }
    return leases;
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
    if (put !== undefined) return put.seq;
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
