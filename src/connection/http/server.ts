/** The HTTP phase of a server's connection: requests in, and the way to a WebSocket. */

import type { CloseCause, Reason } from "../../api/reasons.ts";
import type { TimeoutReason } from "../../api/timeouts.ts";
import type { WriteKind } from "../../api/write.ts";
import type { Bytes } from "../../base/bytes.ts";
import { line, log, type LogLevel, own } from "../../base/log.ts";
import { next } from "../../base/state_table.ts";
import { AwaitedCallbacks } from "../awaited_callback.ts";
import { call, noteReturn } from "../callbacks.ts";
import type { Connection, EndMode } from "../connection.ts";
import { unavailability } from "../limits/overload.ts";
import type { ProtocolEntry } from "../owner.ts";
import { ExchangeTimer } from "./exchange_timer.ts";
import { isForProtocol } from "./answers/fetched_answer.ts";
import { RequestHeaders } from "./header_reader.ts";
import { type PlainExchange, serveRequest } from "./plain_request.ts";
import type { RequestBody } from "./request_body.ts";
import { type ReadRequest, RequestReader } from "./request_reader.ts";
import { HttpResponse } from "./response.ts";
import type { ResponseHost } from "./response_host.ts";
import { type HandshakeExchange, ServerHandshake } from "./server_handshake.ts";
import { type HeaderSource, type Phase, unfitKind } from "../phase.ts";
import { HTTP_SERVER, type HttpEvent } from "../states.ts";
import { asksForKeepAlive } from "../../core/http/head.ts";
import { HttpSyntaxError } from "../../core/http/syntax.ts";
import { closePayload } from "../../core/websocket/close.ts";

/** What the HTTP phase needs beside its connection. */
export interface HttpSessionOptions {
  readonly allowedOrigins: readonly string[] | undefined;
  /** Whether a client may close its sending half, and still wants the answer. */
  readonly halfOpenHttp: boolean;
}

/** HTTP/1.1 on one accepted connection (RFC 9112): one request after the other. */
export class HttpSession implements Phase, HandshakeExchange, PlainExchange, ResponseHost {
  readonly isEstablished = false;
  readonly #connection: Connection;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly #first: ProtocolEntry;
  readonly #reader: RequestReader;
  readonly halfOpen: boolean;
  readonly timer: ExchangeTimer;
  state = HTTP_SERVER.first;
  headers: HeaderSource | undefined;
  response: HttpResponse | undefined;
  /** That of the request in hand; undefined while a head is waited for or comes. */
  body: RequestBody | undefined;
  readonly callbacks: AwaitedCallbacks<HttpSession>;
  /** The handshake that waits for its filter, or came to nothing. */
  #handshake: ServerHandshake | undefined;
  /** What the client was told that the connection is kept for, if it has asked. */
  keepAliveSeconds: number | undefined;
  /** Whether the last answer was completed without the program's doing. */
  isCompletionOwed = false;
  #peerEnded = false;
  /** Bytes behind a request that is not answered wait in the transport. */
  #hasHeld = false;

  constructor(connection: Connection, options: HttpSessionOptions) {
    this.#connection = connection;
    this.allowedOrigins = options.allowedOrigins;
    this.halfOpen = options.halfOpenHttp;
    this.#first = connection.owner.entries[0]!;
    this.timer = new ExchangeTimer(connection);
    this.#reader = new RequestReader(connection.owner, connection.socketFd);
    this.callbacks = new AwaitedCallbacks(connection, this);
    connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
  }

  step(event: HttpEvent): void {
    this.state = next(HTTP_SERVER, this.state, event, this.#connection.socketFd);
  }

  get isIdle(): boolean {
    return this.state === "NEW" || this.state === "IDLE";
  }

  get held(): number {
    return this.response === undefined ? 0 : this.#reader.length + (this.body?.held ?? 0);
  }

  onBytes(bytes: Uint8Array): number {
    const connection = this.#connection;
    let position = 0;
    if (this.#holds(bytes.length)) return 0;
    this.#hasHeld = false;
    try {
      while (position < bytes.length && connection.canDeliver) {
        const rest = position === 0 ? bytes : bytes.subarray(position);
        // Most of an answer has to leave before the next request is looked at: a peer that pipelines
        // requests is not one that doesn't read.
        if (this.state === "IDLE" && connection.outbox.isCongested) {
          this.#hasHeld = true;
          connection.holdInput(true);
          break;
        }
        const taken = this.body?.take(rest) ?? this.#takeHead(rest);
        position += taken;
        if (this.#holds(bytes.length - position)) break;
        if (connection.phase !== this) {
          if (position === bytes.length || !connection.canDeliver) return position;
          return position + connection.phase!.onBytes(bytes.subarray(position));
        }
        if (taken === 0) break;
        if (!connection.owner.budget.mayGoOn()) return position;
      }
      // All that the peer has sent is taken, and what is incomplete stays so.
      const isBehindAll = this.#peerEnded && !connection.isPaused && !this.callbacks.isBusy;
      if (isBehindAll && this.state !== "RESPOND") connection.end("peer");
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      if (error.limit !== undefined) connection.owner.counters.hit(error.limit);
      // Behind a complete answer there is no request to answer with an error.
      if (this.state === "DRAIN") connection.end("protocol", "lingers");
      else this.refuse(error.status, error.message);
    }
    return position;
  }

  /**
   * Whether so many bytes have to wait: what is awaited comes first, and each answer before the next
   * request. Reading goes on behind them, so that the end of the stream is seen, until they are as many
   * as a head may have.
   */
  #holds(length: number): boolean {
    const { body, state } = this;
    const isHeld = this.callbacks.holds(length) || state === "RESPOND" ||
      this.response?.isMounted === true || body?.isParked === true;
    if (!isHeld || length === 0) return isHeld;
    if (state === "BODY") body!.pending = length;
    else this.#hasHeld = true;
    const connection = this.#connection;
    const isMuch = length >= connection.owner.limits.maxHeaderBytes;
    // On its way out, a connection reads on until the peer closes.
    if (isMuch && connection.isOpen) connection.holdInput(true);
    return true;
  }

  onEnd(): void {
    this.#peerEnded = true;
    this.response?.onEnd();
    this.endIfQuiet();
  }

  /**
   * A peer that has gone looks like one that has only closed its sending half: what is on its way to it
   * goes on; all else ends, as its answer is not waited for.
   */
  endIfQuiet(): void {
    const connection = this.#connection;
    if (this.#peerEnded && connection.isOpen && !this.#goesOn) connection.end("peer");
  }

  get #goesOn(): boolean {
    const { body, response } = this;
    if (response === undefined) return body === undefined && this.#hasHeld;
    if (body === undefined) return response.isUnderWay;
    // What of the body waits in the transport may be all that was missing.
    if (this.halfOpen) return body.hasEnded || body.pending > 0;
    return body.hasEnded && response.isUnderWay;
  }

  onLeft(_bytes: number): void {
    if (this.#connection.outbox.unsent > 0) this.timer.sends();
  }

  onDrain(): void {
    this.timer.rearm();
    this.response?.onDrain();
    if (this.state === "IDLE") {
      this.timer.idles(this.keepAliveSeconds !== undefined);
      this.#connection.holdInput(false);
    }
    if (this.callbacks.isAwaiting) this.callbacks.armTimeout();
    this.endIfQuiet();
  }

  onWritable(): void {
    if (this.response === undefined) return;
    if (this.callbacks.holdsWritable()) return;
    this.callbacks.ask(this.#first, "httpWriteable", undefined, this.#written, undefined);
  }

  #written(result: number): void {
    if (result === 0) this.endIfComplete();
    if (result < 0) {
      this.noteReturn("httpWriteable", result);
      this.#connection.end("callback", "lingers");
    } else if (this.response?.isComplete) this.#endTransaction();
    this.body?.listen();
    this.endIfQuiet();
  }

  onTimeout(reason: TimeoutReason): void {
    if (this.callbacks.isSettled) return;
    const { filter } = this.callbacks;
    if (filter !== undefined) {
      const { socketFd, owner: { limits: { headerTimeoutMs } } } = this.#connection;
      const late = `did not settle within ${headerTimeoutMs} ms`;
      log("warn", line`connection ${socketFd}: ${own(filter)} ${late}`);
      return this.refuse(503, `${filter} took too long`);
    }
    if (reason === "establishWithServer" && this.state === "HEAD") {
      return this.refuse(408, "the request did not come in time");
    }
    const isOwn = reason === "httpContent" && !this.#connection.isTimeoutOfProgram;
    const verdict = isOwn ? this.timer.verdict() : "none";
    if (verdict === "none" && isOwn && this.state === "IDLE") {
      this.#connection.owner.counters.hit("keepAliveTimeoutMs");
    }
    if (verdict === "goes on") return;
    if (verdict === "slow body") {
      if (this.state === "DRAIN") return this.#connection.end("timeout", "lingers");
      if (!this.hasAnswered) return this.refuse(408, "the request's body did not come in time");
    }
    // What is not all there must not look so.
    if (verdict === "unread" || this.response?.hasBegun) this.#connection.reset("timeout");
    else this.#connection.abort("timeout");
  }

  onLeave(): void {
    if (this.response === undefined) return this.#connection.end("destroy");
    this.response.fetched?.hurry();
    if (!this.#connection.isOpen || this.response === undefined) return;
    // What is being answered may still leave, within closeTimeoutMs.
    if (this.response.isTransferring) {
      this.response.closes = true;
      this.#connection.armTimeout("httpContent", this.#connection.owner.limits.closeTimeoutMs);
    } else this.#breakOff("destroy", "closes");
  }

  /** Ends what is in the middle of its answer, so that this doesn't look whole. */
  #breakOff(cause: CloseCause, mode: EndMode): void {
    const response = this.response;
    if (response?.endsWithConnection && !response.isComplete) this.#connection.reset(cause);
    else this.#connection.end(cause, mode);
  }

  onThrow(): void {
    if (this.response !== undefined && !this.response.hasBegun) {
      this.response.closes = true;
      this.response.turnAway(500);
    }
    this.#breakOff("callback", "lingers");
  }

  onAwaiting(): void {
    this.timer.rests();
    this.onAsked();
  }

  onAsked(): void {
    if (this.response !== undefined && !this.hasAnswered) this.timer.asks();
  }

  onSettled(): void {
    this.body?.listen();
    this.endIfQuiet();
  }

  onTurn(): void {} // The transport has held the bytes back.

  /** The loop in onBytes looks for itself, after every piece; here only the time stops. */
  onPause(paused: boolean): void {
    if (this.callbacks.isAwaiting) return;
    if (paused) this.body?.rest();
    else this.body?.listen();
  }

  onClose(): void {
    this.step("gone");
    this.callbacks.stop();
    this.#handshake?.undo();
    this.response?.abandon();
    call(this.#connection, this.#first, "closedHttp", undefined);
  }

  write(data: Bytes | string, kind: WriteKind): number {
    if (kind !== "http" && kind !== "httpHeaders" && kind !== "httpFinal") {
      return unfitKind(kind);
    }
    return this.response?.write(data, kind) ?? -1;
  }

  close(cause: CloseCause, code: number | undefined, reason: string): number {
    // Without an effect here, but a fault of the program all the same.
    closePayload(code, reason);
    this.#connection.end(cause, "lingers");
    return 0;
  }

  #takeHead(bytes: Uint8Array): number {
    const connection = this.#connection;
    if (this.state === "IDLE") {
      connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
    }
    if (this.state === "NEW") connection.owner.pendingHandshakes.begins(connection);
    if (this.state !== "HEAD") this.step("bytes");
    const length = this.#reader.read(bytes);
    if (length === 0) return 0;
    this.timer.rearm();
    connection.owner.pendingHandshakes.forget(connection);
    this.#onRequest(this.#reader.request, bytes.length - length);
    return length;
  }

  /** @param behind how many bytes have come behind it */
  #onRequest({ head, framing, decision, challenge }: ReadRequest, behind: number): void {
    const connection = this.#connection;
    const { owner, socketFd } = connection;
    connection.uri = head.path;
    connection.requested = undefined;
    const { proxyTrust } = owner;
    if (proxyTrust !== undefined) {
      connection.peer?.believe(head.fields.get("x-forwarded-for"), proxyTrust);
    }
    this.headers = new RequestHeaders(head, challenge).limit(owner.tokenLimits, socketFd);
    const seconds = Math.floor(owner.limits.keepAliveTimeoutMs / 1000);
    this.keepAliveSeconds = seconds > 0 && asksForKeepAlive(head) ? seconds : undefined;
    this.response = new HttpResponse(connection, this, head);
    const unavailable = unavailability(owner, decision.kind === "websocket");
    if (unavailable !== undefined) return this.refuse(503, unavailable.why, unavailable.fields);
    const isPlain = decision.kind === "plain" || !isForProtocol(owner, head);
    if (isPlain) return serveRequest(connection, this, head, framing, behind);
    switch (decision.kind) {
      case "refused":
        owner.counters.refusedFor(decision.isOfOtherVersion ? "version" : "malformed");
        return this.refuse(
          decision.status,
          decision.reason,
          decision.fields,
          // One to switch on, or a peer to bring up to date.
          decision.isOfOtherVersion ? "notice" : "info",
        );
      case "websocket":
        this.step("whole");
        this.#handshake = new ServerHandshake(connection, this, head, decision, challenge);
        return this.#handshake.begin();
    }
  }

  onPiece(result: number): void {
    if (result === 0) return this.endIfComplete();
    this.noteReturn("httpBody", result);
    this.#connection.end("callback", "lingers");
  }

  onWhole(): void {
    this.callbacks.ask(
      this.#first,
      "httpBodyCompletion",
      undefined,
      this.#bodyCompleted,
      undefined,
    );
  }

  #bodyCompleted(result: number): void {
    if (result === 0) this.endIfComplete();
    if (result !== 0) this.onReturn("httpBodyCompletion", result);
    else this.onAsked();
  }

  /** Closes once what was answered has left, a file under way included. */
  onReturn(reason: Reason, result: number): void {
    this.noteReturn(reason, result);
    if (!this.response?.letsLeave(true)) this.#connection.end("callback", "lingers");
  }

  /** A transaction that has ended closes by itself, and its 1 only says so. */
  noteReturn(reason: Reason, result: number): void {
    const connection = this.#connection;
    const response = this.response;
    if (connection.isOpen && !(result === 1 && response?.isComplete && response.closes)) {
      noteReturn(connection, reason, result);
    }
  }

  /** A page outside of a callback is completed here, unless the program does so at once. */
  onAnswer(): void {
    const response = this.response;
    if (this.callbacks.isBusy || response === undefined) return;
    const { owner, socketFd } = this.#connection;
    const service = () => {
      if (this.response === response && !this.callbacks.isBusy) response.completeIfWhole();
    };
    owner.scheduler.soon({ socketFd, service });
  }

  /** A transaction that is completed inside a callback ends after it, and so does one that is only whole. */
  endIfComplete(): void {
    this.response?.completeIfWhole();
    if (this.response?.isComplete) this.#endTransaction();
  }

  get hasAnswered(): boolean {
    return this.response?.hasBegun ?? false;
  }

  onComplete(): void {
    if (this.body?.outlivesAnswer) this.response!.closes = true;
    if (this.callbacks.isBusy) return;
    this.#connection.turn(() => this.#endTransaction());
  }

  #endTransaction(): void {
    const connection = this.#connection;
    const response = this.response;
    if (response === undefined || !connection.isOpen) return;
    const isLast = this.#peerEnded && !this.#hasHeld;
    if (response.closes || isLast) return connection.end("self", "lingers");
    this.isCompletionOwed = response.isCompletionOwed;
    this.response = undefined;
    this.headers = undefined;
    connection.recount();
    // The next answer doesn't wait for it to leave.
    connection.outbox.setAside();
    // The program may have the last piece in hand.
    if (this.state === "BODY" && this.body!.hasEnded) this.step("whole");
    this.step("answered");
    if (this.state === "IDLE") this.onDrained();
    else this.body!.drain();
  }

  onDrained(): void {
    const connection = this.#connection;
    this.body = undefined;
    this.timer.reset();
    this.timer.idles(this.keepAliveSeconds !== undefined);
    if (this.#hasHeld) connection.offerAgain();
    else connection.holdInput(false);
  }

  /** Answers with an error, if nothing else was answered, and closes. */
  refuse(
    status: number,
    reason: string,
    fields: Iterable<readonly [string, string]> = [],
    level: LogLevel = "info",
  ): void {
    const connection = this.#connection;
    if (!connection.isOpen) return;
    log(level, () => line`connection ${connection.socketFd}: ${own(status)} ${reason}`);
    const response = this.response ?? new HttpResponse(connection, this, undefined);
    response.refuse(status, reason, fields);
    connection.end(status === 408 ? "timeout" : "self", "lingers");
  }
}
