/** An established TLS connection, as a transport. */

import type { TLSSocket } from "node:tls";
import type { Address, Transport, TransportHandler } from "../api/network.ts";
import type { TlsInfo } from "../api/tls.ts";
import { freeBuffer, joined, leftOf } from "../base/buffers.ts";
import { LwsError } from "../base/errors.ts";
import type { TransportDuplex } from "./transport_duplex.ts";

/**
 * What `node:tls` encrypts at once, three records of RFC 8446 section 5.1; of more it copies the rest,
 * time and again (64 KiB: 40 µs in one write, 18 µs in two).
 */
const LARGEST_WRITE = 3 * 16 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Decrypted bytes, both ways; what carries them lies below. */
export class TlsTransport implements Transport {
  /** What the handshake told. */
  readonly info: TlsInfo;
  readonly #socket: TLSSocket;
  readonly #duplex: TransportDuplex;
  readonly #inner: Transport;
  #handler: TransportHandler | undefined;
  /** What was read and not taken. */
  #rest: Uint8Array = NO_BYTES;
  #isPaused = false;
  #resumeIsDue = false;
  #hasEnded = false;
  #endIsTold = false;
  /** What is still to be written of the write under way. */
  #unwritten: Uint8Array = NO_BYTES;
  #isWriting = false;
  #drainIsDue = false;
  #endIsDue = false;
  #isEnding = false;
  #isClosed = false;
  #isGone = false;
  /** Why it broke before there was a handler to hear it. */
  #earlyClose: { readonly error: unknown } | undefined;

  /** Takes over after the handshake; `duplex` reads no more until {@linkcode start}. */
  constructor(socket: TLSSocket, duplex: TransportDuplex, inner: Transport, info: TlsInfo) {
    this.info = info;
    this.#socket = socket;
    this.#duplex = duplex;
    this.#inner = inner;
    duplex.whenEnded = () => this.#onInnerEnd();
    duplex.whenIdle = () => this.#onIdle();
    duplex.whenProgressed = () => {
      if (this.#isWriting && !this.#isClosed) this.#handler!.onProgress?.();
    };
    duplex.whenGone = (error) => this.#onInnerGone(error);
    socket.on("error", (error) => this.#break(error));
    socket.on("close", () => this.#onSocketClosed());
    socket.on("end", () => this.#onEnd());
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    const earlyClose = this.#earlyClose;
    if (earlyClose !== undefined) queueMicrotask(() => handler.onClose(earlyClose.error));
    if (this.#isClosed) return;
    this.#socket.on("data", this.#onData);
    if (this.#isPaused) return;
    this.#duplex.release();
    if (this.#hasEnded) queueMicrotask(() => this.#tellEnd());
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isWriting = true;
    // `node:tls` never says that it has written nothing.
    if (bytes.length === 0) return queueMicrotask(() => this.#onWritten());
    this.#unwritten = bytes;
    this.#writeSome();
  }

  pause(): void {
    this.#isPaused = true;
    this.#duplex.hold();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#resumeIsDue || this.#isClosed) return;
    this.#resumeIsDue = true;
    queueMicrotask(() => this.#onResumed());
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return;
    if (this.#isWriting) {
      this.#endIsDue = true;
      return;
    }
    this.#isEnding = true;
    // The notice that ends the stream (RFC 8446 section 6.1) follows 'finish', in a microtask.
    this.#socket.end(() => setImmediate(() => this.#duplex.endBelow()));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rest = NO_BYTES;
    this.#duplex.hold();
    const canSayGoodbye = !this.#isWriting && !this.#isEnding && !this.#duplex.isWriting;
    if (!canSayGoodbye) return this.#cut();
    // Without the notice the peer can't tell the end from an attack; with one write it is on its
    // way, and its end is not waited for.
    this.#socket.end();
    setImmediate(() => this.#cut());
  }

  /** Without the notice that ends the stream: the peer knows that it was cut (RFC 8446 section 6.1). */
  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rest = NO_BYTES;
    this.#duplex.hold();
    this.#cut();
  }

  readonly #onData = (buffer: Uint8Array): void => {
    if (this.#isClosed) return;
    // Not the `Buffer` itself, whose `slice` is no copy.
    const read = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    const bytes = this.#rest.length === 0 ? read : joined([this.#rest, read]);
    if (this.#isPaused) this.#rest = bytes;
    else this.#offer(bytes);
  };

  #offer(bytes: Uint8Array): void {
    try {
      const taken = this.#handler!.onBytes(bytes);
      if (taken === bytes.length) {
        this.#rest = NO_BYTES;
        freeBuffer(bytes);
      } else this.#rest = leftOf(bytes, taken);
    } catch (error) {
      this.#break(error);
    }
  }

  #onResumed(): void {
    this.#resumeIsDue = false;
    if (this.#isPaused || this.#isClosed) return;
    if (this.#rest.length > 0) this.#offer(this.#rest);
    if (this.#isPaused || this.#isClosed) return;
    this.#tellEnd();
    this.#duplex.release();
  }

  /**
   * `node:tls` loses the notice that ends the stream where it comes at once behind more than its own buffer holds,
   * and tells no end at all then.
   */
  #onInnerEnd(): void {
    if (this.#isClosed || this.#hasEnded || this.#handler === undefined) return;
    setImmediate(() => {
      if (this.#socket.readableLength > 0) this.#onInnerEnd();
      else if (!this.#isClosed && !this.#hasEnded) this.#onEnd();
    });
  }

  #onEnd(): void {
    this.#hasEnded = true;
    this.#tellEnd();
  }

  /** Behind all that was read: a rest whose turn is due comes first. */
  #tellEnd(): void {
    if (this.#isPaused || this.#resumeIsDue || this.#isClosed) return;
    if (!this.#hasEnded || this.#endIsTold || this.#handler === undefined) return;
    this.#endIsTold = true;
    this.#handler.onEnd();
  }

  #writeSome(): void {
    const bytes = this.#unwritten;
    if (bytes.length <= LARGEST_WRITE) {
      this.#unwritten = NO_BYTES;
      this.#socket.write(bytes, this.#onWritten);
    } else {
      this.#unwritten = bytes.subarray(LARGEST_WRITE);
      this.#socket.write(bytes.subarray(0, LARGEST_WRITE), this.#onWritten);
    }
  }

  /** `node:tls` has handed down what it was given, or never will. */
  readonly #onWritten = (error?: Error | null): void => {
    if (this.#isClosed) return;
    if (error) return this.#break(error);
    if (this.#unwritten.length > 0) {
      this.#handler!.onProgress?.();
      return this.#writeSome();
    }
    if (this.#duplex.isWriting) this.#drainIsDue = true;
    else this.#onWriteLeft();
  };

  #onIdle(): void {
    if (!this.#drainIsDue || this.#isClosed) return;
    this.#drainIsDue = false;
    this.#onWriteLeft();
  }

  #onWriteLeft(): void {
    this.#isWriting = false;
    if (this.#endIsDue) {
      this.#endIsDue = false;
      this.end();
    }
    try {
      this.#handler!.onDrain();
    } catch (error) {
      this.#break(error);
    }
  }

  #onInnerGone(error: unknown): void {
    if (this.#isClosed) return this.#gone(undefined);
    // Ended both ways `node:tls` closes by itself, and the handler has yet to.
    if (error === undefined && this.#hasEnded && this.#isEnding) return;
    this.#break(error ?? new LwsError("connection-closed", "the connection below was closed"));
  }

  #onSocketClosed(): void {
    // As above.
    if (this.#hasEnded && this.#isEnding) return;
    this.#break(new LwsError("connection-closed", "the TLS connection was closed"));
  }

  /** The peer, the network or the handler's failure ended the connection. */
  #break(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rest = NO_BYTES;
    this.#socket.destroy();
    this.#duplex.abort();
    this.#gone(error);
  }

  #cut(): void {
    this.#socket.destroy();
    this.#duplex.abort();
    queueMicrotask(() => this.#gone(undefined));
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#handler === undefined) this.#earlyClose = { error };
    else this.#handler.onClose(error);
  }
}
