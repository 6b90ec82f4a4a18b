/** What a connection begins with, for TLS and plain HTTP on one port. */

import {
  abortTransport,
  type Address,
  type Transport,
  type TransportHandler,
} from "./transport.ts";

/** The first byte of a TLS connection: a handshake record, RFC 8446 section 5.1. */
export const TLS_HANDSHAKE_RECORD = 0x16;
/** The first byte of an alert, with which a TLS server answers what is none. */
export const TLS_ALERT_RECORD = 0x15;

/** Looks at the first byte only. */
export function firstByteOf(bytes: Uint8Array): number {
  return bytes[0]!;
}

/**
 * A transport whose first bytes can be seen before anybody takes them. What comes first, and all
 * else, stays with the transport below until {@linkcode PeekedTransport.start} gives it a handler.
 */
export class PeekedTransport<Found = number> implements Transport, TransportHandler {
  /**
   * Fulfils with what was found in the first bytes, or with `undefined` when the connection ended,
   * broke or was closed before. Never rejects.
   */
  readonly found: Promise<Found | undefined>;
  readonly #inner: Transport;
  readonly #find: (bytes: Uint8Array) => Found | undefined;
  readonly #tell: (found: Found | undefined) => void;
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #hasEnded = false;
  #isClosed = false;
  /** Why the transport below is gone, before there was a handler to hear it. */
  #fate: { readonly error: unknown } | undefined;

  /**
   * Starts `inner`, which nobody may have started.
   *
   * @param find looks at all bytes that are there, from the first, until it finds what it wants
   */
  constructor(inner: Transport, find: (bytes: Uint8Array) => Found | undefined) {
    this.#inner = inner;
    this.#find = find;
    const { promise, resolve } = Promise.withResolvers<Found | undefined>();
    this.found = promise;
    this.#tell = resolve;
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
    this.#isClosed = true;
    this.#inner.close();
    this.#tell(undefined);
  }

  abort(): void {
    this.#isClosed = true;
    abortTransport(this.#inner);
    this.#tell(undefined);
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#handler !== undefined) return this.#handler.onBytes(bytes);
    const found = this.#find(bytes);
    if (found === undefined) return 0;
    this.#inner.pause();
    this.#tell(found);
    return 0;
  }

  onDrain(): void {
    this.#handler?.onDrain();
  }

  onProgress(): void {
    this.#handler?.onProgress?.();
  }

  onEnd(): void {
    if (this.#handler !== undefined) return this.#handler.onEnd();
    this.#hasEnded = true;
    this.#tell(undefined);
  }

  onClose(error?: unknown): void {
    if (this.#handler !== undefined) return this.#handler.onClose(error);
    this.#fate = { error };
    this.#tell(undefined);
  }

  #tellFate(): void {
    if (this.#hasEnded && !this.#isClosed) this.#handler!.onEnd();
    if (this.#fate !== undefined) this.#handler!.onClose(this.#fate.error);
  }
}
