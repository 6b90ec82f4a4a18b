/** What a connection begins with, for TLS and plain HTTP on one port. */

import type { Address, Transport, TransportHandler } from "./transport.ts";

/** The first byte of a TLS connection: a handshake record, RFC 8446 section 5.1. */
export const TLS_HANDSHAKE_RECORD = 0x16;

/**
 * A transport whose first byte can be seen before anybody takes it. What comes first, and all else,
 * stays with the transport below until {@linkcode PeekedTransport.start} gives it a handler.
 */
export class PeekedTransport implements Transport, TransportHandler {
  /**
   * Fulfils with the first byte, or with `undefined` when the connection ended, broke or was closed
   * without one. Never rejects.
   */
  readonly firstByte: Promise<number | undefined>;
  readonly #inner: Transport;
  readonly #tellFirstByte: (byte: number | undefined) => void;
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #hasEnded = false;
  /** Why the transport below is gone, before there was a handler to hear it. */
  #fate: { readonly error: unknown } | undefined;

  /** Starts `inner`, which nobody may have started. */
  constructor(inner: Transport) {
    this.#inner = inner;
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.firstByte = promise;
    this.#tellFirstByte = resolve;
    inner.start(this);
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    if (this.#fate !== undefined || this.#hasEnded) queueMicrotask(() => this.#tellFate());
    // Held back since the first byte, or so that nothing comes before the end that is due above.
    this.#inner.pause();
    if (!this.#isPaused) this.#inner.resume();
  }

  write(bytes: Uint8Array): void {
    this.#inner.write(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#handler !== undefined) this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  close(): void {
    this.#inner.close();
    this.#tellFirstByte(undefined);
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#handler !== undefined) return this.#handler.onBytes(bytes);
    this.#inner.pause();
    this.#tellFirstByte(bytes[0]);
    return 0;
  }

  onDrain(): void {
    this.#handler?.onDrain();
  }

  onEnd(): void {
    if (this.#handler !== undefined) return this.#handler.onEnd();
    this.#hasEnded = true;
    this.#tellFirstByte(undefined);
  }

  onClose(error?: unknown): void {
    if (this.#handler !== undefined) return this.#handler.onClose(error);
    this.#fate = { error };
    this.#tellFirstByte(undefined);
  }

  #tellFate(): void {
    if (this.#hasEnded) {
      this.#hasEnded = false;
      this.#handler!.onEnd();
    }
    if (this.#fate !== undefined) this.#handler!.onClose(this.#fate.error);
  }
}
