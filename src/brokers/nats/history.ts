/** Reads where topics stand, and what is kept of them. */

import type { BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import { isComplete, isCutShort } from "./completeness.ts";
import type { JetStream, StoredMessage } from "./streams/jetstream.ts";
import { decodeKept, placed } from "./message.ts";
import { NoAnswer } from "./server/requests.ts";
import type { Shard } from "./shard.ts";

/** How many messages are pulled at a time. */
const CHUNK = 250;
/** How many bytes are read at most, but for one chunk; a history goes on where it ended. */
const MOST_BYTES = 4 * 1024 * 1024;

/** What is read of. */
export interface Source {
  readonly api: JetStream;
  readonly shard: Shard;
  /** The topic's subject. */
  readonly subject: string;
  /** Whether copies of the stream may be behind the one that leads. */
  readonly hasCopies: boolean;
  /** `historySize`. */
  readonly size: number;
  /** Up to where the topic is known, so that nothing behind can have gone by its age; 0 if it is not. */
  readonly known: number;
}

/** The offset of a topic's last publication; undefined if none is kept. */
export async function readTop(
  { api, shard, subject, hasCopies }: Source,
): Promise<number | undefined> {
  const last = await api.read(shard.stream, { last_by_subj: subject }, hasCopies);
  return last?.sequence;
}

/** What is read of a stretch of a topic. */
interface Stretch {
  readonly messages: readonly StoredMessage[];
  /** How many there were. */
  readonly count: number;
}

const NOTHING: Stretch = { messages: [], count: 0 };

/** As {@linkcode Broker.history}, of a topic that has `top` for its last publication, or none that is kept. */
export async function readHistory(
  source: Source,
  since: Position | undefined,
  limit: number,
  top: number | undefined,
  end: number,
): Promise<BrokerHistory> {
  const { epoch } = source.shard;
  if (since === undefined) return await readLatest(source, limit, top, end);
  const isOfAll = since.epoch === "" && since.offset === 0;
  if (!isOfAll && since.epoch !== epoch) {
    const { messages, count } = top === undefined
      ? NOTHING
      : await readFrom(source, 1, limit + 1, top);
    const publications = firstOfKept(source, messages, count, limit);
    return { epoch, top: top ?? end, complete: false, publications };
  }
  const { offset } = since;
  if (top === offset) return { epoch, top, complete: true, publications: [] };
  if ((top ?? end) < offset) return { epoch, top: top ?? end, complete: false, publications: [] };
  return await readBehind(source, offset, limit, top, end);
}

async function readBehind(
  source: Source,
  offset: number,
  limit: number,
  top: number | undefined,
  end: number,
): Promise<BrokerHistory> {
  const { shard: { epoch }, size, known } = source;
  const { messages, count } = top === undefined
    ? NOTHING
    : await readFrom(source, offset + 1, limit + 1, top);
  const hasElder = await hasUpTo(source, offset);
  const isYoung = known > 0 && known <= offset;
  // What the stream of all topics has lost counts only where nothing better is known.
  const first = hasElder || isYoung ? 0 : await firstOf(source);
  const complete = isComplete({ since: offset, hasElder, count, most: size + 1, first, isYoung });
  const publications = hasElder || complete
    ? chained(source, messages.slice(0, limit), offset)
    : firstOfKept(source, messages, count, limit);
  return { epoch, top: top ?? (complete ? offset : end), complete, publications };
}

/** All that is kept, and of that the last. */
async function readLatest(
  source: Source,
  limit: number,
  top: number | undefined,
  end: number,
): Promise<BrokerHistory> {
  const { shard: { epoch }, size } = source;
  if (top === undefined) {
    const complete = await firstOf(source) <= 1;
    return { epoch, top: end, complete, publications: [] };
  }
  const most = Math.min(limit, size) + 1;
  const { messages, count } = await readFrom(source, 1, Infinity, top, most);
  const complete = count <= limit &&
    isComplete({
      since: 0,
      hasElder: false,
      count,
      most: size + 1,
      first: await firstOf(source),
      isYoung: false,
    });
  const elder = messages.length === most ? messages[0] : undefined;
  const latest = elder === undefined ? messages : messages.slice(1);
  const before = elder?.sequence ?? (complete ? 0 : beforeOf(latest[0]));
  return { epoch, top, complete, publications: chained(source, latest, before) };
}

/** The first `limit` of all that is kept, where one more than is to be kept is none. */
function firstOfKept(
  source: Source,
  messages: readonly StoredMessage[],
  count: number,
  limit: number,
): BrokerPublication[] {
  const [elder] = messages;
  if (count > source.size && elder !== undefined) {
    return chained(source, messages.slice(1, limit + 1), elder.sequence);
  }
  return chained(source, messages.slice(0, limit), beforeOf(elder));
}

/** Of one that something may be missing in front of, so that it follows nothing that is known. */
function beforeOf(first: StoredMessage | undefined): number {
  return first === undefined ? 0 : first.sequence - 1;
}

function chained(
  { shard: { epoch } }: Source,
  messages: readonly StoredMessage[],
  before: number,
): BrokerPublication[] {
  let previous = before;
  return messages.map(({ sequence, headers, data }) => {
    const place = { epoch, offset: sequence, previous };
    previous = sequence;
    return placed(decodeKept(headers), data, place);
  });
}

/**
 * Reads up to `most` messages from a sequence on, and up to `top` at least; of those the last `keep`.
 *
 * @throws if it ends before that
 */
async function readFrom(
  { api, shard, subject }: Source,
  from: number,
  most: number,
  top: number,
  keep = Infinity,
): Promise<Stretch> {
  const reader = await api.openReader(shard.stream, subject, from);
  const count = reader.pending;
  const messages: StoredMessage[] = [];
  let [read, bytesLeft, last] = [0, keep === Infinity ? MOST_BYTES : Infinity, 0];
  try {
    while (read < most && bytesLeft > 0) {
      const some = await reader.read(Math.min(CHUNK, most - read));
      if (some.length === 0) break;
      messages.push(...some);
      read += some.length;
      last = some.at(-1)!.sequence;
      for (const { data } of some) bytesLeft -= data.length;
      if (messages.length > keep) messages.splice(0, messages.length - keep);
      // What is published meanwhile comes by the live feed.
      if (last >= top && keep !== Infinity) break;
    }
  } finally {
    reader.close();
  }
  if (isCutShort({ count: read, last, bytesLeft }, { count: most, top })) {
    throw new NoAnswer(`the reading of ${subject} ended at ${last}, and not at ${top}`);
  }
  return { messages, count: Math.max(count, read) };
}

/** Whether a message of the topic is kept that is not behind an offset. */
async function hasUpTo(
  { api, shard, subject, hasCopies }: Source,
  offset: number,
): Promise<boolean> {
  if (offset === 0) return false;
  const own = await api.read(shard.stream, { seq: offset }, hasCopies);
  if (own?.subject === subject) return true;
  const which = { seq: 1, next_by_subj: subject };
  const first = await api.read(shard.stream, which, hasCopies);
  return first !== undefined && first.sequence <= offset;
}

async function firstOf({ api, shard }: Source): Promise<number> {
  const info = await api.info(shard.stream);
  if (info === undefined) throw new NoAnswer(`stream ${shard.stream} is gone`);
  return info.state.first_seq;
}
