/** The HTTP phase of a server's connection: requests in, and the way to a WebSocket. */

import { type BodyFraming, BodyReader, expectsContinue, requestFraming } from "./core/http_body.ts";
import {
  asksForKeepAlive,
  HttpSyntaxError,
  keepsAlive,
  type RequestHead,
  RequestHeadParser,
} from "./core/http_head.ts";
import { readUpgrade } from "./core/opening_handshake.ts";
import { Asking } from "./awaited_callback.ts";
import type { Bytes } from "./bytes.ts";
import { noteClosing } from "./callback_results.ts";
import type { Connection, ProtocolEntry } from "./connection.ts";
import type { Phase } from "./phase.ts";
import { closePayload } from "./close_arguments.ts";
import { lookUp } from "./files/lookup.ts";
import { type CheckedMount, mountOf } from "./files/mounts.ts";
import { HttpResponse } from "./http_response.ts";
import { isLogged, log, type LogLevel } from "./log.ts";
import type { CloseCause, Reason } from "./reasons.ts";
import { RequestHeaders } from "./request_headers.ts";
import { ServerHandshake, type ServerHandshakeHost } from "./server_handshake.ts";
import type { TimeoutReason, WriteKind } from "./wsi.ts";
import { unfitKind } from "./write_kinds.ts";

/** Waiting for, or in the middle of, a request's head. */
const HEAD = 0;
/** In the middle of a request's body. */
const BODY = 1;
/** The request is whole, its response is not. */
const RESPOND = 2;

/** Methods whose requests have a body, if only an empty one (RFC 9110 section 8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * For how much longer than the client was told its connection is kept: the client's time begins with the
 * answer's arrival, and it has to be the one that gives up, or a request crosses the end of the connection.
 */
const GRACE_MS = 1000;

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** What the HTTP phase needs beside its connection. */
export interface HttpSessionOptions {
  readonly allowedOrigins: readonly string[] | undefined;
}

/** A request that asks for no upgrade. */
interface PlainRequest {
  readonly head: RequestHead;
  readonly response: HttpResponse;
  readonly hasBody: boolean;
  readonly waitsForContinue: boolean;
}

/** HTTP/1.1 on one accepted connection (RFC 9112): one request after the other. */
export class HttpSession implements Phase, ServerHandshakeHost {
  readonly #connection: Connection;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly #first: ProtocolEntry;
  readonly #parser: RequestHeadParser;
  #state = HEAD;
  #response: HttpResponse | undefined;
  #body: BodyReader | undefined;
  readonly asking: Asking<HttpSession>;
  /** The handshake that waits for its filter, or came to nothing. */
  #handshake: ServerHandshake | undefined;
  #hasReadHead = false;
  #isIdle = false;
  /** What the client was told that the connection is kept for, if it has asked. */
  #keepAliveSeconds: number | undefined;
  #peerEnded = false;

  constructor(connection: Connection, options: HttpSessionOptions) {
    this.#connection = connection;
    this.allowedOrigins = options.allowedOrigins;
    this.#first = connection.owner.entries[0]!;
    this.#parser = new RequestHeadParser(connection.owner.limits, connection.owner.methods);
    this.asking = new Asking(connection, this);
    connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
  }

  get isEstablished(): boolean {
    return false;
  }

  onBytes(bytes: Uint8Array): number {
    const connection = this.#connection;
    let position = 0;
    if (this.asking.holds(bytes.length)) return 0;
    try {
      while (position < bytes.length && connection.isOpen && !connection.isPaused) {
        const rest = position === 0 ? bytes : bytes.subarray(position);
        // The next request waits in the transport until this one is answered, and most of the answer
        // has left: who asks for much at once isn't one who doesn't read.
        const isHeld = this.#state === RESPOND || this.#response?.isMounted;
        if (isHeld || (this.#isIdle && connection.partialBuffered)) {
          connection.holdInput(true);
          break;
        }
        const taken = this.#state === HEAD ? this.#takeHead(rest) : this.#takeBody(rest);
        position += taken;
        if (this.asking.holds(bytes.length - position)) break;
        if (connection.phase !== this) {
          if (position === bytes.length || !connection.isOpen || connection.isPaused) {
            return position;
          }
          return position + connection.phase!.onBytes(bytes.subarray(position));
        }
        if (taken === 0 || !connection.owner.budget.mayGoOn()) break;
      }
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      this.refuse(error.status, error.message);
    }
    return position;
  }

  onEnd(): void {
    // A client may close its sending half and still want the answer; but what is awaited may never
    // come, and who has gone looks the same.
    this.#peerEnded = true;
    if (this.#state !== RESPOND || this.asking.isAwaiting) {
      this.#connection.finish("peer", false);
    }
  }

  onLeft(_bytes: number): void {
    const connection = this.#connection;
    if (connection.unsentBytes === 0) return;
    // What is left of the answer has as much time again.
    if (this.#isIdle || this.#response?.hasBegun) {
      connection.armTimeout("httpContent", connection.owner.limits.sendTimeoutMs);
    }
  }

  onDrain(): void {
    this.#response?.onDrain();
    if (this.#isIdle) {
      this.#awaitRequest();
      this.#connection.holdInput(false);
    }
    if (this.asking.isAwaiting && this.#response?.hasBegun) this.asking.armTimeout();
    this.#awaitBody();
  }

  onWritable(): void {
    if (this.#response === undefined) return;
    if (this.asking.holdsWritable()) return;
    this.asking.ask(this.#first, "httpWriteable", undefined, this.#written, undefined);
  }

  #written(result: number): void {
    if (result === 0) this.endIfComplete();
    if (result < 0) {
      this.noteReturn("httpWriteable", result);
      this.#connection.finish("callback", true);
    } else if (this.#response?.isComplete) this.#endTransaction();
  }

  onTimeout(reason: TimeoutReason): void {
    if (this.asking.isSettled) return;
    const { filter } = this.asking;
    if (filter !== undefined) {
      const { socketFd, owner: { limits: { headerTimeoutMs } } } = this.#connection;
      log("warn", () => {
        return `connection ${socketFd}: ${filter} did not settle within ${headerTimeoutMs} ms`;
      });
      return this.refuse(503, `${filter} took too long`);
    }
    if (reason === "establishWithServer" && this.#hasReadHead && this.#response === undefined) {
      return this.refuse(408, "the request did not come in time");
    }
    this.#connection.cut("timeout");
  }

  onLeave(): void {
    if (this.#response === undefined) return this.#connection.cut("destroy");
    // What is being answered may still leave, within closeTimeoutMs.
    if (this.#response.isTransferring) {
      this.#response.closes = true;
      this.#connection.armTimeout("httpContent", this.#connection.owner.limits.closeTimeoutMs);
    } else this.#breakOff("destroy", false);
  }

  /** Ends what is in the middle of its answer, so that this doesn't look whole. */
  #breakOff(cause: CloseCause, lingers: boolean): void {
    const response = this.#response;
    if (response?.endsWithConnection && !response.isComplete) this.#connection.abort(cause);
    else this.#connection.finish(cause, lingers);
  }

  onThrow(): void {
    if (this.#response !== undefined && !this.#response.hasBegun) {
      this.#response.closes = true;
      this.#response.returnStatus(500, undefined);
    }
    this.#breakOff("callback", true);
  }

  onHeard(): void {
    this.#awaitBody();
  }

  /** The loop in onBytes looks for itself, after every piece; here only the time stops. */
  onTurn(): void {
    // The transport has held the bytes back.
  }

  onPause(paused: boolean): void {
    const connection = this.#connection;
    if (this.asking.isAwaiting) return;
    if (!paused) this.#awaitBody();
    else if (this.#state === BODY && connection.unsentBytes === 0) {
      connection.armTimeout("noPendingTimeout", 0);
    }
  }

  onClose(): void {
    this.asking.stop();
    this.#handshake?.undo();
    this.#response?.abandon();
    this.#connection.call(this.#first, "closedHttp", undefined);
  }

  write(data: Bytes | string, kind: WriteKind): number {
    if (kind !== "http" && kind !== "httpHeaders" && kind !== "httpFinal") {
      return unfitKind(kind);
    }
    return this.#response?.write(data, kind) ?? -1;
  }

  close(cause: CloseCause, code: number | undefined, reason: string): number {
    // Without an effect here, but a fault of the program all the same.
    closePayload(code, reason);
    this.#connection.finish(cause, true);
    return 0;
  }

  #takeHead(bytes: Uint8Array): number {
    const connection = this.#connection;
    if (this.#isIdle) {
      this.#isIdle = false;
      connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
    }
    this.#hasReadHead = true;
    const length = this.#parser.parse(bytes);
    if (length === 0) return 0;
    const head = this.#parser.head;
    this.#parser.reset();
    if (isLogged("parser")) {
      const { fields: { size } } = head;
      log("parser", `connection ${connection.socketFd}: ${length} bytes of head, ${size} fields`);
    }
    if (isLogged("header")) logFields(connection, head);
    connection.armTimeout("noPendingTimeout", 0);
    this.#onHead(head);
    return length;
  }

  #onHead(head: RequestHead): void {
    const connection = this.#connection;
    const framing = requestFraming(head);
    const decision = readUpgrade(head, framing);
    connection.uri = head.path;
    const { proxyTrust } = connection.owner;
    if (proxyTrust !== undefined) {
      connection.believe(head.fields.get("x-forwarded-for"), proxyTrust);
    }
    connection.headers = new RequestHeaders(head).limit(
      connection.owner.tokenLimits,
      connection.socketFd,
    );
    const seconds = Math.floor(connection.owner.limits.keepAliveTimeoutMs / 1000);
    this.#keepAliveSeconds = seconds > 0 && asksForKeepAlive(head) ? seconds : undefined;
    this.#response = new HttpResponse(connection, {
      method: head.method,
      keepsAlive: keepsAlive(head) && !this.#peerEnded,
      minorVersion: head.minorVersion,
      keepAliveSeconds: this.#keepAliveSeconds,
      onComplete: () => this.#onComplete(),
      requestField: (name) => head.fields.get(name),
      defer: (work) => this.asking.defer(work),
    });
    connection.http = this.#response;
    if (connection.owner.isDestroyed) return this.refuse(503, "the context is being destroyed");
    switch (decision.kind) {
      case "refused":
        return this.refuse(
          decision.status,
          decision.reason,
          decision.fields,
          // A version that isn't spoken here is nobody's fault, and worth a look.
          decision.status === 426 ? "notice" : "info",
        );
      case "websocket":
        this.#handshake = new ServerHandshake(connection, this, head, decision);
        return this.#handshake.begin();
      case "plain":
        return this.#serve(head, framing);
    }
  }

  // Plain HTTP.

  #serve(head: RequestHead, framing: BodyFraming): void {
    const waitsForContinue = expectsContinue(head);
    this.#body = new BodyReader(framing, this.#connection.owner.limits.maxBodySize);
    this.#state = this.#body.done ? RESPOND : BODY;
    // Who waits for a body waits for an empty one, too.
    const hasBody = framing.kind !== "none" || BODY_METHODS.has(head.method);
    const request = { head, response: this.#response!, hasBody, waitsForContinue };
    this.asking.ask(this.#first, "filterHttpConnection", head.path, this.#filtered, request);
  }

  #filtered(result: number, request: PlainRequest): void {
    if (result === 0) this.endIfComplete();
    if (result !== 0) {
      this.noteReturn("filterHttpConnection", result);
      return this.refuse(403, "filterHttpConnection refused it");
    }
    // It may have answered by itself, or closed.
    if (this.#response !== request.response || !this.#connection.isOpen) return;
    const mount = mountOf(this.#connection.owner.mounts, request.head.path);
    if (mount === undefined) this.#askProgram(request);
    else this.#askMount(mount, request);
  }

  #askMount(mount: CheckedMount, request: PlainRequest): void {
    const { head, response } = request;
    if (head.method === "GET" || head.method === "HEAD") {
      const { path, target, uriArgs, fields } = head;
      const acceptEncoding = fields.get("accept-encoding");
      const found = lookUp(mount, { path, target, uriArgs, acceptEncoding });
      return response.serveMounted(found, () => {
        this.#askProgram(request);
        if (this.#state === BODY && this.#connection.isOpen) this.#connection.holdInput(false);
      });
    }
    if (this.#connection.owner.answersHttp) return this.#askProgram(request);
    response.returnStatus(405, undefined, [["allow", "GET, HEAD"]]);
    response.complete();
  }

  #askProgram(request: PlainRequest): void {
    this.asking.ask(this.#first, "http", request.head.path, this.#answered, request);
  }

  #answered(result: number, { response, hasBody, waitsForContinue }: PlainRequest): void {
    const connection = this.#connection;
    if (result === 0) this.endIfComplete();
    if (!connection.isOpen) return;
    if (result !== 0) return this.onReturn("http", result);
    if (this.#response !== response) return;
    if (this.#state === RESPOND) {
      if (hasBody) this.#completeBody();
      return;
    }
    // RFC 9110 section 10.1.1: a client that asked first waits for this.
    if (waitsForContinue && !response.hasBegun) {
      connection.say(CONTINUE);
    }
    this.#awaitBody();
  }

  /** Gives the peer time for the next piece of its body, unless the program has stopped it. */
  #awaitBody(): void {
    const connection = this.#connection;
    if (this.#state !== BODY || connection.isPaused || this.asking.isAwaiting) return;
    connection.armTimeout("httpContent", connection.owner.limits.contentTimeoutMs);
  }

  #takeBody(bytes: Uint8Array): number {
    const connection = this.#connection;
    const body = this.#body!;
    const { rxBufferSize } = this.#first;
    const part = bytes.length > rxBufferSize ? bytes.subarray(0, rxBufferSize) : bytes;
    const taken = body.read(part, (piece) => {
      // A piece of its own: who awaits something needs it for longer than the call.
      const result = this.asking.call(this.#first, "httpBody", piece.slice());
      if (typeof result === "number") this.#bodyHeard(result);
      else {
        this.asking.await(this.#first, "httpBody", result, (late) => {
          this.#bodyHeard(late);
          this.#bodyRead(body);
        });
      }
      const goesOn = this.#body === body && !this.asking.isAwaiting;
      const mayGoOn = connection.owner.budget.mayGoOn();
      if (!connection.isOpen || connection.isPaused || !goesOn || !mayGoOn) body.pause();
    });
    if (!this.asking.isAwaiting) this.#bodyRead(body);
    return taken;
  }

  #bodyHeard(result: number): void {
    if (result === 0) this.endIfComplete();
    if (result === 0) return;
    this.noteReturn("httpBody", result);
    this.#connection.finish("callback", true);
  }

  #bodyRead(body: BodyReader): void {
    const connection = this.#connection;
    if (!connection.isOpen || this.#body !== body) return;
    if (!body.done) return this.#awaitBody();
    this.#state = RESPOND;
    if (!this.#response!.isTransferring) connection.armTimeout("noPendingTimeout", 0);
    this.#completeBody();
  }

  #completeBody(): void {
    this.asking.ask(this.#first, "httpBodyCompletion", undefined, this.#bodyCompleted, undefined);
  }

  #bodyCompleted(result: number): void {
    if (result === 0) this.endIfComplete();
    if (result !== 0) this.onReturn("httpBodyCompletion", result);
  }

  /** Closes once what was answered has left, a file under way included. */
  onReturn(reason: Reason, result: number): void {
    this.noteReturn(reason, result);
    if (this.#response?.isTransferring) this.#response.closes = true;
    else this.#connection.finish("callback", true);
  }

  /** A transaction that has ended closes by itself, and its 1 only says so. */
  noteReturn(reason: Reason, result: number): void {
    const { isOpen, socketFd } = this.#connection;
    const response = this.#response;
    if (isOpen && !(result === 1 && response?.isComplete && response.closes)) {
      noteClosing(socketFd, reason, result);
    }
  }

  /** A transaction that is completed inside a callback ends after it. */
  endIfComplete(): void {
    if (this.#response?.isComplete) this.#endTransaction();
  }

  get hasAnswered(): boolean {
    return this.#response?.hasBegun ?? false;
  }

  #onComplete(): void {
    // With the body unread, the next request can't be found.
    if (this.#state === BODY) this.#response!.closes = true;
    if (this.asking.isBusy) return;
    this.#connection.turn(() => this.#endTransaction());
  }

  #endTransaction(): void {
    const connection = this.#connection;
    const response = this.#response;
    if (response === undefined || !connection.isOpen) return;
    if (response.closes || this.#peerEnded) return connection.finish("self", true);
    this.#response = undefined;
    this.#body = undefined;
    connection.http = undefined;
    connection.headers = undefined;
    // The next answer doesn't wait for it to leave.
    connection.tx.besides = connection.unsentBytes;
    this.#state = HEAD;
    this.#isIdle = true;
    this.#hasReadHead = false;
    this.#awaitRequest();
    connection.holdInput(false);
  }

  /** The client has its time for the next request once the last answer has left. */
  #awaitRequest(): void {
    const connection = this.#connection;
    const { keepAliveTimeoutMs, sendTimeoutMs } = connection.owner.limits;
    const idleMs = keepAliveTimeoutMs + (this.#keepAliveSeconds === undefined ? 0 : GRACE_MS);
    connection.armTimeout("httpContent", connection.unsentBytes > 0 ? sendTimeoutMs : idleMs);
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
    log(level, () => `connection ${connection.socketFd}: ${status} ${reason}`);
    const response = this.#response ?? new HttpResponse(connection, {
      method: "",
      keepsAlive: false,
      minorVersion: 1,
      onComplete: () => {},
      requestField: () => undefined,
      defer: (work) => work(),
    });
    response.closes = true;
    response.returnStatus(status, undefined, fields);
    connection.finish("self", true);
  }
}

/** Names and lengths only: values may be secrets. */
function logFields(connection: Connection, head: RequestHead): void {
  for (const [name, value] of head.fields.entries()) {
    log("header", `connection ${connection.socketFd}: ${name}, ${value.length} characters`);
  }
}
