/** Serves one file: its head, and its bytes, a piece each time the last one has left. */

import { describeValue } from "../arguments.ts";
import { lengthOf } from "../bytes.ts";
import type { FieldLine } from "../core/response_writer.ts";
import { openFailure } from "../file_failure.ts";
import type { FileOps, OpenFile } from "../file_ops.ts";
import { describeFailure, log } from "../log.ts";
import type { Wsi } from "../wsi.ts";
import { mediaType } from "./types.ts";

const PIECE = 64 * 1024;

/** What cannot be served: the file is not there, or no descriptor is left for it. */
export type FileFailure = 404 | 503;

/** The response that a file fills. Implemented by who owns the connection. */
export interface FileResponse {
  /** The connection, as the file operations see it. */
  readonly wsi: Wsi;
  /** The request's method. */
  readonly method: string;
  /** Whether the connection is there, and takes more. */
  readonly isOpen: boolean;
  /** The value of a field of the request, its lines joined; undefined when it is absent. */
  requestField(name: string): string | undefined;
  /** Sends the head, once; `content-length` is among the fields where the body has one. */
  sendHead(status: number, fields: Iterable<FieldLine>): void;
  /** Sends bytes of the body themselves; they must not change until {@linkcode FileTransfer.onDrain}. */
  sendBody(bytes: Uint8Array): void;
  /** Answers with an error, when nothing was sent, and completes the response. */
  fail(status: FileFailure): void;
  /** The response is whole, and all of it has left. */
  complete(): void;
  /** Ends the connection so that the response doesn't look whole. */
  abort(): void;
  /** A file operation is done: runs `work` when the connection may be served, in a turn of it. */
  arrived(work: () => void): void;
}

/** How a file is served. */
export interface FileOptions {
  /** @default by the ending of the path */
  readonly contentType?: string | undefined;
  /** Fields that the program gives; they come in place of the engine's of the same name. */
  readonly fields?: readonly FieldLine[];
  /** What was opened already, which is closed in the end. @default it is opened by its path */
  readonly opened?: OpenFile | Promise<OpenFile>;
  /**
   * Called in place of {@linkcode FileResponse.fail} when the file can't be opened.
   *
   * @default the response fails
   */
  readonly onFail?: (status: FileFailure) => void;
}

/** A file on its way. */
export interface FileTransfer {
  /** All that was sent has left. */
  onDrain(): void;
  /** The connection is gone; the file is closed as soon as no operation is under way. */
  abandon(): void;
}

/**
 * Answers with a file. Exactly one of `complete`, `fail` and `abort` is called in the end, and never from
 * inside this call; none of them after `abandon`.
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
  readonly #ops: FileOps;
  readonly #path: string;
  readonly #options: FileOptions;
  #buffer: Uint8Array | undefined;
  #handle: unknown;
  #isOpen = false;
  #isReading = true;
  /** What the last operation brought is not looked at yet. */
  #isDue = false;
  #left = 0;
  #abandoned = false;

  constructor(response: FileResponse, ops: FileOps, path: string, options: FileOptions) {
    this.#response = response;
    this.#ops = ops;
    this.#path = path;
    this.#options = options;
    void this.#open();
  }

  onDrain(): void {
    if (this.#isReading || this.#isDue || !this.#isOpen) return;
    if (this.#left > 0) void this.#readPiece();
    else this.#end();
  }

  abandon(): void {
    this.#abandoned = true;
    if (!this.#isReading) void this.#close();
  }

  async #open(): Promise<void> {
    const response = this.#response;
    const { opened } = this.#options;
    try {
      const { handle, length } = await (opened ?? this.#ops.open(response.wsi, this.#path, "read"));
      this.#handle = handle;
      this.#isOpen = true;
      checkCount("open", "length", length, Number.MAX_SAFE_INTEGER);
      this.#left = response.method === "HEAD" ? 0 : length;
      this.#arrived(() => this.#begin(length));
    } catch (error) {
      const status = openFailure(this.#path, error);
      void this.#close();
      this.#arrived(() => (this.#options.onFail ?? ((why) => response.fail(why)))(status));
    }
  }

  #begin(length: number): void {
    const { contentType, fields = [] } = this.#options;
    const type = contentType ?? mediaType(this.#path);
    this.#response.sendHead(200, [
      ["content-length", String(length)],
      ["content-type", type],
      ...fields,
    ]);
  }

  async #readPiece(): Promise<void> {
    // The piece before this one has left, so that its buffer is free again.
    const buffer = this.#buffer ??= new Uint8Array(Math.min(PIECE, this.#left));
    const room = buffer.subarray(0, Math.min(buffer.length, this.#left));
    this.#isReading = true;
    let count = 0;
    try {
      count = await this.#ops.read(this.#response.wsi, this.#handle, room);
      // Nothing is left of a buffer that was transferred.
      checkCount("read", "the count", count, lengthOf(room));
    } catch (error) {
      log("warn", () => `${this.#path}: ${describeFailure(error)}`);
      count = 0;
    }
    this.#arrived(() => this.#send(count, room));
  }

  #send(read: number, room: Uint8Array): void {
    // Service may have come late, and the buffer may be gone by now.
    const count = Math.min(read, lengthOf(room));
    if (count === 0) {
      // Fewer bytes than the head announced: only cutting the connection tells the peer.
      log("warn", () => `${this.#path}: the file ended ${this.#left} bytes early`);
      void this.#close();
      this.#response.abort();
      return;
    }
    this.#left -= count;
    this.#response.sendBody(room.subarray(0, count));
  }

  /** A file operation is done; goes on if the connection still is. */
  #arrived(goOn: () => void): void {
    this.#isReading = false;
    this.#isDue = true;
    this.#response.arrived(() => {
      this.#isDue = false;
      // It may be gone, or closed by the program, while the operation was under way.
      if (this.#abandoned || !this.#response.isOpen) void this.#close();
      else goOn();
    });
  }

  #end(): void {
    void this.#close();
    this.#response.complete();
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#ops.close(this.#response.wsi, this.#handle);
    } catch (error) {
      log("warn", () => `${this.#path}: ${describeFailure(error)}`);
    }
  }
}

/** The program's own file operations may return anything. @throws {TypeError} which says what */
function checkCount(operation: string, what: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  throw new TypeError(
    `${what} that ${operation} returned is ${
      describeValue(value)
    }; allowed: a whole number from 0 to ${most}`,
  );
}
