/** Bodies of HTTP/1.1 messages: how long they are, and their bytes out of whatever pieces come. */

import { ChunkedDecoder } from "./chunked_decoder.ts";
import type { RequestHead, ResponseHead } from "../head.ts";
import {
  equalsIgnoreCase,
  HttpSyntaxError,
  listHasToken,
  parseLength,
  trimBlanks,
} from "../syntax.ts";

/** How the end of a body is found (RFC 9112 section 6). */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" };

/** A response's body may go on until the connection ends. */
export type ResponseFraming =
  | BodyFraming
  | {
    readonly kind: "close";
    /** Whether the server says that it will close. */
    readonly isAnnounced: boolean;
  };

const NO_BODY: BodyFraming = { kind: "none" };

/** Takes a piece of a body; the view is valid during the call only. */
export type BodySink = (piece: Uint8Array) => void;

/**
 * How the body of a request ends (RFC 9112 section 6.3). Whatever two recipients could read
 * differently is refused, since that is how requests are smuggled.
 *
 * @throws {HttpSyntaxError} 400, or 501 for a transfer coding below `chunked` (section 6.1)
 */
export function requestFraming(head: RequestHead): BodyFraming {
  const { fields } = head;
  if (fields.has("transfer-encoding")) {
    if (fields.has("content-length")) {
      throw new HttpSyntaxError(400, "Content-Length together with Transfer-Encoding");
    }
    // Section 6.1: an HTTP/1.0 hop in between would not have understood it.
    if (head.minorVersion === 0) throw new HttpSyntaxError(400, "Transfer-Encoding in HTTP/1.0");
    checkCodings(fields.getAll("transfer-encoding"));
    return { kind: "chunked" };
  }
  const text = fields.get("content-length");
  if (text === undefined) return NO_BODY;
  // RFC 9110 section 8.6 allows to take equal ones for one; to reject them is as good and simpler.
  if (fields.count("content-length") > 1) {
    throw new HttpSyntaxError(400, "more than one Content-Length");
  }
  const length = parseLength(text);
  if (length < 0) throw new HttpSyntaxError(400, "a bad Content-Length");
  return { kind: "length", length };
}

/**
 * How the body of a final response ends (RFC 9112 section 6.3), for a client that reads one response of
 * the connection and no other. What can't be understood is no body: no later response can be mistaken.
 */
export function responseFraming(head: ResponseHead): ResponseFraming {
  const { status, fields, minorVersion } = head;
  if (status < 200 || status === 204 || status === 304) return NO_BODY;
  const connection = fields.get("connection") ?? "";
  const isAnnounced = minorVersion === 0 || listHasToken(connection, "close");
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) {
    return equalsIgnoreCase(coding, "chunked")
      ? { kind: "chunked" }
      : { kind: "close", isAnnounced };
  }
  const text = fields.get("content-length");
  if (text === undefined) return { kind: "close", isAnnounced };
  const length = parseLength(text);
  return length < 0 ? NO_BODY : { kind: "length", length };
}

/**
 * Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
 * An HTTP/1.0 request can't.
 *
 * @throws {HttpSyntaxError} 417 for any other expectation
 */
export function expectsContinue(head: RequestHead): boolean {
  const expectation = head.fields.get("expect");
  if (expectation === undefined || head.minorVersion === 0) return false;
  if (!equalsIgnoreCase(expectation, "100-continue")) {
    throw new HttpSyntaxError(417, "an unknown expectation");
  }
  return true;
}

/** Chunks in one piece: what takes a fraction of a millisecond. */
const MOST_JOINED = 512;
/** Chunks of fewer bytes are copied byte by byte: a call of the engine's takes longer. */
const FEW = 16;
/** Where chunks are joined, for all readers: one for each read would be garbage of as many bytes as come. */
let joined = new Uint8Array(0);

/** Takes a body out of the bytes of its connection, in place and up to its end. */
export class BodyReader {
  readonly #chunked: ChunkedDecoder | undefined;
  #remaining = 0;

  /**
   * A reader of one body.
   *
   * @param maxBodySize bytes of payload; see {@linkcode ChunkedDecoder} for what tiny chunks cost
   * @throws {HttpSyntaxError} 413 for a length above `maxBodySize`
   */
  constructor(framing: ResponseFraming, maxBodySize: number) {
    if (framing.kind === "close") this.#remaining = Infinity;
    if (framing.kind === "chunked") this.#chunked = new ChunkedDecoder(maxBodySize);
    if (framing.kind !== "length") return;
    if (framing.length > maxBodySize) {
      throw new HttpSyntaxError(413, "the body is too long", "maxBodySize");
    }
    this.#remaining = framing.length;
  }

  /** Whether the body has ended; at once for one without content. */
  get done(): boolean {
    return this.#chunked?.done ?? this.#remaining === 0;
  }

  /** Bytes that are known to be still to come; 0 with chunks, whose total is not announced. */
  get remaining(): number {
    return this.#remaining;
  }

  /**
   * Gives the payload in `bytes` to `onData` as views and returns how many bytes belong to the body.
   * Only a {@linkcode pause} or the body's end leaves bytes untaken.
   *
   * @throws {HttpSyntaxError} 400 for broken chunks or trailers, 413 past the limits
   */
  read(bytes: Uint8Array, onData: BodySink): number {
    if (this.#chunked !== undefined) return this.#chunked.read(bytes, onData);
    const length = Math.min(bytes.length, this.#remaining);
    if (length === 0) return 0;
    this.#remaining -= length;
    onData(bytes.subarray(0, length));
    return length;
  }

  /**
   * As {@linkcode read}, with a copy of all the payload in `bytes` as one piece, behind 512 chunks at the latest: what
   * is done for each piece is not for a peer to multiply by tiny chunks, and others have their turn. What comes
   * before a fault is given before that is thrown.
   */
  readJoined(bytes: Uint8Array, onPiece: (piece: Uint8Array<ArrayBuffer>) => void): number {
    let first: Uint8Array | undefined;
    let length = 0;
    let chunks = 0;
    try {
      return this.read(bytes, (piece) => {
        if (++chunks === MOST_JOINED) this.pause();
        if (chunks === 1) first = piece;
        else {
          if (chunks === 2) beginJoined(first!, bytes.length);
          join(piece, length);
        }
        length += piece.length;
      });
    } finally {
      if (first !== undefined) onPiece(chunks > 1 ? joined.slice(0, length) : first.slice());
    }
  }

  /** Called in `onData`: the read returns behind this piece, and the next read goes on there. */
  pause(): void {
    // A body with a length comes in one piece a read, behind which a read returns anyway.
    this.#chunked?.pause();
  }
}

function beginJoined(first: Uint8Array, most: number): void {
  if (joined.length < most) joined = new Uint8Array(most);
  joined.set(first);
}

function join(chunk: Uint8Array, at: number): void {
  if (chunk.length >= FEW) return joined.set(chunk, at);
  for (let i = 0; i < chunk.length; i++) joined[at + i] = chunk[i]!;
}

/** RFC 9112 section 6.1, for a server that knows no coding but `chunked`. */
function checkCodings(lines: readonly string[]): void {
  const codings = lines.join(",").split(",").map((coding) => trimBlanks(coding).toLowerCase());
  const last = codings.pop()!;
  // Section 6.3: without `chunked` at the end the length of a request's body can't be told.
  if (last !== "chunked") throw new HttpSyntaxError(400, "Transfer-Encoding is not chunked");
  for (const coding of codings) {
    if (coding === "" || coding === "chunked" || coding === "identity") {
      throw new HttpSyntaxError(400, "a bad Transfer-Encoding");
    }
  }
  if (codings.length > 0) throw new HttpSyntaxError(501, "an unknown transfer coding");
}
