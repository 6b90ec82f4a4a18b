/** The body of one answer: what is written goes out as its head has announced it, or not at all. */

import { LwsError } from "../../base/errors.ts";
import type { Connection } from "../connection.ts";
import { PACED } from "../outbox.ts";
import { ChunkedDecoder } from "../../core/http/body/chunked_decoder.ts";
import { CHUNK_END, chunkStart, lastChunk } from "../../core/http/body/chunked_encoder.ts";
import type { AnswerFraming } from "../../core/http/body/response_framing.ts";
import { HttpSyntaxError } from "../../core/http/syntax.ts";
import type { FieldLine } from "../../core/http/writer.ts";

/** Up to this length a copy, which leaves with what waits already, costs less than a write of its own. */
const LONGEST_COPIED = 16 * 1024;

/** What is written of a body is checked, framed and queued here. */
export class ResponseBody {
  readonly framing: AnswerFraming;
  readonly #connection: Connection;
  /** The bytes of a body for HEAD are counted and go nowhere (RFC 9110 section 9.3.2). */
  readonly #isForHead: boolean;
  /** What is left of an announced length. */
  #left: number;
  /** Follows the chunks that the program makes. */
  readonly #chunks: ChunkedDecoder | undefined;
  #isBroken = false;

  constructor(connection: Connection, framing: AnswerFraming, isForHead: boolean) {
    this.#connection = connection;
    this.framing = framing;
    this.#isForHead = isForHead;
    this.#left = framing.kind === "length" ? framing.length : 0;
    if (framing.kind === "ownChunks") this.#chunks = new ChunkedDecoder(Infinity);
  }

  /** Whether an end of the connection, as it is on the wire, would pass for the end of this body. */
  get endsWithConnection(): boolean {
    return this.framing.kind === "close" && !this.#isForHead;
  }

  /** Whether nothing is missing of what was announced; of chunks the last one may be. */
  get isWhole(): boolean {
    if (this.#isForHead) return true;
    return !this.#isBroken && this.#left === 0 && (this.#chunks?.done ?? true);
  }

  /** What {@linkcode isWhole} misses, for the log. */
  get whatIsMissing(): string {
    return this.#chunks === undefined
      ? `${this.#left} bytes fewer than its content-length`
      : "chunks of its own that are not whole";
  }

  /** @throws {LwsError} `invalid-state` when `bytes` are more than the head has announced, or no chunks */
  check(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#isForHead || length === 0) return;
    const { framing } = this;
    if (framing.kind === "none") {
      throw excess(`${length} bytes behind a ${framing.status}, which has no body`);
    }
    if (framing.kind === "length" && length > this.#left) {
      throw excess(
        `${length} bytes where ${this.#left} are left of content-length ${framing.length}`,
      );
    }
    if (this.#chunks !== undefined) this.#followChunks(this.#chunks, bytes);
  }

  /**
   * Queues a copy of `bytes`, which were checked.
   *
   * @returns how many they are, or −1 when there was no room, and the connection is cut
   */
  write(bytes: Uint8Array): number {
    const { length } = bytes;
    if (this.#isForHead || length === 0) return length;
    const { outbox } = this.#connection;
    const isSent = this.framing.kind === "chunked"
      ? outbox.sendBetween(chunkStart(length), bytes, CHUNK_END, length)
      : outbox.send(bytes, length, length);
    if (!isSent) return -1;
    this.count(length);
    return length;
  }

  /** Queues `bytes` themselves, which were checked, and must not change before they have left. */
  append(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#isForHead || length === 0) return;
    const { outbox } = this.#connection;
    const isCopied = length <= LONGEST_COPIED;
    if (this.framing.kind === "chunked") {
      const start = chunkStart(length);
      if (isCopied) outbox.sendBetween(start, bytes, CHUNK_END, PACED);
      else outbox.lendBetween(start, bytes, CHUNK_END, PACED);
    } else if (isCopied) outbox.send(bytes, length, PACED);
    else outbox.lend(bytes, PACED);
    this.count(length);
  }

  /** So many bytes of the body, which were checked, were queued elsewhere. */
  count(length: number): void {
    if (this.framing.kind === "length") this.#left -= length;
  }

  /**
   * Ends a chunked body.
   *
   * @throws {LwsError} `invalid-argument` when a trailer can't be sent, or there is no place for one;
   *   nothing is queued then
   */
  end(trailers: readonly FieldLine[]): void {
    const { kind } = this.framing;
    // A client of HTTP/1.0, and HEAD, has no use for them: the program need not know.
    const hasPlace = kind === "chunked" || kind === "close";
    if (trailers.length > 0 && !hasPlace) {
      throw new LwsError(
        "invalid-argument",
        "httpTransactionCompleted: trailers have a place behind a chunked body only, which an answer has " +
          "that is sent without a content-length",
      );
    }
    let last: Uint8Array;
    try {
      last = lastChunk(trailers);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new LwsError("invalid-argument", `httpTransactionCompleted: ${cause.message}`, {
        cause,
      });
    }
    if (kind !== "chunked" || this.#isForHead) return;
    this.#connection.outbox.send(last, last.length, PACED);
  }

  #followChunks(chunks: ChunkedDecoder, bytes: Uint8Array): void {
    try {
      if (!this.#isBroken && chunks.read(bytes, () => {}) === bytes.length) return;
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
    }
    this.#isBroken = true;
    throw excess(
      "no chunks, which transfer-encoding in the program's head announces; without that field the " +
        "chunks are made here",
    );
  }
}

function excess(what: string): LwsError {
  return new LwsError("invalid-state", `write: data is ${what}`);
}
