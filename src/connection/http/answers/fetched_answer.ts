/** An answer that a program's `fetch` gives. */

import type { FetchHandler } from "../../../api/http/fetch.ts";
import { POLLOUT } from "../../../api/service.ts";
import { isBlocking, isPromised } from "../../../base/callback_results.ts";
import { LwsError, withoutStack } from "../../../base/errors.ts";
import { line, log, thrown, type Value } from "../../../base/log.ts";
import type { AwaitedCallbacks } from "../../awaited_callback.ts";
import type { Connection } from "../../connection.ts";
import type { InLine } from "../../limits/room_line.ts";
import type { ConnectionOwner } from "../../owner.ts";
import type { PendingAnswer } from "./pending_lookup.ts";
import type { RequestBody } from "../request_body.ts";
import { isSecure, setParams } from "../requested.ts";
import type { HttpResponse } from "../response.ts";
import { isServed, paramsFor } from "../../upgrade/choice.ts";
import type { RequestHead } from "../../../core/http/head.ts";
import { LazyAbort } from "../../../web/lazy_abort.ts";
import { fetchRequest, isFetchable, takesBody } from "../../../web/fetch_request.ts";
import {
  type Asked,
  discard,
  isResponse,
  letGo,
  sendable,
  type SendableResponse,
} from "../../../web/fetch_response.ts";
import { IncomingBody } from "../../../web/incoming_body.ts";

/** The session that the request came in. Implemented by HttpSession. */
export interface FetchExchange {
  readonly callbacks: Pick<AwaitedCallbacks<never>, "inside">;
  /** The answering half of the request in hand; undefined once that is over. */
  readonly response: HttpResponse | undefined;
  endIfComplete(): void;
  onAsked(): void;
  endIfQuiet(): void;
  onThrow(): void;
  refuse(status: number, reason: string): void;
}

/** What has the `fetch` that answers. */
interface Fetching {
  readonly fetch?: FetchHandler | undefined;
}

/**
 * What answers a request in the web's own types: the first protocol that has a `fetch` and serves the path, whose
 * parameters are the request's from then on, or the context; undefined for the first protocol's `http`.
 */
export function fetchingFor(
  connection: Connection,
  { target }: RequestHead,
): Fetching | undefined {
  const { owner } = connection;
  for (const entry of owner.entries) {
    if (entry.protocol.fetch === undefined) continue;
    const params = paramsFor(entry, target);
    if (params === undefined) continue;
    setParams(connection, params);
    return entry.protocol;
  }
  return owner.fetch === undefined ? undefined : owner;
}

/** Whether an upgrade is for one of the protocols, and not for a `fetch`, if there is one for its path. */
export function isForProtocol(
  { fetch, hasProtocols, entries }: Pick<ConnectionOwner, "fetch" | "hasProtocols" | "entries">,
  { target }: RequestHead,
): boolean {
  if (hasProtocols && isServed(entries, target)) return true;
  return fetch === undefined &&
    !entries.some((entry) =>
      entry.protocol.fetch !== undefined && paramsFor(entry, target) !== undefined
    );
}

/** One of them, from the call until its body is on its way. */
export class FetchedAnswer implements PendingAnswer, InLine {
  /** Whether the program has the request, and its answer is not there yet. */
  isPending = true;
  #isHolding = false;
  readonly isNew = false;
  readonly connection: Connection;
  readonly #exchange: FetchExchange;
  readonly #response: HttpResponse;
  readonly #body: RequestBody;
  readonly #abort = new LazyAbort();
  /** For the log, as the connection may have a later request by then. */
  readonly #asked: Asked;

  constructor(
    connection: Connection,
    exchange: FetchExchange,
    response: HttpResponse,
    body: RequestBody,
  ) {
    this.connection = connection;
    this.#exchange = exchange;
    this.#response = response;
    this.#body = body;
    this.#asked = { method: response.method, path: connection.uri };
  }

  /** Asks the program. */
  begin(fetching: Fetching): void {
    const { method } = this.#response;
    if (!isFetchable(method)) {
      this.isPending = false;
      return this.#exchange.refuse(501, `fetch can't be asked for ${method}`);
    }
    const body = this.#body.hasEnded || !takesBody(method)
      ? undefined
      : new IncomingBody(this.#body);
    this.#body.giveTo(body);
    this.#response.fetched = this;
    try {
      this.#ask(fetching, body);
    } catch (error) {
      this.#fail(error);
      this.connection.owner.roomLine.done(this);
    }
    this.#exchange.endIfComplete();
    if (!this.#isHere) return;
    if (this.#body.hasEnded) this.#exchange.onAsked();
    this.#exchange.endIfQuiet();
  }

  /** Whether the request is still the one in hand: it may have been answered, and its connection be gone. */
  get #isHere(): boolean {
    return this.connection.isOpen && this.#exchange.response === this.#response;
  }

  #ask(fetching: Fetching, body: IncomingBody | undefined): void {
    const connection = this.connection;
    if (isBlocking()) {
      throw new LwsError(
        "invalid-state",
        "its answer is a promise, which can't settle while serviceSync blocks the thread",
      );
    }
    const shown = connection.phase!.headers!.request!;
    const { roomLine, filtersHttp } = connection.owner;
    const origin = {
      isSecure: isSecure(connection, shown.values("x-forwarded-proto").join(", ")),
      isFiltered: filtersHttp,
    };
    const request = fetchRequest(shown, { origin, abort: this.#abort, body });
    roomLine.enter(this);
    const returned = this.#exchange.callbacks.inside(() =>
      fetching.fetch!(request, connection.wsi)
    );
    if (isPromised(returned)) roomLine.awaits(this);
    void this.#settle(returned);
  }

  /** What is there of the answer at once is read before the connection is served. */
  async #settle(returned: unknown): Promise<void> {
    let result: unknown;
    let goOn: () => void;
    try {
      result = await returned;
      const isWanted = this.isPending && !this.#response.hasBegun && isResponse(result);
      const answer = isWanted ? await sendable(result as Response, this.#asked) : undefined;
      if (answer !== undefined && !(answer.body instanceof Uint8Array) && this.#isHere) {
        this.#isHolding = true;
        this.#holds(answer.held);
      }
      goOn = () => this.#take(result, answer);
    } catch (error) {
      discard(result, error);
      goOn = () => this.#fail(error);
    }
    try {
      this.#arrived(goOn);
    } finally {
      this.connection.owner.roomLine.done(this);
    }
  }

  // It never waits: the request has, and what is made takes its memory already.
  goOn(): void {}
  giveUp(): void {}

  /** What was read of the body counts until it is taken; one that is short is so at once. */
  #holds(bytes: number): void {
    this.connection.owner.buffered.holdsToSend(this.connection, bytes);
  }

  /** Goes on when the connection may be served. */
  #arrived(goOn: () => void): void {
    const { owner, socketFd } = this.connection;
    const service = () => this.connection.turn(goOn);
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }

  #take(result: unknown, answer: SendableResponse | undefined): void {
    try {
      this.#send(result, answer);
    } finally {
      // Of a body that is not on its way, as behind a HEAD, nothing is held any more.
      if (this.#isHolding && !this.#response.isTransferring) this.#holds(0);
    }
  }

  #send(result: unknown, answer: SendableResponse | undefined): void {
    const response = this.#response;
    if (!this.isPending || response.hasBegun || !this.#isHere) {
      this.#cancel(result, answer);
      const isSecond = this.isPending && response.hasBegun && isResponse(result);
      if (isSecond) this.#log("warn", "it returned a response, and has answered by wsi before");
      this.isPending = false;
      return;
    }
    if (answer === undefined) return this.#fail(new TypeError("it returned no Response"));
    this.isPending = false;
    try {
      response.send(answer.status, answer.fields, answer.body);
    } catch (error) {
      this.#cancel(result, answer);
      this.#answer500(error);
    }
  }

  /** The reader of what was begun to be read has the stream. */
  #cancel(result: unknown, answer: SendableResponse | undefined): void {
    const reason = new LwsError("aborted", "the response is not sent");
    if (answer === undefined) discard(result, reason);
    else letGo(answer.body, reason);
  }

  #fail(error: unknown): void {
    // Behind the end of a request it is mostly what the program was told of that by.
    if (!this.isPending) return this.#log("info", thrown(error));
    this.isPending = false;
    this.#answer500(error);
  }

  #answer500(error: unknown): void {
    const response = this.#response;
    this.#log("err", thrown(error));
    if (!this.#isHere) return;
    if (response.turnAway(500) === 0) response.complete();
    else if (!response.isComplete) this.#exchange.onThrow();
  }

  #log(level: "err" | "warn" | "info", what: Value): void {
    const { method, path } = this.#asked;
    log(
      level,
      () => line`connection ${this.connection.socketFd}: fetch of ${method} ${path}: ${what}`,
    );
  }

  /** The context is being destroyed, and the answer may still leave. */
  hurry(): void {
    if (!this.#response.isComplete) {
      this.#abort.abort(abortError("the context is being destroyed"));
    }
  }

  /** The peer gets no answer of the program's any more. */
  abandon(why: string): void {
    const broken = `the body of the request broke off: ${why}`;
    this.#body.fail(withoutStack(() => new LwsError("connection-closed", broken)));
    this.isPending = false;
    this.connection.owner.roomLine.leave(this);
    if (!this.#response.isComplete) this.#abort.abort(abortError(why));
  }
}

/** What `fetch` and the like reject with when they are given the signal. */
function abortError(why: string): DOMException {
  return withoutStack(() => new DOMException(why, "AbortError"));
}
