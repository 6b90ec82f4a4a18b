/** What a server says in `lws.resume.v1`: one JSON object a message, or bytes for what was published as such. */

import type { Publication, SubscriptionStart, TopicGap } from "../api/topics/topics.ts";
import type { ResumeRefusal } from "./client/types.ts";

/** The first byte of a binary message. */
const TYPE_PUBLICATION = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where a subscription begins; one that has lost something may wait until it asks for all. */
export function answerOf(
  id: number,
  { epoch, offset, recovered }: SubscriptionStart,
  spreadMs: number,
): string {
  const wait = recovered ? undefined : spreadMs;
  return JSON.stringify({ s: id, e: epoch, o: offset, r: recovered, w: wait });
}

export function refusalOf(id: number, reason: ResumeRefusal | "unavailable"): string {
  return JSON.stringify({ s: id, x: reason });
}

/** Of one that was too slow itself, no others ask for all at the same time. */
export function gapOf({ topic, position, cause }: TopicGap, spreadMs: number): string {
  const { epoch, offset } = position;
  const wait = cause === "overflow" ? undefined : spreadMs;
  return JSON.stringify({ t: topic, e: epoch, o: offset, g: cause, w: wait });
}

/**
 * The same for all subscribers. Without a place it has no position. Of one that tells of a member the position is all
 * that is sent: a client whose position stayed behind would look as if it had missed something.
 */
export function publicationOf(publication: Publication): string | Uint8Array | undefined {
  const { topic, epoch, offset, data, isBinary, hasPlace, presence } = publication;
  if (presence !== undefined) {
    return hasPlace ? JSON.stringify({ t: topic, e: epoch, o: offset }) : undefined;
  }
  if (isBinary) return packed(topic, hasPlace ? epoch : "", hasPlace ? offset : 0, data);
  const position = hasPlace ? { e: epoch, o: offset } : {};
  return JSON.stringify({ t: topic, ...position, d: decoder.decode(data) });
}

function packed(topic: string, epoch: string, offset: number, data: Uint8Array): Uint8Array {
  const texts = [encoder.encode(topic), encoder.encode(epoch)];
  const head: number[] = [TYPE_PUBLICATION];
  for (const text of texts) {
    pushNumber(head, text.length);
    head.push(...text);
  }
  pushNumber(head, offset);
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(head);
  bytes.set(data, head.length);
  return bytes;
}

/** Seven bits a byte, the lowest first; all but the last have the highest bit. */
function pushNumber(bytes: number[], value: number): void {
  for (let left = value;; left = Math.floor(left / 128)) {
    const low = left % 128;
    bytes.push(left < 128 ? low : low + 128);
    if (left < 128) return;
  }
}
