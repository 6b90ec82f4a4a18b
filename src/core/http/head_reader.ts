/** The heads of answers that programs write by themselves, read for what they announce. */

import {
  type AnsweredRequest,
  type HeadFraming,
  readHeadFraming,
} from "./body/response_framing.ts";
import { joined } from "../../base/buffers.ts";
import { type ResponseHead, ResponseHeadParser } from "./head.ts";
import { HttpSyntaxError } from "./syntax.ts";

/** Far more than clients take; what is longer is none that can be read. */
const LIMITS = { maxHeaderBytes: 256 * 1024, maxHeaderFields: 10_000 };

const NO_BYTES = new Uint8Array(0);

/** What a piece of such an answer was. */
export interface HeadPiece {
  /** How many bytes of the piece belong to heads; what follows is body. */
  readonly length: number;
  /** What the answer's head says, when it ends in this piece; those of interim answers are passed over. */
  readonly head: HeadFraming | undefined;
}

/**
 * Behind what is no HTTP/1.x, or no more, the client finds no next answer, so that the connection ends
 * with it.
 */
const UNKNOWN: HeadFraming = { framing: { kind: "unknown" }, closes: true };

/** Reads the heads in front of one answer's body, in whatever pieces they come. */
export class ResponseHeadReader {
  readonly #request: AnsweredRequest;
  readonly #parser = new ResponseHeadParser(LIMITS);
  /** The pieces of the head under way. */
  #pending: Uint8Array = NO_BYTES;

  constructor(request: AnsweredRequest) {
    this.#request = request;
  }

  /** @throws {TypeError} naming the field that contradicts another one, the status or the request */
  read(piece: Uint8Array): HeadPiece {
    let pending = this.#pending.length === 0 ? piece : joined([this.#pending, piece]);
    const before = this.#pending.length;
    let start = 0;
    try {
      for (;;) {
        const length = this.#parser.parse(pending);
        if (length === 0) break;
        start += length;
        const { head } = this.#parser;
        // RFC 9110 section 15.2: 101 is the last of its connection's HTTP, all others come before an answer.
        if (head.status === 101) return { length: start - before, head: UNKNOWN };
        if (head.status >= 200) return { length: start - before, head: this.#framingOf(head) };
        this.#parser.reset();
        pending = pending.subarray(length);
      }
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      return { length: 0, head: UNKNOWN };
    }
    // The program may use its buffer again.
    this.#pending = pending.slice();
    return { length: piece.length, head: undefined };
  }

  #framingOf({ status, minorVersion, fields }: ResponseHead): HeadFraming {
    return readHeadFraming(this.#request, status, minorVersion, fields.entries());
  }
}
