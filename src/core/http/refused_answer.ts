/** What a server or a proxy answers that refuses: its head, and the beginning of its body. */

import { BodyReader, responseFraming } from "./body/reader.ts";
import type { ResponseHead } from "./head.ts";
import { HttpSyntaxError } from "./syntax.ts";

/** The bytes of a body that are kept: enough for the reason of the refusal. */
export const REFUSAL_BODY_BYTES = 4096;

/** A final answer to a handshake or a CONNECT that does not agree to it. */
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
   * Whether nothing more is to be waited for. A body that ends with the connection, where no
   * `Connection: close` announces that, counts as what came along with the head: servers that forget the
   * length forget to close as well.
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
