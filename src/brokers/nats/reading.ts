/**
 * Reads a stretch of a topic, message by message: a consumer of JetStream waits for good for what goes while it reads.
 * To have no round trip each, the stretch is parted where it is long, and its parts are read at once.
 */

import type { JetStream, StoredMessage } from "./streams/jetstream.ts";

/** How many messages are read in a row before it is seen how dense they are; and in a part, about. */
const ROW = 8;
const MOST_PARTS = 64;
const MOST_AT_ONCE = 8;
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
  /** Whether it goes on behind the last of them, and was asked to. */
  readonly isBroken: boolean;
}

/** Reads the first `most` messages of a part, or about as many as have `mostBytes`. */
export async function readStretch(
  subject: Subject,
  { from, to }: Part,
  most: number,
  mostBytes: number,
): Promise<Stretch> {
  const row = await readRow(subject, { from, to }, Math.min(ROW, most));
  const last = row.at(-1)?.sequence ?? to;
  if (row.length < ROW || row.length >= most || last >= to) {
    return { messages: row, isBroken: row.length >= most };
  }
  const density = (row.length - 1) / (last - row[0]!.sequence);
  const parts = partsOf({ from: last + 1, to }, density);
  const read: (readonly StoredMessage[])[] = parts.map(() => []);
  let [next, done, count] = [0, 0, row.length];
  let bytes = bytesOf(row);
  const isDone = parts.map(() => false);
  const isEnough = () => count >= most || bytes >= mostBytes;
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, async () => {
    while (next < parts.length && !isEnough()) {
      const i = next++;
      read[i] = await readRow(subject, parts[i]!, most);
      isDone[i] = true;
      // What is behind a part that is still read does not count.
      for (; isDone[done]; done++) {
        count += read[done]!.length;
        bytes += bytesOf(read[done]!);
      }
    }
  }));
  const messages = [row, ...read.slice(0, done)].flat().slice(0, most);
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

/** Of about as many messages each as are read in a row. */
function partsOf({ from, to }: Part, density: number): Part[] {
  const length = to - from + 1;
  const count = Math.min(MOST_PARTS, Math.max(1, Math.round(length * density / ROW)), length);
  return Array.from({ length: count }, (_, i) => ({
    from: from + Math.floor(length * i / count),
    to: from + Math.floor(length * (i + 1) / count) - 1,
  }));
}

function bytesOf(messages: readonly StoredMessage[]): number {
  return messages.reduce((sum, { data }) => sum + data.length, 0);
}
