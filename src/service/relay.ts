/** What stands between a transport and its owner, and passes all on. */

import {
  abortTransport,
  type Address,
  soon,
  type Transport,
  type TransportHandler,
} from "../api/network.ts";

/**
 * The base of transports that wrap another one. Until it has an owner, what comes is the subclass's:
 * bytes by {@linkcode Relay.onEarlyBytes}, an end by {@linkcode Relay.onEarlyEnd}; the owner is told of that end when it comes.
 */
export class Relay implements Transport, TransportHandler {
  /** The transport below, which the subclass starts. */
  protected inner: Transport;
  protected owner: TransportHandler | undefined;
  protected isPaused = false;
  /** Whether this end has closed. */
  protected isClosed = false;
  /** The peer will send no more, which the owner has yet to hear. */
  protected hasEnded = false;
  /** How the transport below went, before there was an owner to hear it. */
  protected earlyClose: { readonly error: unknown } | undefined;

  constructor(inner: Transport) {
    this.inner = inner;
  }

  get localAddress(): Address {
    return this.inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.inner.remoteAddress;
  }

  get fd(): number | undefined {
    return this.inner.fd;
  }

  get later(): Transport["later"] {
    return this.inner.later;
  }

  start(handler: TransportHandler): void {
    this.owner = handler;
    if (this.earlyClose !== undefined || this.hasEnded) soon(this, () => this.#tellEarlyEnd());
    // Held back since the first byte, or so that nothing comes before the end that is due above.
    this.inner.pause();
    if (!this.isPaused) this.inner.resume();
  }

  write(bytes: Uint8Array): boolean | void {
    return this.inner.write(bytes);
  }

  pause(): void {
    this.isPaused = true;
    this.inner.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.owner !== undefined) this.inner.resume();
  }

  end(): void {
    this.inner.end();
  }

  close(): void {
    this.isClosed = true;
    this.inner.close();
  }

  abort(): void {
    this.isClosed = true;
    abortTransport(this.inner);
  }

  onBytes(bytes: Uint8Array): number {
    return this.owner === undefined ? this.onEarlyBytes(bytes) : this.owner.onBytes(bytes);
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  onProgress(): void {
    this.owner?.onProgress?.();
  }

  onEnd(): void {
    if (this.owner !== undefined) return this.owner.onEnd();
    this.hasEnded = true;
    this.onEarlyEnd();
  }

  onClose(error?: unknown): void {
    if (this.owner !== undefined) {
      // An end that is due is not told behind this.
      this.hasEnded = false;
      return this.owner.onClose(error);
    }
    this.earlyClose = { error };
    this.onEarlyEnd(this.earlyClose);
  }

  /** Bytes without an owner; returns how many were taken. */
  protected onEarlyBytes(_bytes: Uint8Array): number {
    return 0;
  }

  /** The peer ended, or the transport below is gone, `broken` or closed, without an owner. */
  protected onEarlyEnd(_broken?: { readonly error: unknown }): void {}

  #tellEarlyEnd(): void {
    if (this.hasEnded && !this.isClosed) this.owner!.onEnd();
    if (this.earlyClose !== undefined) this.owner!.onClose(this.earlyClose.error);
  }
}
