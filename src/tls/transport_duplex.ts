/** A transport, as the stream that `node:tls` works on. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { type Transport, type TransportHandler, writeAndDrain } from "../api/network.ts";
import { freeBuffer } from "../base/buffers.ts";
import type { HandshakeTurns } from "../service/turns/handshake_turns.ts";

/** A fatal alert, `handshake_failure`: RFC 8446 section 6.2. */
const HANDSHAKE_FAILURE = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40);

/** So much may wait, in bytes, while something is being written: `node:tls` encrypts on meanwhile. */
const WAITING_LIMIT = 64 * 1024;

/** Carries what `node:tls` encrypts over the transport below it, and back. */
export class TransportDuplex extends Duplex implements TransportHandler {
  readonly #inner: Transport;
  #beingWritten: Uint8Array | undefined;
  /** What follows, in order. */
  #waiting: Uint8Array[] = [];
  #waitingLength = 0;
  #whenRoom: (() => void) | undefined;
  /** Node's `node:tls` says hello while it is made, before anything is read. */
  #hasBegun = false;
  #endIsDue = false;
  #hasEndedBelow = false;
  #closeIsDue = false;
  /** The peer has spoken, and was not answered. */
  #owesAnswer = false;
  #hasAnswered = false;
  /** The reader above stopped reading: the stream does by itself, the connection by `hold`. */
  #isStreamFull = false;
  #isHeld = false;
  /** Of a server's handshake that is under way. */
  turns: HandshakeTurns | undefined;
  /** What there is to do once nothing is being written. */
  whenIdle: () => void = () => {};
  /** A part of what is being written has left, and something has not. */
  whenProgressed: () => void = () => {};
  /** The peer will send no more. */
  whenEnded: () => void = () => {};
  /** The transport below is gone. */
  whenGone: (error: unknown) => void = () => {};

  constructor(inner: Transport) {
    // 'close' is told by `whenGone`, and a stream that ended both ways is not yet closed.
    super({ autoDestroy: false });
    this.#inner = inner;
  }

  /** Starts the transport below; what it reads goes to `node:tls` from now on. */
  begin(): void {
    this.#hasBegun = true;
    this.#inner.start(this);
    this.#writeNext();
  }

  /** Whether bytes are on their way down. */
  get isWriting(): boolean {
    return this.#beingWritten !== undefined;
  }

  /** Reads no more from below. */
  hold(): void {
    this.#isHeld = true;
    this.#inner.pause();
  }

  /** Undoes {@linkcode hold}. */
  release(): void {
    this.#isHeld = false;
    if (!this.#isStreamFull) this.#inner.resume();
  }

  /** Closes the transport below at once; what is being written may be lost. */
  abort(): void {
    this.#owesAnswer = false;
    this.#inner.close();
    this.destroy();
  }

  /** Ends the sending half below, once what is being written has left. Harmless when repeated. */
  endBelow(): void {
    this.#endIsDue = true;
    this.#endIfIdle();
  }

  /** Once: a socket of `node:net` takes a second end for a failure. */
  #endIfIdle(): void {
    if (!this.#endIsDue || this.#hasEndedBelow || this.isWriting) return;
    this.#hasEndedBelow = true;
    this.#inner.end();
  }

  onBytes(bytes: Uint8Array): number {
    if (this.turns === undefined) return this.#take(bytes);
    return this.turns.offer(bytes, (some) => this.#take(some));
  }

  #take(bytes: Uint8Array): number {
    if (this.destroyed) return bytes.length;
    this.#owesAnswer = !this.#hasAnswered;
    // A stream that flows and holds nothing hands on what it gets; this does so without the copy
    // that a stream which may keep it needs. `node:tls` takes its own at once.
    if (this.readableFlowing === true && this.readableLength === 0) {
      this.emit("data", bytes);
    } else if (!this.push(Buffer.copyBytesFrom(bytes))) {
      this.#isStreamFull = true;
      this.#inner.pause();
    }
    return bytes.length;
  }

  onDrain(): void {
    // It is not looked at again, and the garbage collector would let many such pile up first.
    if (this.#beingWritten !== undefined) freeBuffer(this.#beingWritten);
    this.#writeNext();
    const whenRoom = this.#whenRoom;
    this.#whenRoom = undefined;
    whenRoom?.();
    if (this.isWriting) return this.whenProgressed();
    this.#endIfIdle();
    if (this.#closeIsDue) this.#inner.close();
    this.whenIdle();
  }

  onProgress(): void {
    this.whenProgressed();
  }

  onEnd(): void {
    if (!this.destroyed) this.push(null);
    this.whenEnded();
  }

  onClose(error?: unknown): void {
    // The callback of a waiting write isn't called: `node:tls` takes a failure for a success.
    this.#whenRoom = undefined;
    this.#owesAnswer = false;
    this.whenGone(error);
    this.destroy();
  }

  override _read(): void {
    if (!this.#isStreamFull) return;
    this.#isStreamFull = false;
    if (!this.#isHeld) this.#inner.resume();
  }

  override _write(
    buffer: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    // Not the `Buffer` itself, whose `slice` is no copy.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    this.#hasAnswered = true;
    this.#owesAnswer = false;
    if (this.isWriting || !this.#hasBegun) {
      this.#waiting.push(bytes);
      this.#waitingLength += bytes.length;
    } else {
      this.#beingWritten = bytes;
      writeAndDrain(this.#inner, bytes, this);
    }
    if (this.#waitingLength < WAITING_LIMIT) done();
    else this.#whenRoom = done;
  }

  #writeNext(): void {
    this.#beingWritten = this.#waiting.shift();
    if (this.#beingWritten === undefined) return;
    this.#waitingLength -= this.#beingWritten.length;
    writeAndDrain(this.#inner, this.#beingWritten, this);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.endBelow();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // `node:tls` forgets the alert it owes to a peer that doesn't speak TLS.
    if (this.#owesAnswer) writeAndDrain(this.#inner, HANDSHAKE_FAILURE, this);
    // The notice that ends the stream may be on its way.
    if (this.#owesAnswer || this.isWriting) this.#closeIsDue = true;
    else this.#inner.close();
    done(error);
  }
}
