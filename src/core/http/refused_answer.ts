/** What a server or a proxy answers that refuses: its head, and the beginning of its body. */

import { BodyReader, responseFraming } from "./body/reader.ts";
import type { ResponseHead } from "./head.ts";
import { HttpSyntaxError } from "./syntax.ts";

/** The bytes of a body that are kept; whoever reads it wants to know why. */
export const REFUSAL_BODY_BYTES = 4096;

/** A final answer that is not the one which was asked for. */
export class RefusedAnswer {
  readonly head: ResponseHead;
  readonly #reader: BodyReader;
  readonly #decoder = new TextDecoder();
  /** Whether more of the body will surely come, or its end. */
  readonly #mayBeAwaited: boolean;
  #body = "";
  #room = REFUSAL_BODY_BYTES;
  #isBroken = false;

  constructor(head: ResponseHead) {
    this.head = head;
    const framing = responseFraming(head);
    this.#reader = new BodyReader(framing, Infinity);
    this.#mayBeAwaited = framing.kind !== "close" || framing.isAnnounced;
  }

  /** What of the body has come, as UTF-8: without a character that is cut at its end. */
  get body(): string {
    return this.#body;
  }

  /**
   * Whether nothing is to be waited for. A body whose end only the connection's end can tell, and for
   * which that is not announced, is what came along with the head: servers that forget the length
   * forget to close as well.
   */
  get isComplete(): boolean {
    return this.#isBroken || this.#room === 0 || this.#reader.done || !this.#mayBeAwaited;
  }

  /** Takes what came behind the head; of what is no body nothing is kept. */
  take(bytes: Uint8Array): void {
    try {
      this.#reader.read(bytes, (piece) => {
        const kept = piece.subarray(0, this.#room);
        this.#room -= kept.length;
        this.#body += this.#decoder.decode(kept, { stream: true });
        if (this.#room === 0) this.#reader.pause();
      });
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      this.#isBroken = true;
    }
  }
}
