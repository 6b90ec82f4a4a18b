/** Streams what a program yields into a response, a piece each time the last one has left. */

import { POLLOUT } from "../../api/service.ts";
import type { ResponseBodyStream } from "../../api/response.ts";
import { bytesOf, lengthOf } from "../../base/bytes.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf, thrown } from "../../base/log.ts";
import type { Connection } from "../connection.ts";
import { waitForTurn } from "../../service/awaited_turn.ts";
import { WheelTimer } from "../../service/timer_wheel.ts";
import type { InLine } from "../limits/room_line.ts";
import { ReadAhead } from "../../web/fetch_response.ts";

/** Of a longer piece so much waits in the connection at a time. */
const LONGEST_PART = 256 * 1024;

/** A source that has given nothing for so long is quiet; a disk or a database takes less. */
const QUIET_MS = 1000;

/** What becomes of a stream; exactly one of `complete` and `fail` is called in the end, unless abandoned. */
export interface BodySink {
  /** Whether a peer that has closed its sending half waits for what a quiet source may still give. */
  readonly halfOpen: boolean;
  /** @throws {LwsError} when these are more bytes than were announced */
  send(bytes: Uint8Array): void;
  /** All was sent. */
  complete(): void;
  /** No more comes, and the body is not whole. */
  fail(): void;
}

/** What a reader of a stream and an iterator have in common. */
interface Source {
  next(): PromiseLike<unknown>;
  /** Whether its first piece was asked for. */
  readonly isAskedFor: boolean;
  cancel(reason: unknown): unknown;
}

/** Whether `body` gives its pieces one after the other. */
export function isStream(body: unknown): body is ResponseBodyStream {
  if (typeof body !== "object" || body === null) return false;
  return "getReader" in body || Symbol.asyncIterator in body;
}

/**
 * Takes over a stream.
 *
 * @throws {LwsError} `invalid-argument` when it is locked to another reader
 */
export function sourceOf(call: string, body: ResponseBodyStream): Source {
  try {
    if ("getReader" in body) {
      const reader = body.getReader();
      if (typeof reader?.read !== "function") throw new TypeError("its reader has no read");
      return {
        isAskedFor: body instanceof ReadAhead,
        next: () => reader.read(),
        cancel: (reason) => reader.cancel(reason),
      };
    }
    const iterator = body[Symbol.asyncIterator]();
    if (typeof iterator?.next !== "function") throw new TypeError("its iterator has no next");
    return {
      isAskedFor: false,
      next: () => iterator.next(),
      cancel: () => iterator.return?.(),
    };
  } catch (cause) {
    const message = `${call}: body can't be read: ${messageOf(cause)}`;
    throw new LwsError("invalid-argument", message, { cause });
  }
}

/** Tells a source that its pieces are not wanted any more; a failure of that is of no consequence. */
export async function cancel(source: Source, reason: unknown): Promise<void> {
  try {
    await source.cancel(reason);
  } catch (error) {
    log("info", () => line`respond: the body could not be cancelled: ${messageOf(error)}`);
  }
}

/** One stream on its way. */
export class StreamedBody implements InLine {
  readonly isNew = false;
  readonly connection: Connection;
  readonly #source: Source;
  readonly #sink: BodySink;
  /** What of the last piece has not been sent. */
  #rest: Uint8Array | undefined;
  #restLength = 0;
  /** A piece was asked for, or is there and not looked at yet. */
  #isReading = false;
  /** It can't be asked for before there is room. */
  #isInLine = false;
  #askedAt = 0;
  #isOver = false;
  /** Armed while a piece is awaited for a peer that sends no more. */
  #quietTimer: WheelTimer | undefined;

  constructor(connection: Connection, source: Source, sink: BodySink) {
    this.connection = connection;
    this.#source = source;
    this.#sink = sink;
    void this.#read(source.isAskedFor);
  }

  /** All that was sent has left. */
  onDrain(): void {
    if (this.#isReading || this.#isOver) return;
    if (this.#restLength > 0) this.#attempt(() => this.#sendPart());
    else if (this.connection.owner.budget.mayGoOn()) void this.#read();
    else this.#readInTurn();
  }

  goOn(): void {
    this.#readOn();
  }

  giveUp(): void {} // Only a request does.

  readonly #readOn = (): void => {
    if (!this.#isOver) void this.#read();
  };

  /** A source that always has a piece for a peer that always has room would keep all others waiting. */
  #readInTurn(): void {
    this.#isReading = true;
    this.#askedAt = this.connection.owner.wheel.recently();
    waitForTurn(this.connection, this.#readOn);
  }

  /**
   * The peer sends no more, and may have gone: as long as pieces come and leave, writing tells; a source
   * that is quiet would keep the connection for ever.
   */
  onEnd(): void {
    if (this.#sink.halfOpen || this.#isOver || !this.#isReading || this.#isInLine) return;
    const { wheel } = this.connection.owner;
    this.#quietTimer ??= new WheelTimer({
      onTimeout: () => this.#onQuiet(),
      isHeldUp: (times) => this.connection.isHeldUp(times),
    });
    wheel.arm(this.#quietTimer, this.#askedAt + QUIET_MS - wheel.recently());
  }

  /** The connection is gone. */
  abandon(): void {
    if (this.#isOver) return;
    this.#end();
    void cancel(this.#source, new LwsError("connection-closed", "the connection has ended"));
  }

  /** @param isAskedFor whether the next piece was asked for already, so that there need be no room for it */
  async #read(isAskedFor = false): Promise<void> {
    const { roomLine } = this.connection.owner;
    this.#isReading = true;
    this.#isInLine = !isAskedFor && !roomLine.enter(this);
    if (this.#isInLine) return;
    this.#askedAt = this.connection.owner.wheel.recently();
    if (this.connection.hasPeerEnded) this.onEnd();
    try {
      const next = this.#source.next();
      roomLine.awaits(this);
      const result = await next;
      this.#arrived(() => this.#attempt(() => this.#take(result)));
    } catch (error) {
      this.#arrived(() => this.#fail(error));
    } finally {
      roomLine.done(this);
    }
  }

  /** Goes on when the connection may be served, if it is there then. */
  #arrived(goOn: () => void): void {
    const { owner, socketFd } = this.connection;
    const service = () => {
      this.#isReading = false;
      if (this.#isOver) return;
      if (this.#quietTimer !== undefined) owner.wheel.cancel(this.#quietTimer);
      if (this.connection.isOpen) this.connection.turn(goOn);
      // The program has closed it meanwhile.
      else this.abandon();
    };
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }

  #onQuiet(): void {
    const connection = this.connection;
    // What is unsent leaves first, and the next piece is asked for behind it.
    if (!this.#isReading || !connection.isOpen) return;
    connection.turn(() => connection.end("peer"));
  }

  #end(): void {
    this.#isOver = true;
    this.#rest = undefined;
    this.#restLength = 0;
    this.#count(0);
    this.connection.owner.roomLine.leave(this);
    if (this.#quietTimer !== undefined) this.connection.owner.wheel.cancel(this.#quietTimer);
  }

  #take(result: unknown): void {
    const { done, value } = result as { done?: boolean; value?: unknown };
    if (done) {
      this.#end();
      return this.#sink.complete();
    }
    const bytes = bytesOf("respond: a piece of the body", value as string);
    if (bytes.length === 0) return this.#readLater();
    this.#rest = bytes;
    this.#restLength = bytes.length;
    this.#count(bytes.length > LONGEST_PART ? bytes.length : 0);
    // It may be the one that is too much.
    if (this.connection.isOpen) this.#sendPart();
  }

  /** In a turn of its own: a source that yields nothing again and again must not stop other connections. */
  #readLater(): void {
    const { owner, socketFd } = this.connection;
    this.#isReading = true;
    owner.scheduler.request({ socketFd, service: this.#readOn }, POLLOUT);
  }

  #sendPart(): void {
    const rest = this.#rest!;
    if (lengthOf(rest) !== this.#restLength) {
      throw new TypeError("the buffer of a piece was transferred before it had left");
    }
    const part = rest.subarray(0, LONGEST_PART);
    this.#rest = rest.subarray(part.length);
    this.#restLength -= part.length;
    this.#sink.send(part);
    if (this.#restLength > 0) return;
    this.#rest = undefined;
    this.#count(0);
  }

  /** What is kept of a piece, however much of it has left, is all of it. */
  #count(bytes: number): void {
    this.connection.owner.buffered.holdsToSend(this.connection, bytes);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    log(
      "err",
      () => line`connection ${this.connection.socketFd}: the body of respond: ${thrown(error)}`,
    );
    void cancel(this.#source, error);
    this.#sink.fail();
  }
}
