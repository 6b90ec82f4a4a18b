/**
 * Reads a stretch of a topic: the first messages one by one, as there seldom are more, and the rest by a consumer,
 * which takes two round trips to begin with and a tenth of the work for each message.
 */

import type { JetStream, StoredMessage } from "./streams/jetstream.ts";

/** How many messages are read one by one. */
const ROW = 8;
/** How many messages one consumer brings at most. */
export const LONGEST = 10_000;

/** A topic in a stream. */
export interface Subject {
  readonly api: JetStream;
  readonly stream: string;
  readonly subject: string;
  /** Whether copies of the stream may be behind the one that leads. */
  readonly hasCopies: boolean;
}

/** The sequences from one to another, both included. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** What was read. */
export interface Stretch {
  readonly messages: readonly StoredMessage[];
  /** Whether it was ended in front of the end of the part, as that is enough. */
  readonly isBroken: boolean;
}

/** Reads the first `most` messages of a part, or as many as have `mostBytes`. */
export async function readStretch(
  subject: Subject,
  { from, to }: Part,
  most: number,
  mostBytes: number,
): Promise<Stretch> {
  const messages = await readRow(subject, { from, to }, Math.min(ROW, most));
  const isEnough = () => messages.length >= most || bytes >= mostBytes;
  let bytes = 0;
  for (const { data } of messages) bytes += data.length;
  if (isEnough() || messages.length < ROW) return { messages, isBroken: isEnough() };
  const { api, stream, subject: name } = subject;
  let isFull = true;
  while (isFull && !isEnough() && messages.at(-1)!.sequence < to) {
    const count = Math.min(most - messages.length, LONGEST);
    const before = messages.length;
    await api.readOn(stream, name, messages.at(-1)!.sequence + 1, count, (message) => {
      if (message.sequence > to) return true;
      messages.push(message);
      bytes += message.data.length;
      return message.sequence === to || isEnough();
    });
    isFull = messages.length === before + count;
  }
  return { messages, isBroken: isEnough() };
}

/** One after the other. */
async function readRow(
  { api, stream, subject, hasCopies }: Subject,
  { from, to }: Part,
  most: number,
): Promise<StoredMessage[]> {
  const row: StoredMessage[] = [];
  let seq = from;
  while (seq <= to && row.length < most) {
    const message = await api.read(stream, { seq, next_by_subj: subject }, hasCopies);
    if (message === undefined || message.sequence > to) break;
    row.push(message);
    seq = message.sequence + 1;
  }
  return row;
}
