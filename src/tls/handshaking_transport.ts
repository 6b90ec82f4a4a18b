/** A transport that is still being made, as by a TLS handshake. */

import {
  abortTransport,
  soon,
  type Transport,
  type TransportHandler,
  writeAndDrain,
} from "../api/network.ts";
import { Relay } from "../service/relay.ts";

/** How a transport is made of another one. */
export interface Making {
  /** Fulfils with the transport; rejects when nothing came of it, and all is closed then. */
  readonly done: PromiseLike<Transport>;
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

/** Stands for a transport until it is there, which tells the owner itself from then on. */
export class HandshakingTransport extends Relay {
  readonly #making: Making;
  #made: Transport | undefined;
  /** A write that came before there was anything to write to. */
  #early: Uint8Array | undefined;
  #endIsDue = false;
  #isAdmitted = false;
  #isGone = false;

  /** @param inner what it is made of, whose addresses it has */
  constructor(inner: Transport, making: Making) {
    super(inner);
    this.#making = making;
    // An owner that never starts it is not told.
    making.done.then(undefined, () => {});
  }

  override start(handler: TransportHandler): void {
    this.owner = handler;
    this.#making.done.then(
      (made) => this.#onMade(made),
      (error) => this.#gone(error),
    );
  }

  override write(bytes: Uint8Array): boolean | void {
    if (this.#isAdmitted) return this.inner.write(bytes);
    this.#early = bytes;
  }

  override pause(): void {
    this.isPaused = true;
    if (this.#isAdmitted) this.inner.pause();
  }

  override resume(): void {
    this.isPaused = false;
    if (this.#isAdmitted) this.inner.resume();
  }

  override end(): void {
    if (this.#isAdmitted) this.inner.end();
    else this.#endIsDue = true;
  }

  override close(): void {
    if (this.#made !== undefined) return this.#made.close();
    if (this.isClosed) return;
    this.isClosed = true;
    this.#making.close();
    if (this.owner === undefined) {
      // It may be made all the same by now.
      this.#making.done.then((made) => made.close(), () => {});
    } else soon(this.inner, () => this.#gone(undefined));
  }

  override abort(): void {
    if (this.#made === undefined) this.close();
    else abortTransport(this.#made);
  }

  #onMade(made: Transport): void {
    if (this.isClosed) {
      made.close();
      return this.#gone(undefined);
    }
    this.#made = this.inner = made;
    made.start(this.owner!);
    made.pause();
    if (this.#making.judge === undefined) return this.#admit();
    this.#making.judge(made, (isWelcome) => {
      if (isWelcome) this.#admit();
      else made.close();
    });
  }

  #admit(): void {
    const made = this.inner;
    this.#isAdmitted = true;
    if (this.#early !== undefined) writeAndDrain(made, this.#early, this);
    this.#early = undefined;
    if (this.#endIsDue) made.end();
    if (!this.isPaused) made.resume();
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.owner!.onClose(this.isClosed ? undefined : error);
  }
}
