/** The latest publications of a topic, ready to be sent: for those that are just a few behind. */

import type { Publishable } from "../subscriber.ts";
import type { Outgoing } from "../topics.ts";

const MOST = 32;
const MOST_BYTES = 64 * 1024;

/** They, without a hole between them. */
export class Tail<Message extends Publishable, Of> {
  readonly #kept: Outgoing<Message, Of>[] = [];
  #bytes = 0;

  /** One that follows the last one. */
  push(out: Outgoing<Message, Of>): void {
    const kept = this.#kept;
    kept.push(out);
    this.#bytes += out.message.byteLength;
    while (kept.length > MOST || this.#bytes > MOST_BYTES) {
      this.#bytes -= kept.shift()!.message.byteLength;
    }
  }

  /** All that follow a place, the oldest first; undefined when it does not reach back so far. */
  behind(offset: number): readonly Outgoing<Message, Of>[] | undefined {
    const kept = this.#kept;
    if (kept.length === 0 || kept[0]!.before > offset) return undefined;
    return kept.filter((each) => each.offset > offset);
  }
}
