/** A transport that is still being made, as by a TLS handshake. */

import {
  abortTransport,
  type Address,
  type Transport,
  type TransportHandler,
} from "../api/network.ts";

/** How a transport is made of another one. */
export interface Making {
  /** Fulfils with the transport; rejects when nothing came of it, and all is closed then. */
  readonly done: Promise<Transport>;
  /**
   * Has the last word on what was made, and says it by `admit`, at once or later, once; until then
   * nothing is read. Without an answer what was made lasts until its owner closes it.
   *
   * @default everything is admitted
   */
  judge?(made: Transport, admit: (isWelcome: boolean) => void): void;
  /** Gives up and closes all; harmless once it is done. */
  close(): void;
}

/** Stands for a transport until it is there, and passes all on from then on. */
export class LateTransport implements Transport {
  readonly #inner: Transport;
  readonly #making: Making;
  #made: Transport | undefined;
  #handler: TransportHandler | undefined;
  /** A write that came before there was anything to write to. */
  #early: Uint8Array | undefined;
  #endIsDue = false;
  #isPaused = false;
  #isAdmitted = false;
  #isClosed = false;
  #isGone = false;

  /** @param inner what it is made of, whose addresses it has */
  constructor(inner: Transport, making: Making) {
    this.#inner = inner;
    this.#making = making;
    // Who never starts it is not told.
    making.done.catch(() => {});
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

  write(bytes: Uint8Array): void {
    if (this.#isAdmitted) this.#made!.write(bytes);
    else this.#early = bytes;
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#isAdmitted) this.#made!.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isAdmitted) this.#made!.resume();
  }

  end(): void {
    if (this.#isAdmitted) this.#made!.end();
    else this.#endIsDue = true;
  }

  close(): void {
    if (this.#made !== undefined) return this.#made.close();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#making.close();
    if (this.#handler === undefined) {
      // It may be made all the same by now.
      this.#making.done.then((made) => made.close(), () => {});
    } else queueMicrotask(() => this.#gone(undefined));
  }

  abort(): void {
    if (this.#made === undefined) this.close();
    else abortTransport(this.#made);
  }

  #onMade(made: Transport): void {
    if (this.#isClosed) {
      made.close();
      return this.#gone(undefined);
    }
    this.#made = made;
    made.start(this.#handler!);
    made.pause();
    if (this.#making.judge === undefined) return this.#admit();
    this.#making.judge(made, (isWelcome) => {
      if (isWelcome) this.#admit();
      else made.close();
    });
  }

  #admit(): void {
    const made = this.#made!;
    this.#isAdmitted = true;
    if (this.#early !== undefined) made.write(this.#early);
    this.#early = undefined;
    if (this.#endIsDue) made.end();
    if (!this.#isPaused) made.resume();
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#handler!.onClose(this.#isClosed ? undefined : error);
  }
}
