/** A transport that is still being made, as by a TLS handshake. */

import type { Address, Transport, TransportHandler } from "./transport/transport.ts";

/** How a transport is made of another one. */
export interface Making {
  /** Fulfils with the transport; rejects when nothing came of it, and all is closed then. */
  readonly done: Promise<Transport>;
  /** Gives up and closes all. */
  close(): void;
}

/** Stands for a transport until it is there, and passes all on from then on. */
export class LateTransport implements Transport {
  readonly #inner: Transport;
  readonly #making: Making;
  #made: Transport | undefined;
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #isClosed = false;
  #isGone = false;

  /** @param inner what it is made of, whose addresses it has */
  constructor(inner: Transport, making: Making) {
    this.#inner = inner;
    this.#making = making;
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#making.done.then(
      (made) => this.#onMade(made),
      (error) => this.#gone(error),
    );
  }

  /** Nobody writes in front of what the peer says first, which can't come before. */
  write(bytes: Uint8Array): void {
    this.#made!.write(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#made?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#made?.resume();
  }

  end(): void {
    this.#made?.end();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#made !== undefined) return this.#made.close();
    this.#making.close();
    queueMicrotask(() => this.#gone(undefined));
  }

  #onMade(made: Transport): void {
    if (this.#isGone) return made.close();
    this.#made = made;
    made.start(this.#handler!);
    if (this.#isPaused) made.pause();
  }

  #gone(error: unknown): void {
    if (this.#isGone || this.#made !== undefined) return;
    this.#isGone = true;
    this.#handler!.onClose(this.#isClosed ? undefined : error);
  }
}
