/** Follows the answers that programs write by hand, head included, where no call says that one is complete. */

import type { Wsi } from "../../api/wsi.ts";
import { ChunkedDecoder } from "../../core/http/body/chunked_decoder.ts";
import type { AnswerFraming } from "../../core/http/body/response_framing.ts";
import { ResponseHeadReader } from "../../core/http/head_reader.ts";

/** Those that have begun, and are not whole yet. */
const answers = new WeakMap<Wsi, WrittenAnswer>();

/**
 * `bytes` of an answer were written. Behind the last ones of a length, or the last chunk, the connection
 * serves its next request, as it did then.
 */
export function followAnswer(wsi: Wsi, bytes: Uint8Array): void {
  const answer = answers.get(wsi) ?? new WrittenAnswer(wsi);
  if (answer.isWholeWith(bytes)) {
    answers.delete(wsi);
    wsi.httpTransactionCompleted();
  } else answers.set(wsi, answer);
}

/** One answer as it is written. */
class WrittenAnswer {
  readonly #reader: ResponseHeadReader;
  #framing: AnswerFraming | undefined;
  /** What is missing of its length. */
  #left = 0;
  #chunks: ChunkedDecoder | undefined;

  constructor(wsi: Wsi) {
    const minorVersion = wsi.hdrCopy("http") === "HTTP/1.0" ? 0 : 1;
    this.#reader = new ResponseHeadReader({ method: wsi.method, minorVersion });
  }

  isWholeWith(bytes: Uint8Array): boolean {
    let body = bytes;
    if (this.#framing === undefined) {
      const { length, head } = this.#reader.read(bytes);
      if (head === undefined) return false;
      this.#framing = head.framing;
      if (head.framing.kind === "length") this.#left = head.framing.length;
      if (head.framing.kind === "ownChunks") this.#chunks = new ChunkedDecoder(Infinity);
      body = bytes.subarray(length);
    }
    this.#left -= body.length;
    this.#chunks?.read(body, () => {});
    if (this.#framing.kind === "length") return this.#left <= 0;
    return this.#framing.kind === "none" || this.#chunks?.done === true;
  }
}
