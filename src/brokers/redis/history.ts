/** What a stream's entries are as an answer of a broker's. */

import type { BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import type { Reply } from "./server/connection.ts";
import { decodeKept } from "./message.ts";

const decoder = new TextDecoder();

/** The offset behind which is read in the count of `epoch`; -1 for the last of all that is kept. */
export function readFrom(since: Position | undefined, epoch: string): number {
  if (since === undefined) return -1;
  // A position in front of the first publication is one of any count.
  return since.epoch === epoch ? since.offset : 0;
}

/** Decodes what the script `history` has answered. */
export function readHistory(
  reply: Reply,
  epoch: string,
  since: Position | undefined,
): BrokerHistory {
  const [top, start, first, entries] = reply as [number, number, number, Reply[]];
  const publications: BrokerPublication[] = [];
  const isOfAll = since === undefined || since.offset === 0;
  for (const entry of entries) {
    const [id, [, body]] = entry as [Uint8Array, [Uint8Array, Uint8Array]];
    const offset = Number(decoder.decode(id).split("-")[0]);
    // A count that has begun anew may have lost what was behind another position.
    const previous = offset === start && isOfAll ? 0 : offset - 1;
    const publication = decodeKept(body, { epoch, offset, previous });
    if (publication !== undefined) publications.push(publication);
  }
  return { epoch, top, complete: isComplete(), publications };

  function isComplete(): boolean {
    const hasAll = top === 0 || first === start;
    if (since === undefined) {
      return hasAll && (top === 0 || publications[0]?.offset === start);
    }
    if (since.offset === 0 && (since.epoch === "" || since.epoch === epoch)) return hasAll;
    return since.epoch === epoch && since.offset >= first - 1 && since.offset <= top;
  }
}
