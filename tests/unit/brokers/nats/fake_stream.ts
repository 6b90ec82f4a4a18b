/** A stream of JetStream as far as its topics are read, in memory. */

import { Shard } from "../../../../src/brokers/nats/shard.ts";
import type { Source } from "../../../../src/brokers/nats/history.ts";
import type { JetStream, StoredMessage } from "../../../../src/brokers/nats/streams/jetstream.ts";

/** Its messages, by sequence. */
export class FakeStream {
  readonly kept = new Map<number, StoredMessage>();
  #last = 0;
  /** How many questions it was asked, and how many at once at most. */
  reads = 0;
  mostAtOnce = 0;
  #atOnce = 0;
  /** Called in front of each answer. */
  beforeRead: (which: object) => void = () => {};

  put(subject: string, text = "", count = 1): number {
    for (let i = 0; i < count; i++) {
      const sequence = ++this.#last;
      const data = new TextEncoder().encode(text);
      this.kept.set(sequence, { subject, sequence, headers: undefined, data, storedAt: "" });
    }
    return this.#last;
  }

  #first(isSo: (message: StoredMessage) => boolean): StoredMessage | undefined {
    return [...this.kept.values()].find(isSo);
  }

  async read(
    _stream: string,
    which: { last_by_subj?: string; seq?: number; next_by_subj?: string },
  ): Promise<StoredMessage | undefined> {
    this.reads++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await Promise.resolve();
    this.#atOnce--;
    this.beforeRead(which);
    const { last_by_subj: last, seq, next_by_subj: next } = which;
    if (last !== undefined) {
      return [...this.kept.values()].findLast(({ subject }) => subject === last);
    }
    if (next === undefined) return this.kept.get(seq!);
    return this.#first(({ subject, sequence }) => subject === next && sequence >= seq!);
  }

  info(_stream: string, query?: { subjects_filter: string }): Promise<unknown> {
    const count = [...this.kept.values()]
      .filter(({ subject }) => subject === query?.subjects_filter).length;
    const first = this.#first(() => true)?.sequence ?? this.#last + 1;
    const subjects = query && { [query.subjects_filter]: count };
    return Promise.resolve({ state: { first_seq: first, last_seq: this.#last, subjects } });
  }

  /** What is read of it. */
  source(subject: string, choices: { size?: number; known?: number } = {}): Source {
    const shard = new Shard(0, "lws_0");
    shard.epoch = "now";
    return {
      api: this as unknown as JetStream,
      shard,
      stream: "lws_0",
      subject,
      hasCopies: false,
      size: choices.size ?? 10,
      known: choices.known ?? 0,
    };
  }
}
