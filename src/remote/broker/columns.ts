/**
 * Publications as they cross a port: many in one object of two buffers, which is cloned three times as fast as an object
 * for each, and takes along no more of a buffer than the payload is of.
 */

import type { BrokerPublication } from "../../api/topics/broker.ts";

/** A publication and its topic. */
export interface OfTopic {
  readonly topic: string;
  readonly publication: BrokerPublication;
}

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

/** Many of them. */
export interface Columns {
  /** What rows name by an index: topics, epochs, senders. */
  readonly strings: readonly string[];
  /** Rows of {@linkcode ROW} numbers. */
  readonly rows: Float64Array;
  /** The payloads, one behind the other. */
  readonly data: Uint8Array;
}

/** Topic, epoch, offset, previous, flags, length, sender; −1 is none. */
const ROW = 7;
const NONE = -1;

const BINARY = 1;
const JOIN = 2;
const LEAVE = 4;

/** From how many bytes on a buffer is handed over, which costs more than cloning a small one. */
const LARGE = 16 * 1024;

/** Copies their data. */
export function toColumns(publications: readonly OfTopic[]): Columns {
  const indices = new Map<string, number>();
  const indexOf = (text: string) => {
    const known = indices.get(text);
    if (known !== undefined) return known;
    const index = indices.size;
    indices.set(text, index);
    return index;
  };
  let length = 0;
  for (const { publication } of publications) length += publication.data.length;
  const data = new Uint8Array(length);
  const rows = new Float64Array(publications.length * ROW);
  let [row, at] = [0, 0];
  for (const { topic, publication } of publications) {
    const { epoch, offset, previous = NONE, sender } = publication;
    rows[row++] = indexOf(topic);
    rows[row++] = indexOf(epoch);
    rows[row++] = offset;
    rows[row++] = previous;
    rows[row++] = flagsOf(publication);
    rows[row++] = publication.data.length;
    rows[row++] = sender === undefined ? NONE : indexOf(sender);
    data.set(publication.data, at);
    at += publication.data.length;
  }
  return { strings: [...indices.keys()], rows, data };
}

function flagsOf({ isBinary, presence }: BrokerPublication): number {
  const kind = presence === "join" ? JOIN : presence === "leave" ? LEAVE : 0;
  return kind | (isBinary ? BINARY : 0);
}

/** Whether a message has columns that can be read. */
export function isColumns(value: unknown): value is Columns {
  if (typeof value !== "object" || value === null) return false;
  const { strings, rows, data } = value as Partial<Columns>;
  if (!Array.isArray(strings) || !strings.every((each) => typeof each === "string")) return false;
  if (!(rows instanceof Float64Array) || rows.length % ROW !== 0) return false;
  if (!(data instanceof Uint8Array)) return false;
  const names = (index: number | undefined, least: number) =>
    Number.isInteger(index) && index! >= least && index! < strings.length;
  let left = data.length;
  for (let row = 0; row < rows.length; row += ROW) {
    const length = rows[row + 5]!;
    if (!Number.isInteger(length) || length < 0) return false;
    left -= length;
    if (!names(rows[row], 0) || !names(rows[row + 1], 0) || !names(rows[row + 6], NONE)) {
      return false;
    }
    if (!Number.isSafeInteger(rows[row + 2]) || !Number.isSafeInteger(rows[row + 3])) return false;
  }
  return left === 0;
}

/** Gives them in their order; the data of all are views of one buffer. */
export function fromColumns(
  { strings, rows, data }: Columns,
  take: (topic: string, publication: BrokerPublication) => void,
): void {
  let at = 0;
  for (let row = 0; row < rows.length; row += ROW) {
    const previous = rows[row + 3]!;
    const flags = rows[row + 4]!;
    const sender = rows[row + 6]!;
    const publication: Writable<BrokerPublication> = {
      epoch: strings[rows[row + 1]!]!,
      offset: rows[row + 2]!,
      data: data.subarray(at, at += rows[row + 5]!),
      isBinary: (flags & BINARY) !== 0,
    };
    if (previous !== NONE) publication.previous = previous;
    if (sender !== NONE) publication.sender = strings[sender]!;
    if ((flags & JOIN) !== 0) publication.presence = "join";
    if ((flags & LEAVE) !== 0) publication.presence = "leave";
    take(strings[rows[row]!]!, publication);
  }
}

/** What of these had better be transferred with a message; each is of a buffer of its own. */
export function transfersOf(views: readonly Uint8Array[]): ArrayBuffer[] {
  return views.filter(({ length }) => length >= LARGE).map(({ buffer }) => buffer as ArrayBuffer);
}
