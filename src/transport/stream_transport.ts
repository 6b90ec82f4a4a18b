/** A transport over a stream connection, as the runtime has them. */

import type { Address, StreamConn, Transport, TransportHandler } from "../api/network.ts";
import { ReadBuffer } from "./read_buffer.ts";

const MORE_COMES = 0;
/** The peer will send no more, which the handler has yet to hear. */
const END_IS_DUE = 1;
const END_IS_TOLD = 2;

/** A {@linkcode Transport} over a stream connection. */
export class StreamTransport implements Transport {
  readonly #conn: StreamConn;
  readonly #buffer = new ReadBuffer();
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #isReading = false;
  #end: typeof MORE_COMES | typeof END_IS_DUE | typeof END_IS_TOLD = MORE_COMES;
  #resumeIsDue = false;
  #isWriting = false;
  #endsAfterWrite = false;
  #isClosed = false;
  #isGone = false;

  constructor(conn: StreamConn) {
    this.#conn = conn;
    // A reset before now makes this throw; the first read says so too.
    try {
      conn.setNoDelay?.(true);
    } catch { /* see above */ }
  }

  get localAddress(): Address {
    return addressOf(this.#conn.localAddr);
  }

  get remoteAddress(): Address {
    return addressOf(this.#conn.remoteAddr);
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#read();
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isWriting = true;
    try {
      this.#conn.write(bytes).then(
        (count) => this.#onWritten(bytes, count),
        this.#break,
      );
    } catch (error) {
      this.#breakLater(error);
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#resumeIsDue || this.#isClosed) return;
    this.#resumeIsDue = true;
    queueMicrotask(() => this.#onResumed());
  }

  end(): void {
    if (this.#isWriting) this.#endsAfterWrite = true;
    else if (!this.#isClosed) {
      try {
        this.#conn.closeWrite().catch(this.#break);
      } catch (error) {
        this.#breakLater(error);
      }
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeConn();
    queueMicrotask(() => this.#gone(undefined));
  }

  abort(): void {
    if (this.#isClosed) return;
    // What is left for `close` is done already then.
    try {
      this.#conn.reset?.();
    } catch { /* The end is the same. */ }
    this.close();
  }

  /** Whether a write is under way. */
  protected get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whether a failure of a read is the peer's way to end. */
  protected isEnd(_error: unknown): boolean {
    return false;
  }

  /** Lets go of the connection, if nothing of it is in use. */
  protected letGo(): boolean {
    const isBusy = this.#isReading || this.#isWriting || this.#resumeIsDue;
    if (this.#isClosed || isBusy || this.#end !== MORE_COMES || this.#buffer.length > 0) {
      return false;
    }
    this.#isClosed = true;
    this.#isGone = true;
    this.#buffer.free();
    return true;
  }

  /**
   * Asks for the next bytes, unless that is done or of no use. No async function: what one keeps
   * while it waits is a third of an idle connection's objects.
   */
  #read(): void {
    if (this.#isReading || this.#isPaused || this.#isClosed) return;
    if (this.#end !== MORE_COMES) return;
    this.#isReading = true;
    try {
      this.#conn.read(this.#buffer.room()).then(this.#onRead, this.#break);
    } catch (error) {
      this.#breakLater(error);
    }
  }

  readonly #onRead = (count: number | null): void => {
    this.#isReading = false;
    if (this.#isGone) return this.#buffer.free();
    if (this.#isClosed) return;
    try {
      if (count !== null) {
        this.#buffer.filled(count);
        if (this.#isPaused) return;
        this.#offer();
        this.#read();
      } else {
        this.#end = END_IS_DUE;
        this.#tellEnd();
      }
    } catch (error) {
      this.#break(error);
    }
  };

  #offer(): void {
    const bytes = this.#buffer.bytes();
    this.#buffer.taken(this.#handler!.onBytes(bytes));
  }

  #onResumed(): void {
    this.#resumeIsDue = false;
    if (this.#isPaused || this.#isClosed) return;
    try {
      if (this.#buffer.length > 0) this.#offer();
      this.#tellEnd();
    } catch (error) {
      return this.#break(error);
    }
    this.#read();
  }

  /** Behind all that was read: a rest whose turn is due comes first. */
  #tellEnd(): void {
    if (this.#isPaused || this.#resumeIsDue || this.#isClosed) return;
    if (this.#end !== END_IS_DUE) return;
    this.#end = END_IS_TOLD;
    this.#handler!.onEnd();
  }

  #onWritten(bytes: Uint8Array, count: number): void {
    if (this.#isClosed) return;
    try {
      this.#goOnBehind(bytes, count);
    } catch (error) {
      this.#break(error);
    }
  }

  #goOnBehind(bytes: Uint8Array, count: number): void {
    if (!(count >= bytes.length)) {
      if (!(Number.isInteger(count) && count >= 0)) {
        return this.#break(new Error(`a write has written ${count} bytes`));
      }
      // In a turn of its own: timers and other connections come between, however often that is so.
      if (count === 0) return void setImmediate(() => this.write(bytes));
      this.#handler!.onProgress?.();
      return this.write(bytes.subarray(count));
    }
    this.#isWriting = false;
    if (this.#endsAfterWrite) {
      this.#endsAfterWrite = false;
      this.end();
    }
    this.#handler!.onDrain();
  }

  /** The peer or the network ended the connection. */
  readonly #break = (error: unknown): void => {
    if (this.#isClosed) return;
    if (this.isEnd(error)) return this.#onRead(null);
    this.#isClosed = true;
    this.#closeConn();
    this.#gone(error);
  };

  /** A connection of the program's threw in place of rejecting, or gave no promise. */
  #breakLater(error: unknown): void {
    queueMicrotask(() => this.#break(error));
  }

  #closeConn(): void {
    this.#buffer.release();
    try {
      // One of the program's own may give a promise, of which nothing is waited for.
      const closing: unknown = this.#conn.close();
      if (closing instanceof Promise) closing.catch(() => {});
    } catch { /* The runtime closed it already, after a failure. */ }
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    // Never while bytes are offered: all that ends here is a turn of its own. A read under way says its end later,
    // except by a failure: one of the program's own that has given up may have left work behind that still writes.
    if (!this.#isReading) this.#buffer.free();
    this.#handler?.onClose(error);
  }
}

/**
 * A transport over a connection that is open already.
 *
 * @param keepAlive whether TCP keep-alive is switched on
 */
export function transportOver(conn: StreamConn, keepAlive = false): Transport {
  keepAliveOn(conn, keepAlive);
  return new StreamTransport(conn);
}

export function keepAliveOn(conn: StreamConn, isWanted = false): void {
  // As with Nagle's algorithm: a reset before now makes this throw, and the first read says so too.
  try {
    if (isWanted) conn.setKeepAlive?.(true);
  } catch { /* see above */ }
}

export function addressOf(address: unknown): Address {
  const { hostname, port } = (address ?? {}) as Partial<Address>;
  return { hostname: hostname ?? "", port: port ?? 0 };
}
