/** Messages inflated by the documented half of `node:zlib`, which has no state: all that came before goes in again. */

import { constants, inflateRawSync } from "node:zlib";
import { concat } from "../../support/frames.ts";

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
const EMPTY = new Uint8Array(0);

/** What a connection's messages are, one after the other. */
export class MessageInflater {
  /** Whether a stream has ended in a final block, which RFC 7692 section 7.2.3.4 lets it. */
  hasEnded = false;
  readonly #takesOver: boolean;
  readonly #most: number;
  /** The stream as far as earlier messages were of it, and what came of that. */
  #before: Uint8Array = EMPTY;
  #length = 0;

  constructor(takesOver: boolean, most: number) {
    this.#takesOver = takesOver;
    this.#most = most;
  }

  /** The next message; a text says what is wrong with it. */
  message(payload: Uint8Array): Uint8Array | "broken" | "too long" {
    const input = concat(payload, TAIL);
    const parts: Uint8Array[] = [];
    let length = 0;
    let isBehindFinal = false;
    for (let at = 0; at < input.length;) {
      // Behind a final block the tail is no block where nothing stands in front of it.
      if (isBehindFinal && at === payload.length) break;
      const all = concat(this.#before, input.subarray(at));
      const stream = inflated(all, this.#length + this.#most - length);
      if (typeof stream === "string") return stream;
      const part = stream.data.subarray(this.#length);
      parts.push(part);
      length += part.length;
      const isOver = stream.taken < all.length;
      at += stream.taken - this.#before.length;
      // It may have ended with the message before, which only what comes behind it shows.
      isBehindFinal = isOver;
      this.hasEnded ||= isOver;
      this.#before = isOver ? EMPTY : all;
      this.#length = isOver ? 0 : stream.data.length;
    }
    if (!this.#takesOver) [this.#before, this.#length] = [EMPTY, 0];
    return length > this.#most ? "too long" : concat(...parts);
  }
}

function inflated(input: Uint8Array, room: number) {
  try {
    const { buffer, engine } = inflateRawSync(input, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.max(1, room),
      info: true,
    }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
    return { data: new Uint8Array(buffer), taken: engine.bytesWritten };
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "broken";
  }
}
