/** Serves one file: its head, and its bytes, a piece each time the last one has left. */

import type { FileOps, FileStat, OpenFile } from "../api/file_ops.ts";
import type { Wsi } from "../api/wsi.ts";
import { lengthOf } from "../base/bytes.ts";
import { describeFailure, line, log } from "../base/log.ts";
import type { ContentCoding } from "../core/http/accept_encoding.ts";
import { isConditional } from "../core/http/caching/conditions.ts";
import type { FieldName } from "../core/http/fields.ts";
import { type FieldLine, latin1Bytes } from "../core/http/writer.ts";
import {
  answerOf,
  type FileAnswer,
  type FileRefusal,
  type FileRequest,
  type Piece,
} from "./answer.ts";
import { acquireBuffer, forgetBuffer, releaseBuffer, SHORT } from "./buffers.ts";
import { CodedSource } from "./coded_source.ts";
import type { Compression, Plan } from "./compression.ts";
import type { OpenFiles } from "./open_files.ts";
import { type FileAccess, FileSource, statOf } from "./source.ts";
import { mediaType } from "./types.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import { openFailure } from "../transport/file_failure.ts";

const NOTHING = new Uint8Array(0);

/** Why there is no file to answer with: it can't be opened, read, or be what the request is about. */
export type FileFailure = 404 | 412 | 416 | 500 | 503;

/** The response that a file fills. Implemented by ConnectionFileResponse; called by {@linkcode serveFile}. */
export interface FileResponse {
  /** The connection, as the file operations see it. */
  readonly wsi: Wsi;
  /** The request's method. */
  readonly method: string;
  /** Whether the connection is there, and takes more. */
  readonly isOpen: boolean;
  /** The turns of the event loop, which connections share. */
  readonly budget: TurnBudget;
  /** Those of the context, among which the file counts. */
  readonly openFiles: OpenFiles;
  /** The value of a field of the request, its lines joined; undefined when it is absent. */
  requestField(name: FieldName): string | undefined;
  /** Sends the head, once; `content-length` is among the fields where the body has one. */
  sendHead(status: number, fields: Iterable<FieldLine>): void;
  /** Sends bytes of the body themselves; they must not change until {@linkcode FileTransfer.onDrain}. */
  sendBody(bytes: Uint8Array): void;
  /** Answers with an error and these fields, when nothing was sent, and completes the response. */
  fail(status: FileFailure, fields: readonly FieldLine[]): void;
  /** Called when the response is whole, and all of it has left. */
  complete(): void;
  /** Ends the connection so that the response doesn't look whole. */
  abort(): void;
  /** Runs `work`: at once, or when the others had their turn. */
  inTurn(work: () => void): void;
  /** Called when a file operation is done: runs `work` in a turn of the connection, once it may be served. */
  arrived(work: () => void): void;
}

/** How a file is served. */
export interface FileOptions {
  /** @default by the ending of the path */
  readonly contentType?: string | undefined;
  /**
   * Fields that the program gives; they come in place of the engine's of the same name. None of them may
   * be `content-length`, `content-range` or `transfer-encoding`.
   */
  readonly fields?: readonly FieldLine[];
  /** What was opened already, which is closed in the end. @default it is opened by its path */
  readonly opened?: OpenFile | Promise<OpenFile>;
  /** Compresses it on the way, where that is worth it and the client accepts it. @default nothing does */
  readonly compression?: Compression | undefined;
  /**
   * Called in place of {@linkcode FileResponse.fail} when the file can't be opened.
   *
   * @default the response fails
   */
  readonly onFail?: (status: 404 | 503) => void;
}

/** A file on its way. Implemented by Transfer, and by Lookup until there is a file; called by HttpResponse. */
export interface FileTransfer {
  /** Called when all that was sent has left. */
  onDrain(): void;
  /** Called when the connection is gone; the file is closed as soon as no operation is under way. */
  abandon(): void;
}

/**
 * Answers with a file, or a part of it, or the news that it is the client's already, as the request's
 * preconditions and ranges want (RFC 9110 sections 13 and 14). Exactly one of `complete`, `fail` and
 * `abort` is called in the end, and never from inside this call; none of them after `abandon`.
 *
 * @param path As `ops` understand it.
 */
export function serveFile(
  response: FileResponse,
  ops: FileOps,
  path: string,
  options: FileOptions = {},
): FileTransfer {
  return new Transfer(response, ops, path, options);
}

class Transfer implements FileTransfer {
  readonly #response: FileResponse;
  readonly #access: FileAccess;
  readonly #request: FileRequest;
  readonly #options: FileOptions;
  #source: FileSource | CodedSource | undefined;
  /** What of the file is sent, and which part of that is under way. */
  #pieces: readonly Piece[] = [];
  #piece = 0;
  /** Bytes of the part under way that are not read yet. */
  #left = 0;
  #end = "";
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #isBusy = true;
  /** What the last operation brought is not looked at yet. */
  #isDue = false;
  #abandoned = false;

  constructor(response: FileResponse, ops: FileOps, path: string, options: FileOptions) {
    this.#response = response;
    this.#access = { wsi: response.wsi, ops, path, openFiles: response.openFiles };
    this.#options = options;
    this.#request = {
      path,
      method: response.method,
      field: (name) => response.requestField(name),
      contentType: options.contentType ?? mediaType(path),
      fields: options.fields ?? [],
    };
    void this.#start();
  }

  onDrain(): void {
    if (this.#isBusy || this.#isDue) return;
    if (this.#hasMore) return this.#goOn();
    // All has left, so that the transport has no view of the buffer any more.
    this.#giveBack(releaseBuffer);
    this.#response.complete();
  }

  abandon(): void {
    this.#abandoned = true;
    if (!this.#isBusy) this.#stop();
  }

  async #start(): Promise<void> {
    let answer: FileAnswer | FileRefusal;
    try {
      answer = await this.#judgeEarly() ?? await this.#open(this.#request, this.#options.opened);
    } catch (error) {
      const status = openFailure(this.#access.path, error);
      return this.#arrived(() => {
        if (this.#options.onFail !== undefined) this.#options.onFail(status);
        else this.#response.fail(status, []);
      });
    }
    if ("pieces" in answer && answer.pieces.length > 0) await this.#startBody(answer);
    else this.#arrived(() => this.#sendAlone(answer));
  }

  /** What is answered without the file, so that it need not be opened. */
  async #judgeEarly(): Promise<FileAnswer | FileRefusal | undefined> {
    if (this.#options.opened !== undefined || !isConditional(this.#request.field)) return undefined;
    const stat = await statOf(this.#access);
    if (stat === undefined) return undefined;
    const now = Date.now();
    const answer = answerOf(this.#plan(this.#request, stat, now).request, stat, now);
    return answer.status === 304 || answer.status === 412 ? answer : undefined;
  }

  async #open(
    request: FileRequest,
    opened: OpenFile | Promise<OpenFile> | undefined,
  ): Promise<FileAnswer | FileRefusal> {
    const source = await FileSource.open(this.#access, opened);
    this.#source = source;
    const now = Date.now();
    const plan = this.#plan(request, source.stat, now);
    const answer = answerOf(plan.request, source.stat, now);
    if (answer.status === 200 && plan.coding !== undefined) {
      return this.#coded(source, answer, plan.coding);
    }
    if (answer.status !== 206) return answer;
    try {
      for (const { first } of answer.pieces.toReversed()) await source.moveTo(first);
      return answer;
    } catch (error) {
      log("info", () => line`${request.path}: served whole: ${describeFailure(error)}`);
    }
    // It may stand at any position now.
    await source.close();
    const field = (name: FieldName) => name === "range" ? undefined : request.field(name);
    return await this.#open({ ...request, field }, undefined);
  }

  #plan(request: FileRequest, stat: FileStat, now: number): Plan {
    return this.#options.compression?.plan(request, stat, now) ?? { request, coding: undefined };
  }

  /** The same answer with a body that is compressed on the way, so that its length is unknown. */
  #coded(source: FileSource, answer: FileAnswer, coding: ContentCoding): FileAnswer {
    const fields = answer.fields.filter(([name]) => name !== "content-length");
    if (answer.pieces.length === 0) return { ...answer, fields };
    const compression = this.#options.compression!;
    const { budget } = this.#response;
    this.#source = new CodedSource(source, compression, compression.start(coding), budget);
    return { ...answer, fields, pieces: [{ head: "", first: 0, last: Infinity }] };
  }

  /** A 304, the head alone, an empty file, or an error. */
  #sendAlone(answer: FileAnswer | FileRefusal): void {
    void this.#source?.close();
    if ("pieces" in answer) this.#response.sendHead(answer.status, answer.fields);
    else this.#response.fail(answer.status, answer.fields);
  }

  /** Reads the first bytes before the head goes, which then leaves with them, or is an error's. */
  async #startBody(answer: FileAnswer): Promise<void> {
    this.#pieces = answer.pieces;
    this.#end = answer.end;
    this.#left = lengthOfPiece(answer.pieces[0]!);
    const read = await this.#read();
    this.#arrived(() => {
      if (this.#isLost(read)) return this.#response.fail(500, []);
      this.#response.sendHead(answer.status, answer.fields);
      this.#send(read);
    });
  }

  get #hasMore(): boolean {
    if (this.#source instanceof CodedSource) return !this.#source.isAtEnd;
    return this.#left > 0 || this.#piece + 1 < this.#pieces.length;
  }

  /** A peer that takes all at once would keep the others waiting for as long as the file is. */
  #goOn(): void {
    this.#isDue = true;
    this.#response.inTurn(() => {
      this.#isDue = false;
      if (!this.#abandoned) void this.#sendNext();
    });
  }

  async #sendNext(): Promise<void> {
    this.#isBusy = true;
    const read = await this.#read();
    this.#arrived(() => this.#send(read));
  }

  /** The next bytes of the file; none when there are fewer than it said, or they can't be read. */
  async #read(): Promise<Uint8Array> {
    const source = this.#source!;
    const buffer = this.#buffer ??= this.#newBuffer();
    try {
      if (this.#left === 0) {
        const piece = this.#pieces[++this.#piece]!;
        this.#left = lengthOfPiece(piece);
        await source.moveTo(piece.first);
      }
      // What was read before has left, so that its buffer is free again.
      const room = buffer.subarray(0, Math.min(buffer.length, this.#left));
      const count = await source.read(room);
      if (count > 0) return room.subarray(0, count);
      log("warn", () => line`${this.#access.path}: the file ended ${this.#left} bytes early`);
    } catch (error) {
      log("warn", () => line`${this.#access.path}: ${describeFailure(error)}`);
    }
    return NOTHING;
  }

  #send(bytes: Uint8Array): void {
    // Fewer bytes than the head announced: only cutting the connection tells the peer.
    if (this.#isLost(bytes)) return this.#response.abort();
    const { head, last, first } = this.#pieces[this.#piece]!;
    if (head !== "" && this.#left === last - first + 1) this.#response.sendBody(latin1Bytes(head));
    this.#left -= bytes.length;
    this.#response.sendBody(bytes);
    if (this.#hasMore) return;
    void this.#source!.close();
    if (this.#end !== "") this.#response.sendBody(latin1Bytes(this.#end));
  }

  /** Whether nothing was read; the file is closed then. */
  #isLost(bytes: Uint8Array): boolean {
    if (lengthOf(bytes) > 0) return false;
    // Service may have come late.
    if (bytes !== NOTHING) {
      log("warn", () => line`${this.#access.path}: the buffer of a read was transferred`);
    }
    this.#stop();
    return true;
  }

  /** A file operation is done; goes on if the connection still is. */
  #arrived(goOn: () => void): void {
    this.#isBusy = false;
    this.#isDue = true;
    this.#response.arrived(() => {
      this.#isDue = false;
      // It may be gone, or closed by the program, while the operation was under way.
      if (this.#abandoned || !this.#response.isOpen) this.#stop();
      else goOn();
    });
  }

  /** Nothing more is sent; what was may be under way still. */
  #stop(): void {
    void this.#source?.close();
    this.#giveBack(forgetBuffer);
  }

  /** A program's own `read` may say more than it filled, so that it gets no buffer of earlier files' bytes. */
  #newBuffer(): Uint8Array<ArrayBuffer> {
    if (this.#source instanceof CodedSource) return acquireBuffer(SHORT);
    const longest = this.#pieces.reduce((most, each) => Math.max(most, lengthOfPiece(each)), 0);
    if (this.#source!.isHosts) return acquireBuffer(longest);
    return new Uint8Array(Math.min(SHORT, longest));
  }

  #giveBack(how: (buffer: Uint8Array<ArrayBuffer>) => void): void {
    if (this.#buffer !== undefined && this.#source!.isHosts) how(this.#buffer);
    this.#buffer = undefined;
  }
}

function lengthOfPiece({ first, last }: Piece): number {
  return last - first + 1;
}
