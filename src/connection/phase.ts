/** The contract between a connection and what it does at a time. */

import type { CloseCause, Reason } from "../api/reasons.ts";
import type { ResponseBodyInit, ResponseBodyStream } from "../api/response.ts";
import type { TimeoutReason } from "../api/timeouts.ts";
import type { WriteKind, WriteOptions } from "../api/write.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import type { ClientEnd } from "./client/watch.ts";
import type { Framed, PreparedMessage } from "./prepared_message.ts";
import type { FrameFacts } from "../core/websocket/frame_parser.ts";
import type { Delivery } from "../topics/subscriber.ts";
import type { ShownHead } from "../web/incoming_request.ts";

/**
 * What a connection is doing: serving HTTP, shaking hands, or exchanging WebSocket messages. Implemented by
 * HttpSession, ClientHandshake and WebSocketSession; called by Connection.
 */
export interface Phase {
  /** Whether this is a WebSocket that has not begun to close. */
  readonly isEstablished: boolean;
  /** Whether it waits for a request, of which nothing has come. */
  readonly isIdle?: boolean;
  /** Those of the request or the answer in hand. */
  readonly headers?: HeaderSource | undefined;
  /** What answers the request in hand. */
  readonly response?: HttpExchange | undefined;
  /** What is known of the frame that is being received. */
  readonly frames?: FrameFacts;
  /** Bytes that it holds of what has come: what is not whole yet, or waits for the program. */
  readonly held: number;
  /** As `onBytes` of a transport's handler. */
  onBytes(bytes: Uint8Array): number;
  /** The peer will send no more. */
  onEnd(): void;
  /** So many bytes of what was written have left; 0 for a part of a write whose rest has not. */
  onLeft(bytes: number): void;
  /** Nothing is unsent any more. */
  onDrain(): void;
  /** A requested writeable callback is due. */
  onWritable(): void;
  /** The connection's timeout has expired; the connection is cut unless this does better. */
  onTimeout(reason: TimeoutReason): void;
  /** The transport is gone; delivers the phase's own last reason. A client tells how it ended. */
  onClose(cause: CloseCause, error: unknown): ClientEnd | void;
  /** What goes on over another transport, now that this one is gone. */
  successor?(): Successor | undefined;
  /** The context is being destroyed. */
  onLeave(): void;
  /** A callback threw; the phase says so to the peer, if it has a way to, and closes. */
  onThrow(): void;
  /** A number that a callback returned ends the connection, which its reason has no rule for. */
  onReturn(reason: Reason, result: number): void;
  /** The connection's turn has come again: what was held back in the middle of a read goes on. */
  onTurn(): void;
  /** Receiving was stopped or resumed; a phase stops in the middle of a read. */
  onPause(paused: boolean): void;
  /** The kind is missing with a prepared message, and where the program has given none. */
  write(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number;
  /** Sends what was published to a topic. */
  deliver?(message: Framed): Delivery;
  /** @param cause any but `"self"` is a failure, which no extension may put off */
  close(cause: CloseCause, code: number | undefined, reason: string): number;
}

/** A phase that begins without a transport. Implemented by ClientHandshake. */
export interface Successor extends Phase {
  /** Connects. */
  start(): void;
  /** In place of that: it can't be. */
  abandon(why: string): void;
}

/** Where the headers of a request or an answer can be read. Implemented in `http/header_reader`. */
export interface HeaderSource {
  get(token: string): string | undefined;
  totalLength(token: string): number;
  fragment(token: string, n: number): string | undefined;
  values(token: string): string[];
  names(): string[];
  snapshot(): Map<string, string>;
  /** The target of a request as sent; empty for an answer, as the next two are. */
  readonly rawUri: string;
  /** That of a request; undefined for an answer. */
  readonly request: ShownHead | undefined;
  cookie(name: string): string | undefined;
  uriArgs(name: string): string[];
}

/** The calls that answer an HTTP request. Implemented by HttpResponse; called by the program through `Wsi`. */
export interface HttpExchange {
  readonly method: string;
  serveFile(
    path: string,
    contentType: string | undefined,
    headers: Iterable<readonly [string, string]>,
  ): 0 | -1;
  returnStatus(
    code: number,
    html: string | undefined,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | 1;
  respond(
    status: number,
    body: ResponseBodyInit | null | undefined,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | -1;
  /**
   * Answers with fields that are all there is to be said.
   *
   * @throws {TypeError} naming the field that can't be sent
   */
  send(
    status: number,
    fields: readonly (readonly [string, string])[],
    body: Uint8Array | ResponseBodyStream,
  ): void;
  writeEarlyHints(headers: Iterable<readonly [string, string]>): 0 | -1;
  writeHeaders(status: number, headers: Iterable<readonly [string, string]>): 0 | -1;
  complete(trailers?: Iterable<readonly [string, string]>): 0 | 1;
  /** Whether a part of the answer was written. */
  readonly hasBegun: boolean;
  readonly isComplete: boolean;
  /** Whether an end of the connection would make what was sent of the body look whole. */
  readonly endsWithConnection: boolean;
  /** Whether the program has said by a head of its own that the connection ends the body. */
  readonly isEndedByProgram: boolean;
}

const WRITE_KINDS: Record<WriteKind, true> = {
  text: true,
  binary: true,
  continuation: true,
  close: true,
  ping: true,
  pong: true,
  http: true,
  httpHeaders: true,
  httpFinal: true,
};

/**
 * The answer to a kind that does not fit the connection's state: −1.
 *
 * @throws {LwsError} `invalid-argument` when it is no kind at all
 */
export function unfitKind(kind: WriteKind | undefined): -1 {
  if (kind === undefined) return -1;
  if (typeof kind === "string" && Object.hasOwn(WRITE_KINDS, kind)) return -1;
  const kinds = Object.keys(WRITE_KINDS);
  refuseArgument("write", "kind", kind, `one of ${kinds.join(", ")}${didYouMean(kind, kinds)}`);
}
