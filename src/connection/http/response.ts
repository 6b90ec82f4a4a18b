/** The answering half of one HTTP transaction. */

import type { FileOps } from "../../api/file_ops.ts";
import type { ResponseBodyInit, ResponseBodyStream } from "../../api/response.ts";
import type { WriteKind } from "../../api/write.ts";
import { type Bytes, bytesOf } from "../../base/bytes.ts";
import { refuseArgument } from "../../base/check.ts";
import { httpDate } from "../../base/date.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log } from "../../base/log.ts";
import { call } from "../callbacks.ts";
import type { Connection } from "../connection.ts";
import { ConnectionFileResponse } from "./file_transfer.ts";
import { Lookup, type PendingAnswer } from "./answers/pending_lookup.ts";
import { ResponseBody } from "./response_body.ts";
import {
  bytesOfBody,
  checkBody,
  checkFields,
  checkFieldsOfFile,
  checkStatus,
  defaults,
  type Fields,
  fieldsFor,
  fieldsOf,
  interimHead,
  noteMissing,
  pageOf,
} from "./response_fields.ts";
import type { ResponseHost } from "./response_host.ts";
import { cancel, isStream, sourceOf, StreamedBody } from "./streamed_body.ts";
import type { HttpExchange } from "../phase.ts";
import { type FramedHead, frameHead } from "../../core/http/body/response_framing.ts";
import { keepsAlive, type RequestHead } from "../../core/http/head.ts";
import { ResponseHeadReader } from "../../core/http/head_reader.ts";
import { type FieldLine, responseHead } from "../../core/http/writer.ts";
import {
  type FileFailure,
  type FileOptions,
  type FileTransfer,
  serveFile,
} from "../../files/engine.ts";
import { RETRY_LATER } from "./answers/retry_later.ts";
import type { TurnBudget } from "../../service/turn_budget.ts";
import type { FileOfMount } from "../../files/lookup.ts";
import { foundFileOps } from "../../transport/found_files.ts";

const NO_BYTES = new Uint8Array(0);

/** What mounts are served by: their paths have no links any more. */
const FOUND_FILES = foundFileOps();

/** One response. Heads, bodies and their framing are RFC 9112's. */
export class HttpResponse implements HttpExchange {
  readonly method: string;
  /** Whether the connection must close with this transaction. */
  closes: boolean;
  /** Whether a part of the response was written. */
  hasBegun = false;
  isComplete = false;
  /** Whether a mount answers, or is being asked. */
  isMounted = false;

  /** What the program's `fetch` is to answer. */
  fetched: PendingAnswer | undefined;

  /** Completed here, so that the program may do so still, when it is late. */
  isCompletionOwed = false;

  readonly #connection: Connection;
  readonly #host: ResponseHost;
  /** That of the request, if it could be read. */
  readonly #request: RequestHead | undefined;
  /** A completion of the answer before this one may be still to come. */
  #isAfterOwed: boolean;
  /** Whether it is a page, which is whole as soon as it is written. */
  #isPage = false;
  #transfer: FileTransfer | StreamedBody | undefined;
  /** What follows the head, once that is known. */
  #body: ResponseBody | undefined;
  /** Reads a head that the program writes by itself. */
  #reader: ResponseHeadReader | undefined;

  constructor(connection: Connection, host: ResponseHost, request: RequestHead | undefined) {
    this.#connection = connection;
    this.#host = host;
    this.#request = request;
    this.method = request?.method ?? "";
    this.closes = request === undefined || !keepsAlive(request);
    this.#isAfterOwed = host.isCompletionOwed;
  }

  get #minorVersion(): 0 | 1 {
    return this.#request?.minorVersion ?? 1;
  }

  /** Whether a file or a stream is on its way, or an answer of `fetch`. */
  get isTransferring(): boolean {
    return this.#transfer !== undefined || this.fetched?.isPending === true;
  }

  /** Whether a file or a stream is on its way, behind which the connection may have to close. */
  letsLeave(closesBehind: boolean): boolean {
    if (!this.isTransferring || !this.#connection.isOpen) return false;
    this.closes ||= closesBehind;
    return true;
  }

  /** Whether some of it waits to be sent, or will in a moment. */
  get isUnderWay(): boolean {
    if (!this.hasBegun) return false;
    const { outbox } = this.#connection;
    return this.isTransferring || outbox.unsent > 0 || outbox.wantsWritable;
  }

  /** The turns of the event loop, which connections share. */
  get budget(): TurnBudget {
    return this.#connection.owner.budget;
  }

  serveFile(path: string, contentType: string | undefined, headers: Fields): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    if (typeof path !== "string") refuseArgument("serveHttpFile", "path", path, "text");
    const fields = fieldsOf("serveHttpFile", headers);
    checkFieldsOfFile(contentType, fields, (all) => this.#framed(200, all));
    const { fileOps, compresses, compression } = this.#connection.owner;
    this.#serve(fileOps, path, {
      contentType,
      fields,
      compression: compresses ? compression : undefined,
    });
    return 0;
  }

  /**
   * Serves a file that a mount has found.
   *
   * @param onGone Called when it isn't there any more, as if nothing had begun.
   */
  serveFound(answer: FileOfMount, onGone: () => void): void {
    const { file, contentType, isCompressed, fields } = answer;
    this.#serve(FOUND_FILES, file.path, {
      contentType,
      fields,
      compression: isCompressed ? this.#connection.owner.compression : undefined,
      onFail: (status) => {
        this.#transfer = undefined;
        this.hasBegun = false;
        if (status === 404) onGone();
        else this.#fail(status);
      },
    });
  }

  /** Waits for what it will be answered with; then `goOn` is called, as if nothing had begun. */
  waitFor<T>(promise: Promise<T>, goOn: (value: T) => void): void {
    this.hasBegun = true;
    const response = this.#fileResponse();
    const waiting = new Lookup();
    this.#transfer = waiting;
    const answer = (value: T) => {
      if (waiting.isAbandoned || !response.isOpen) return;
      this.#transfer = undefined;
      this.hasBegun = false;
      goOn(value);
    };
    // Many may have waited for the same, and would be answered in one go.
    void promise.then((value) => response.arrived(() => response.inTurn(() => answer(value))));
  }

  #serve(ops: FileOps, path: string, options: FileOptions): void {
    this.hasBegun = true;
    this.#transfer = serveFile(this.#fileResponse(), ops, path, options);
  }

  #fail(status: FileFailure, fields: Fields = []): void {
    if (status < 500) this.returnStatus(status, undefined, fields);
    else this.turnAway(status, status === 503 ? RETRY_LATER : fields);
    this.complete();
  }

  #fileResponse(): ConnectionFileResponse {
    return new ConnectionFileResponse(this.#connection, {
      method: this.method,
      requestField: (name) => this.#request?.fields.get(name),
      sendHead: (status, all) => {
        this.#begin(status, this.#framed(status, [...all]));
      },
      sendBody: (bytes) => {
        this.#body!.append(bytes);
        this.#host.timer.sends();
      },
      onFail: (status, all) => {
        this.#transfer = undefined;
        this.hasBegun = false;
        this.#fail(status, all);
      },
      onDone: () => {
        this.#transfer = undefined;
        this.#host.callbacks.defer(() => {
          const first = this.#connection.owner.entries[0]!;
          call(this.#connection, first, "httpFileCompletion", undefined);
          this.complete();
        });
      },
    });
  }

  returnStatus(code: number, html: string | undefined, headers: Fields = []): 0 | 1 {
    if (this.hasBegun || this.isComplete) return 1;
    checkStatus("returnHttpStatus", "code", code);
    if (html !== undefined && html !== null && typeof html !== "string") {
      refuseArgument("returnHttpStatus", "html", html, "text");
    }
    const fields = fieldsOf("returnHttpStatus", headers);
    const page = pageOf(code, html, fields);
    const head = checkFields("returnHttpStatus", () => this.#framed(code, page.fields));
    this.#begin(code, head);
    this.#writeBody(page.body);
    this.#isPage = true;
    this.#host.onAnswer();
    return 0;
  }

  respond(
    status: number,
    body: ResponseBodyInit | null | undefined,
    headers: Fields = [],
  ): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    checkStatus("respond", "status", status);
    const given = fieldsOf("respond", headers);
    const stream = isStream(body) ? body : undefined;
    const bytes = stream === undefined ? bytesOfBody(body) : NO_BYTES;
    const fields = defaults(fieldsFor(status, body, bytes, given), given);
    const head = checkFields("respond", () => this.#framed(status, fields));
    checkBody(status, body, bytes, head.framing);
    return this.#sendWhole(status, head, stream ?? bytes);
  }

  /**
   * Answers with fields that are all there is to be said.
   *
   * @throws {TypeError} naming the field that can't be sent
   */
  send(status: number, fields: readonly FieldLine[], body: Uint8Array | ResponseBodyStream): void {
    this.#sendWhole(status, this.#framed(status, fields), body);
  }

  #sendWhole(status: number, head: FramedHead, body: Uint8Array | ResponseBodyStream): 0 | -1 {
    if (!(body instanceof Uint8Array)) return this.#respondBy(body, status, head);
    if (this.#begin(status, head) < 0 || this.#writeBody(body) < 0) return -1;
    this.#completeByItself();
    return 0;
  }

  /** Answers with an error, if nothing else was answered; the connection is to close. */
  refuse(status: number, why: string, fields: Fields): void {
    this.closes = true;
    this.fetched?.abandon(why);
    this.turnAway(status, fields);
  }

  /** As `returnStatus`, with an error that is the library's own and counts as such. */
  turnAway(status: number, fields: Fields = []): 0 | 1 {
    const result = this.returnStatus(status, undefined, fields);
    if (result === 0) this.#connection.owner.counters.turnAway(`${status}`);
    return result;
  }

  writeEarlyHints(headers: Fields): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    const fields = fieldsOf("writeEarlyHints", headers);
    const head = checkFields("writeEarlyHints", () => interimHead(103, fields));
    // RFC 9110 section 15.2.
    return this.#minorVersion === 0 || this.#sendHead(head) < 0 ? -1 : 0;
  }

  writeHeaders(status: number, headers: Fields): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    checkStatus("writeHttpHeaders", "status", status);
    const fields = fieldsOf("writeHttpHeaders", headers);
    // A bad field throws here, and leaves the request to be answered otherwise.
    const head = checkFields("writeHttpHeaders", () => this.#framed(status, fields));
    return this.#begin(status, head) < 0 ? -1 : 0;
  }

  /** The HTTP kinds of `wsi.write`. */
  write(data: Bytes | string, kind: WriteKind): number {
    if (this.isComplete || this.#transfer !== undefined) return -1;
    const bytes = bytesOf("write: data", data);
    if (kind === "httpHeaders" && this.#body !== undefined && this.#reader === undefined) {
      throw new LwsError("invalid-state", "write: the head was written by writeHttpHeaders");
    }
    const sent = this.#body === undefined
      ? this.#writeByHand(bytes, kind === "httpHeaders")
      : this.#writeBody(bytes);
    if (sent >= 0 && kind === "httpFinal") this.complete();
    return sent;
  }

  complete(trailers: Fields = []): 0 | 1 {
    const isLate = this.#isAfterOwed && !this.hasBegun;
    this.#isAfterOwed = this.isCompletionOwed = false;
    // The transfer completes it; and what comes too late for the last answer is none of this one's.
    if (isLate || this.#transfer !== undefined || this.isComplete) return this.closes ? 1 : 0;
    return this.#complete(trailers);
  }

  /** Completes what is whole already, as a program may forget to. */
  completeIfWhole(): void {
    if (this.#isPage && !this.isComplete) this.#completeByItself();
  }

  /** Whether an end of the connection would make what was sent of the body look whole. */
  get endsWithConnection(): boolean {
    return this.#body?.endsWithConnection ?? false;
  }

  /** Whether the program has said by a head of its own that the connection ends the body. */
  get isEndedByProgram(): boolean {
    return this.#reader !== undefined;
  }

  onDrain(): void {
    this.#transfer?.onDrain();
  }

  /** The peer has closed its sending half. */
  onEnd(): void {
    if (this.#transfer instanceof StreamedBody) this.#transfer.onEnd();
  }

  /** The connection is gone. */
  abandon(): void {
    this.fetched?.abandon("the peer has gone");
    this.#transfer?.abandon();
  }

  #completeByItself(): void {
    this.isCompletionOwed = true;
    this.#complete([]);
  }

  #complete(trailers: Fields): 0 | 1 {
    const fields = fieldsOf("httpTransactionCompleted", trailers, "trailers");
    if (this.#body === undefined && fields.length > 0) {
      throw new LwsError("invalid-state", "httpTransactionCompleted: no body is sent yet");
    }
    if (this.#body?.isWhole) this.#body.end(fields);
    else if (this.hasBegun) this.#cutShort();
    else this.closes = true;
    this.isComplete = true;
    this.#host.onComplete();
    return this.closes ? 1 : 0;
  }

  #respondBy(stream: ResponseBodyStream, status: number, head: FramedHead): 0 | -1 {
    const source = sourceOf("respond", stream);
    const isSent = this.#begin(status, head) >= 0;
    if (!isSent || this.method === "HEAD") {
      void cancel(source, new LwsError("aborted", "the answer has no body"));
      if (isSent) this.#completeByItself();
      return isSent ? 0 : -1;
    }
    this.#transfer = new StreamedBody(this.#connection, source, {
      halfOpen: this.#host.halfOpen,
      send: (bytes) => void this.#writeBody(bytes),
      complete: () => {
        this.#transfer = undefined;
        this.#completeByItself();
      },
      fail: () => {
        this.#transfer = undefined;
        this.closes = true;
        this.#connection.abort("callback");
      },
    });
    return 0;
  }

  /** @throws {TypeError} naming the field that can't be sent */
  #framed(status: number, fields: readonly FieldLine[]): FramedHead {
    const request = {
      method: this.method,
      minorVersion: this.#minorVersion,
      keepAliveSeconds: this.#host.keepAliveSeconds,
    };
    // RFC 9110 section 15.5.22: what the client is to upgrade to, and here there is one protocol for that.
    const all = status === 426 ? defaults([["upgrade", "websocket"]], fields) : fields;
    const closes = this.closes || this.#host.body?.outlivesAnswer === true;
    return frameHead(request, closes, status, all, httpDate());
  }

  /** Sends a head; the body that it announces follows. */
  #begin(status: number, { fields, framing, closes }: FramedHead): number {
    this.hasBegun = true;
    this.closes = closes;
    this.#body = new ResponseBody(this.#connection, framing, this.method === "HEAD");
    noteMissing(this.#connection, this.method, status, fields);
    return this.#sendHead(responseHead(status, fields));
  }

  /** A head that the program made, up to its end, and what it has put behind it. */
  #writeByHand(bytes: Uint8Array, isHead: boolean): number {
    const request = { method: this.method, minorVersion: this.#minorVersion };
    const reader = this.#reader ?? new ResponseHeadReader(request);
    const { length, head } = checkFields("write", () => reader.read(bytes));
    const isForHead = this.method === "HEAD";
    const body = head && new ResponseBody(this.#connection, head.framing, isForHead);
    const rest = bytes.subarray(length);
    body?.check(rest);
    this.hasBegun = true;
    this.closes ||= head?.closes ?? false;
    this.#reader = reader;
    this.#body = body;
    if (isHead && rest.length === 0) return this.#sendHead(bytes);
    body?.count(rest.length);
    return this.#send(isForHead ? bytes.subarray(0, length) : bytes) < 0 ? -1 : bytes.length;
  }

  /** @throws {LwsError} `invalid-state` when these are none of the announced bytes */
  #writeBody(bytes: Uint8Array): number {
    const body = this.#body!;
    body.check(bytes);
    const sent = body.write(bytes);
    if (sent > 0) this.#host.timer.sends();
    return sent;
  }

  /** Fewer bytes than were announced: only breaking the connection tells the peer. */
  #cutShort(): void {
    const connection = this.#connection;
    const missing = this.#body?.whatIsMissing ?? "a head that does not end";
    log(
      "warn",
      () =>
        line`connection ${connection.socketFd}: the answer to ${this.method} ${connection.uri} has ${missing}`,
    );
    this.closes = true;
    connection.reset("self");
  }

  /** A head is none of the writes that a body in one long write has to wait for. */
  #sendHead(bytes: Uint8Array): number {
    if (!this.#connection.outbox.say(bytes, bytes.length)) return -1;
    this.#host.timer.sends();
    return bytes.length;
  }

  #send(bytes: Uint8Array): number {
    const { length } = bytes;
    if (!this.#connection.outbox.send(bytes, length, length)) return -1;
    if (length > 0) this.#host.timer.sends();
    return length;
  }
}
