/** A request that asks for no upgrade, on its way to an answer by the filter, a mount or the program. */

import type { Reason } from "../../api/reasons.ts";
import type { AwaitedCallbacks } from "../awaited_callback.ts";
import type { Connection } from "../connection.ts";
import { FetchedAnswer, type FetchExchange, fetchingFor } from "./answers/fetched_answer.ts";
import { askMount, isForMounts } from "./answers/mounted_answer.ts";
import { type BodyExchange, RequestBody } from "./request_body.ts";
import type { HttpResponse } from "./response.ts";
import { type BodyFraming, expectsContinue } from "../../core/http/body/reader.ts";
import type { RequestHead } from "../../core/http/head.ts";
import { mountOf } from "../../files/mounts.ts";

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
  refuse(status: number, reason: string): void;
}

/** What it takes to ask for an answer. */
interface PlainRequest {
  readonly connection: Connection;
  readonly exchange: PlainExchange;
  readonly head: RequestHead;
  readonly response: HttpResponse;
  readonly body: RequestBody;
  /** Whether `httpBodyCompletion` comes, if only for an empty one. */
  readonly hasBody: boolean;
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
  const [first] = connection.owner.entries;
  const body = new RequestBody(connection, exchange, framing, expectsContinue(head), behind);
  exchange.body = body;
  exchange.step(body.hasEnded ? "whole" : "head");
  // A program that waits for a body waits for an empty one, too.
  const hasBody = framing.kind !== "none" || BODY_METHODS.has(head.method);
  const request = { connection, exchange, head, response: exchange.response!, body, hasBody };
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
    return askProgram(request);
  }
  askMount(mount, head, response, () => {
    askProgram(request);
    if (exchange.state === "BODY" && connection.isOpen) connection.offerAgain();
  });
}

function askProgram(request: PlainRequest): void {
  const { connection, exchange, head, response, body } = request;
  const fetching = fetchingFor(connection, head);
  if (fetching !== undefined) {
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
