/** The way of encrypted bytes to the transport below, which takes one write at a time. */

import type { Transport } from "../../../api/network.ts";
import type { Pipes } from "./pipes.ts";

/** What may wait besides a write under way: answers and alerts, but for a peer that floods. */
const MOST_WAITING = 64 * 1024;

/** Sends what a connection has put into the {@linkcode Pipes}. */
export class Sender {
  /** Whether anything has been sent at all. */
  hasSent = false;
  readonly #inner: Transport;
  readonly #pipes: Pipes;
  /** What the transport below is sending. */
  #lent: Uint8Array<ArrayBuffer> | undefined;
  #waiting: Uint8Array<ArrayBuffer>[] | undefined;
  #waitingLength = 0;
  #held: Uint8Array<ArrayBuffer> | undefined;

  constructor(inner: Transport, pipes: Pipes) {
    this.#inner = inner;
    this.#pipes = pipes;
  }

  /** Whether something has not left. */
  get isSending(): boolean {
    return this.#lent !== undefined;
  }

  /** Keeps what was produced, to leave with what comes next: a second call of the kernel's takes as long as a ticket. */
  hold(): void {
    const length = this.#pipes.produced;
    if (length === 0) return;
    const bytes = this.#pipes.take(length, this.#held);
    this.#held = bytes.slice();
    this.#pipes.giveBack(bytes);
  }

  /** Whether something is kept so. */
  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** Sends what is kept, where nothing has come. */
  release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#sendOrWait(held);
  }

  /** Sends what was produced; false when too much of it waits. */
  flush(): boolean {
    const length = this.#pipes.produced;
    if (length === 0) return true;
    const bytes = this.#pipes.take(length, this.#held);
    this.#held = undefined;
    return this.#sendOrWait(bytes);
  }

  #sendOrWait(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.#lent === undefined) {
      this.send(bytes);
      return true;
    }
    (this.#waiting ??= []).push(bytes.slice());
    this.#pipes.giveBack(bytes);
    this.#waitingLength += bytes.length;
    return this.#waitingLength <= MOST_WAITING;
  }

  /** Sends bytes; nothing may be on its way. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.hasSent = true;
    if (this.#inner.write(bytes) === true) this.#pipes.giveBack(bytes);
    else this.#lent = bytes;
  }

  /** What was on its way has left; whether that is all. */
  drained(): boolean {
    if (this.#lent !== undefined) this.#pipes.giveBack(this.#lent);
    this.#lent = undefined;
    while (this.#lent === undefined) {
      const next = this.#waiting?.shift();
      if (next === undefined) return true;
      this.#waitingLength -= next.length;
      this.send(next);
    }
    return false;
  }
}
