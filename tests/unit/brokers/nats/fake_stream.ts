/** A stream of JetStream as far as its topics are read, in memory. */

import { Shard } from "../../../../src/brokers/nats/shard.ts";
import type { Source } from "../../../../src/brokers/nats/history.ts";
import type { JetStream, StoredMessage } from "../../../../src/brokers/nats/streams/jetstream.ts";

/** Its messages, by sequence. */
export class FakeStream {
  readonly kept = new Map<number, StoredMessage>();
  #last = 0;
  /** How many questions it was asked for one message, and how many messages were sent in a row. */
  reads = 0;
  sent = 0;
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

  #first(isSo: (message: StoredMessage) => boolean, from = 1): StoredMessage | undefined {
    for (let seq = from; seq <= this.#last; seq++) {
      const message = this.kept.get(seq);
      if (message !== undefined && isSo(message)) return message;
    }
    return undefined;
  }

  async read(
    _stream: string,
    which: { last_by_subj?: string; seq?: number; next_by_subj?: string },
  ): Promise<StoredMessage | undefined> {
    this.reads++;
    await Promise.resolve();
    this.beforeRead(which);
    const { last_by_subj: last, seq, next_by_subj: next } = which;
    if (last !== undefined) {
      return [...this.kept.values()].findLast(({ subject }) => subject === last);
    }
    if (next === undefined) return this.kept.get(seq!);
    return this.#first(({ subject }) => subject === next, seq);
  }

  async readOn(
    _stream: string,
    own: string,
    from: number,
    most: number,
    take: (message: StoredMessage) => boolean,
  ): Promise<void> {
    for (let seq = from, count = 0; count < most; count++) {
      await Promise.resolve();
      this.beforeRead({ seq, next_by_subj: own });
      const message = this.#first(({ subject }) => subject === own, seq);
      if (message === undefined) return;
      this.sent++;
      if (take(message)) return;
      seq = message.sequence + 1;
    }
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
