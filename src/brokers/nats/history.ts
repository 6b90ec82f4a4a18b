/** Reads where topics stand, and what is kept of them. */

import type { BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import { isComplete } from "./completeness.ts";
import { readStretch, type Subject } from "./reading.ts";
import type { StoredMessage } from "./streams/jetstream.ts";
import { decodeKept, placed } from "./message.ts";
import { NoAnswer } from "./server/requests.ts";
import type { Shard } from "./shard.ts";

/** What is read of. */
export interface Source extends Subject {
  readonly shard: Shard;
  /** `historySize`. */
  readonly size: number;
  /** Up to where the topic is known, so that nothing behind can have gone by its age; 0 if it is not. */
  readonly known: number;
}

/** How many bytes are read at a time; a history goes on where it ended. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The offset of a topic's last publication; undefined if none is kept. */
export async function readTop(
  { api, stream, subject, hasCopies }: Subject,
): Promise<number | undefined> {
  const last = await api.read(stream, { last_by_subj: subject }, hasCopies);
  return last?.sequence;
}

/** Where a topic ends. */
export interface Ends {
  /** Its last publication; undefined if none is kept. */
  readonly top: number | undefined;
  /** Up to where the stream went when that was asked for. */
  readonly end: number;
}

/**
 * As {@linkcode Broker.history}.
 *
 * @throws {NoAnswer} if what was there when it began has gone meanwhile, so that it is to begin again
 */
export async function readHistory(
  source: Source,
  since: Position | undefined,
  limit: number,
  { top, end }: Ends,
): Promise<BrokerHistory> {
  const { epoch } = source.shard;
  if (since === undefined) return await readLatest(source, limit, { top, end });
  const isOfAll = since.epoch === "" && since.offset === 0;
  if (!isOfAll && since.epoch !== epoch) {
    const messages = await stillKept(source, await readUpTo(source, 1, top, limit + 1));
    const { count } = await stateOf(source);
    const publications = firstOfKept(source, messages, count, limit);
    return { epoch, top: top ?? end, complete: false, publications };
  }
  const { offset } = since;
  if (top === offset) return { epoch, top, complete: true, publications: [] };
  if ((top ?? end) < offset) return { epoch, top: top ?? end, complete: false, publications: [] };
  return await readBehind(source, offset, limit, { top, end });
}

async function readBehind(
  source: Source,
  offset: number,
  limit: number,
  { top, end }: Ends,
): Promise<BrokerHistory> {
  const { shard: { epoch }, size, known } = source;
  const read = await readUpTo(source, offset + 1, top, limit + 1);
  // After that: the elder one was there all the time, and so was all behind it.
  if (await hasUpTo(source, offset)) {
    const publications = chained(source, read.slice(0, limit), offset);
    return { epoch, top: top ?? end, complete: true, publications };
  }
  const messages = await stillKept(source, read);
  const { count, first } = await stateOf(source);
  const isYoung = known > 0 && known <= offset;
  const complete = isComplete({ since: offset, count, most: size + 1, first, isYoung });
  const publications = complete
    ? chained(source, messages.slice(0, limit), offset)
    : firstOfKept(source, messages, count, limit);
  return { epoch, top: top ?? (complete ? offset : end), complete, publications };
}

/** All that is kept, and of that the last. */
async function readLatest(
  source: Source,
  limit: number,
  { top, end }: Ends,
): Promise<BrokerHistory> {
  const { shard: { epoch }, size } = source;
  const most = Math.min(limit, size);
  const all = await stillKept(source, await readUpTo(source, 1, top, Infinity));
  const { count, first } = await stateOf(source);
  const isWhole = isComplete({ since: 0, count, most: size + 1, first, isYoung: false });
  const latest = all.slice(-most);
  const elder = all.at(-most - 1);
  const before = elder?.sequence ?? (isWhole ? 0 : beforeOf(latest[0]));
  const complete = isWhole && latest.length === all.length;
  return { epoch, top: top ?? end, complete, publications: chained(source, latest, before) };
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

/** What is published meanwhile comes by the live feed: a reading ends with the publication that was the last. */
async function readUpTo(
  source: Source,
  from: number,
  top: number | undefined,
  most: number,
): Promise<readonly StoredMessage[]> {
  if (top === undefined) return [];
  const mostBytes = most === Infinity ? Infinity : MOST_BYTES;
  const { messages, isBroken } = await readStretch(source, { from, to: top }, most, mostBytes);
  const last = messages.at(-1)?.sequence ?? 0;
  if (isBroken || last === top) return messages;
  throw new NoAnswer(`the reading of ${source.subject} ended at ${last}, and not at ${top}`);
}

/**
 * Of what was read that which is still kept: the oldest go first, so that behind the first of them none has gone while
 * they were read. Between those in front of it there may be holes.
 */
async function stillKept(
  source: Source,
  messages: readonly StoredMessage[],
): Promise<readonly StoredMessage[]> {
  if (messages.length === 0) return messages;
  const first = await readFirst(source);
  const kept = messages.filter(({ sequence }) => first !== undefined && sequence >= first);
  if (kept.length > 0) return kept;
  throw new NoAnswer(`all that was read of ${source.subject} has gone meanwhile`);
}

async function readFirst(
  { api, stream, subject, hasCopies }: Subject,
): Promise<number | undefined> {
  const first = await api.read(stream, { seq: 1, next_by_subj: subject }, hasCopies);
  return first?.sequence;
}

/** Whether a message of the topic is kept that is not behind an offset. */
async function hasUpTo(source: Source, offset: number): Promise<boolean> {
  if (offset === 0) return false;
  const { api, stream, subject, hasCopies } = source;
  const own = await api.read(stream, { seq: offset }, hasCopies);
  if (own?.subject === subject) return true;
  const first = await readFirst(source);
  return first !== undefined && first <= offset;
}

/** How many messages of the topic are kept, and the first sequence of all topics. */
async function stateOf(
  { api, stream, subject }: Source,
): Promise<{ readonly count: number; readonly first: number }> {
  const info = await api.info(stream, { subjects_filter: subject });
  if (info === undefined) throw new NoAnswer(`stream ${stream} is gone`);
  const { first_seq, subjects = {} } = info.state;
  return { count: subjects[subject] ?? 0, first: first_seq };
}
