/** Streams one file into a connection, a piece each time the last one has left. */

import { describeValue } from "./arguments.ts";
import { lengthOf } from "./bytes.ts";
import type { Connection } from "./connection.ts";
import { openFailure } from "./file_failure.ts";
import { describeFailure, log } from "./log.ts";
import { POLLOUT } from "./service/polling.ts";

const PIECE = 64 * 1024;

/** What becomes of a transfer; exactly one of `onFail` and `onDone` comes, unless abandoned. */
export interface FileTransferHandler {
  /** The file is open; its head can be sent. */
  onOpen(length: number): void;
  /** It can't be opened, and nothing was sent; `status` says so to the peer. */
  onFail(status: 404 | 503): void;
  /** All of it has left. */
  onDone(): void;
}

/** One file on its way. */
export class FileTransfer {
  readonly #connection: Connection;
  readonly #handler: FileTransferHandler;
  readonly #headOnly: boolean;
  readonly #path: string;
  #buffer: Uint8Array | undefined;
  #handle: unknown;
  #isOpen = false;
  #isReading = true;
  /** What the last operation brought is not looked at yet. */
  #isDue = false;
  #left = 0;
  #abandoned = false;

  constructor(
    connection: Connection,
    path: string,
    headOnly: boolean,
    handler: FileTransferHandler,
  ) {
    this.#connection = connection;
    this.#path = path;
    this.#headOnly = headOnly;
    this.#handler = handler;
    void this.#open();
  }

  /** What was queued has left. */
  onDrain(): void {
    if (this.#isReading || this.#isDue || !this.#isOpen) return;
    if (this.#left > 0) void this.#readPiece();
    else this.#end();
  }

  /** The connection is gone; the file is closed as soon as no read is under way. */
  abandon(): void {
    this.#abandoned = true;
    if (!this.#isReading) void this.#close();
  }

  async #open(): Promise<void> {
    const connection = this.#connection;
    try {
      const { handle, length } = await connection.owner.fileOps.open(
        connection,
        this.#path,
        "read",
      );
      this.#handle = handle;
      this.#isOpen = true;
      checkCount("open", "length", length, Number.MAX_SAFE_INTEGER);
      this.#left = this.#headOnly ? 0 : length;
      this.#arrived(() => connection.turn(() => this.#handler.onOpen(length)));
    } catch (error) {
      const status = openFailure(this.#path, error);
      void this.#close();
      this.#arrived(() => connection.turn(() => this.#handler.onFail(status)));
    }
  }

  async #readPiece(): Promise<void> {
    const connection = this.#connection;
    // The piece before this one has left, so that its buffer is free again.
    const buffer = this.#buffer ??= new Uint8Array(Math.min(PIECE, this.#left));
    const room = buffer.subarray(0, Math.min(buffer.length, this.#left));
    this.#isReading = true;
    let count = 0;
    try {
      count = await connection.owner.fileOps.read(connection, this.#handle, room);
      // Nothing is left of a buffer that was transferred.
      checkCount("read", "the count", count, lengthOf(room));
    } catch (error) {
      log("warn", () => `${this.#path}: ${describeFailure(error)}`);
      count = 0;
    }
    this.#arrived(() => this.#send(count, room));
  }

  #send(read: number, room: Uint8Array): void {
    const connection = this.#connection;
    // Service may have come late, and the buffer may be gone by now.
    const count = Math.min(read, lengthOf(room));
    if (count === 0) {
      // Fewer bytes than the head announced: only cutting the connection tells the peer.
      log("warn", () => `${this.#path}: the file ended ${this.#left} bytes early`);
      void this.#close();
      connection.cut("self");
      return;
    }
    this.#left -= count;
    connection.armTimeout("httpContent", connection.owner.limits.sendTimeoutMs);
    connection.tx.append(room.subarray(0, count));
    connection.flush();
  }

  /** A file operation is done; goes on if the connection still is. */
  #arrived(goOn: () => void): void {
    const { owner, socketFd } = this.#connection;
    this.#isReading = false;
    this.#isDue = true;
    const service = () => {
      this.#isDue = false;
      if (this.#isOver) void this.#close();
      else goOn();
    };
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }

  /** The connection is gone, or is closed by the program while a file operation was under way. */
  get #isOver(): boolean {
    return this.#abandoned || !this.#connection.isOpen;
  }

  #end(): void {
    void this.#close();
    this.#handler.onDone();
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#connection.owner.fileOps.close(this.#connection, this.#handle);
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
