/** A request that asks for no upgrade, on its way to an answer by the filter, a mount or the program. */

import type { Reason } from "../../api/reasons.ts";
import type { AwaitedCallbacks } from "../awaited_callback.ts";
import type { Connection } from "../connection.ts";
import type { InLine } from "../limits/room_line.ts";
import type { PendingAnswer } from "./answers/pending_lookup.ts";
import { FetchedAnswer, type FetchExchange, fetchingFor } from "./answers/fetched_answer.ts";
import { askMount, isForMounts } from "./answers/mounted_answer.ts";
import { type BodyExchange, RequestBody } from "./request_body.ts";
import type { HttpResponse } from "./response.ts";
import { type BodyFraming, expectsContinue } from "../../core/http/body/reader.ts";
import type { RequestHead } from "../../core/http/head.ts";
import { hasPlainSlashes, rawPathOf } from "../../core/http/target.ts";
import type { FieldLine } from "../../core/http/writer.ts";
import { mountOf } from "../../files/mounts.ts";
import { RETRY_LATER } from "./answers/retry_later.ts";

/** Methods whose requests have a body, if only an empty one (RFC 9110 section 8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** The session that it came in. Implemented by HttpSession. */
export interface PlainExchange extends BodyExchange, FetchExchange {
  readonly callbacks: AwaitedCallbacks<PlainExchange>;
  /** The answering half of the request in hand; undefined once that is over. */
  readonly response: HttpResponse | undefined;
  /** That of the request in hand; undefined while a head is waited for or comes. */
  body: RequestBody | undefined;
  endIfComplete(): void;
  /** The program has all that it needs to answer, and may not have yet. */
  onAsked(): void;
  /** As far as the peer has gone. */
  endIfQuiet(): void;
  noteReturn(reason: Reason, result: number): void;
  onReturn(reason: Reason, result: number): void;
  refuse(status: number, reason: string, fields?: readonly FieldLine[]): void;
}

/** What it takes to ask for an answer. */
class PlainRequest implements InLine, PendingAnswer {
  readonly isPending = false;
  isNew = true;
  readonly connection: Connection;
  readonly exchange: PlainExchange;
  readonly head: RequestHead;
  readonly response: HttpResponse;
  readonly body: RequestBody;
  /** Whether `httpBodyCompletion` comes, if only for an empty one. */
  readonly hasBody: boolean;
  #work: ((request: PlainRequest) => void) | undefined;

  constructor(
    connection: Connection,
    exchange: PlainExchange,
    head: RequestHead,
    body: RequestBody,
    hasBody: boolean,
  ) {
    this.connection = connection;
    this.exchange = exchange;
    this.head = head;
    this.response = exchange.response!;
    this.body = body;
    this.hasBody = hasBody;
  }

  /** Does `work`, which makes an answer or asks for one, when there is room for that. */
  whenRoom(work: (request: PlainRequest) => void): void {
    const { roomLine } = this.connection.owner;
    if (roomLine.isMaking(this)) return work(this);
    if (roomLine.enter(this)) return this.#do(work);
    this.#work = work;
    // Nothing behind the head is read meanwhile.
    this.body.isParked = true;
    this.response.fetched = this;
  }

  goOn(): void {
    const { connection, exchange, response, body } = this;
    if (!connection.owner.roomLine.enter(this)) return;
    response.fetched = undefined;
    body.isParked = false;
    const isHere = connection.isOpen && exchange.response === response;
    this.#do((request) => {
      if (!isHere) return;
      this.#work!(request);
      if (exchange.state === "BODY" && connection.isOpen) connection.offerAgain();
    });
  }

  #do(work: (request: PlainRequest) => void): void {
    try {
      work(this);
    } finally {
      this.connection.owner.roomLine.done(this);
    }
  }

  giveUp(): void {
    const { connection, exchange } = this;
    connection.owner.counters.hit("maxBufferedBytes");
    const why = "other answers took the memory for too long";
    connection.turn(() => exchange.refuse(503, why, RETRY_LATER));
  }

  hurry(): void {} // Nothing is answered yet, and the connection ends.

  abandon(): void {
    this.connection.owner.roomLine.leave(this);
  }
}

/**
 * Asks the filter first, then a mount or the program for an answer.
 *
 * @param behind how many bytes have come behind the head
 * @throws {HttpSyntaxError} when the body can't be taken
 */
export function serveRequest(
  connection: Connection,
  exchange: PlainExchange,
  head: RequestHead,
  framing: BodyFraming,
  behind: number,
): void {
  const body = new RequestBody(connection, exchange, framing, expectsContinue(head), behind);
  exchange.body = body;
  exchange.step(body.hasEnded ? "whole" : "head");
  // A program that waits for a body waits for an empty one, too.
  const hasBody = framing.kind !== "none" || BODY_METHODS.has(head.method);
  new PlainRequest(connection, exchange, head, body, hasBody).whenRoom(askFilter);
}

function askFilter(request: PlainRequest): void {
  const { connection, exchange, head } = request;
  const [first] = connection.owner.entries;
  request.isNew = false;
  exchange.callbacks.ask(first!, "filterHttpConnection", head.path, filtered, request);
}

function filtered(this: PlainExchange, result: number, request: PlainRequest): void {
  const { connection, exchange, response, head, body } = request;
  if (result === 0) this.endIfComplete();
  else this.noteReturn("filterHttpConnection", result);
  // It may have answered by itself, or closed.
  if (this.response === response && response.letsLeave(result !== 0)) {
    body.isHeard = false;
    return body.listen();
  }
  if (result !== 0) return this.refuse(403, "filterHttpConnection refused it");
  if (this.response !== response || !connection.isOpen) return;
  const mount = this.hasAnswered ? undefined : mountOf(connection.owner.mounts, head.path);
  if (mount === undefined || (connection.owner.answersHttp && !isForMounts(head.method))) {
    return request.whenRoom(askProgram);
  }
  askMount(mount, head, response, () => {
    request.whenRoom(askProgram);
    if (exchange.state === "BODY" && connection.isOpen) connection.offerAgain();
  });
}

function askProgram(request: PlainRequest): void {
  const { connection, exchange, head, response, body } = request;
  const fetching = fetchingFor(connection, head);
  if (fetching !== undefined) {
    // A filter was told one path, and `fetch` would see another one in the URL.
    if (connection.owner.filtersHttp && !hasPlainSlashes(rawPathOf(head.target))) {
      return exchange.refuse(400, "a path that can be read in two ways");
    }
    return new FetchedAnswer(connection, exchange, response, body).begin(fetching);
  }
  exchange.callbacks.ask(connection.owner.entries[0]!, "http", head.path, answered, request);
}

function answered(this: PlainExchange, result: number, request: PlainRequest): void {
  const { connection, response, body, hasBody } = request;
  if (result === 0) this.endIfComplete();
  if (!connection.isOpen) return;
  if (result !== 0) return this.onReturn("http", result);
  if (this.response !== response) return;
  if (this.state === "BODY") body.listen();
  else if (hasBody) this.onWhole();
  else this.onAsked();
  this.endIfQuiet();
}
