/** What an answer from history is worth to one that asked for what followed its position. */

import type { BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";

/**
 * `"follows"`: what is in it follows without a gap. `"stale"`: it is elder than what was known when it was asked
 * for, or says nothing of what must be there; the broker is to be asked again. Otherwise something is missing
 * for good, for a cause, and what goes on does so at `start`.
 */
export type Verdict =
  | { readonly kind: "follows" }
  | { readonly kind: "stale" }
  | { readonly kind: "gap"; readonly cause: "epoch" | "trimmed"; readonly start: Position };

const FOLLOWS: Verdict = { kind: "follows" };
const STALE: Verdict = { kind: "stale" };

/** The offset of the topic's publication before one. */
export function previousOf({ previous, offset }: BrokerPublication): number {
  return previous ?? offset - 1;
}

/** Whether nothing was published up to there. */
export function isVirgin({ epoch, offset }: Position): boolean {
  return epoch === "" && offset === 0;
}

/** Whether a publication may follow a position, be it the next one or not. */
export function isOfSameCount(position: Position, epoch: string): boolean {
  return position.epoch === epoch || isVirgin(position);
}

/**
 * Judges an answer.
 *
 * @param since Behind which position publications are needed; it need not be what was asked for.
 * @param atLeast The offset, in the epoch of the answer, that it must know of.
 */
export function judge(since: Position, answer: BrokerHistory, atLeast: number): Verdict {
  const { publications, top, epoch } = answer;
  if (!isOfSameCount(since, epoch)) return gap("epoch", answer);
  // One that brings something brings nearer, and the rest is asked for then.
  if (top < atLeast && top <= since.offset) return STALE;
  // The topic has lost its end, without a new count.
  if (top < since.offset) return { kind: "gap", cause: "epoch", start: { epoch, offset: top } };
  const first = publications.find(({ offset }) => offset > since.offset);
  if (first !== undefined) {
    return answer.complete || previousOf(first) <= since.offset ? FOLLOWS : gap("trimmed", answer);
  }
  if (top === since.offset) return FOLLOWS;
  // It says that nothing is missing, and has nothing.
  return answer.complete ? STALE : gap("trimmed", answer);
}

/** What is to be made of answers that stay stale: it goes on where it can, and says so. */
export function givenUp(start: Position): Verdict {
  return { kind: "gap", cause: "trimmed", start };
}

function gap(cause: "epoch" | "trimmed", answer: BrokerHistory): Verdict {
  const first = answer.publications[0];
  const offset = first === undefined ? answer.top : previousOf(first);
  return { kind: "gap", cause, start: { epoch: answer.epoch, offset } };
}
