/** A callback of an HTTP connection whose promise is awaited. */

import type { Connection } from "./connection.ts";
import type { Reason } from "./reasons.ts";

/** What a connection keeps back until the program has said its word. */
export class AwaitedCallback {
  readonly reason: Reason;
  /** The promise has settled; what came of it may still wait for service. */
  isSettled = false;
  readonly #connection: Connection;
  #hasInput = false;
  #wantsWritable = false;
  readonly #later: (() => void)[] = [];

  constructor(connection: Connection, reason: Reason) {
    this.#connection = connection;
    this.reason = reason;
  }

  /** Whether nothing of the request is answered before this. */
  get isFilter(): boolean {
    return this.reason.startsWith("filter");
  }

  /** A filter has its time; a peer that waits for the program's answer is not under any. */
  armTimeout(): void {
    const connection = this.#connection;
    const { headerTimeoutMs } = connection.owner.limits;
    if (this.isFilter) connection.armTimeout("establishWithServer", headerTimeoutMs);
    else if (connection.unsentBytes === 0) connection.armTimeout("noPendingTimeout", 0);
  }

  /**
   * So many bytes wait untaken. Reading goes on behind them, so that the end of the stream is seen, until
   * they are as many as a head may have.
   */
  hold(length: number): void {
    if (length === 0) return;
    this.#hasInput = true;
    const connection = this.#connection;
    if (length >= connection.owner.limits.maxHeaderBytes) connection.holdInput(true);
  }

  /** A writeable callback that is due waits as well. */
  holdWritable(): void {
    this.#wantsWritable = true;
  }

  /** Does `work` afterwards. */
  defer(work: () => void): void {
    this.#later.push(work);
  }

  /** Lets happen what was kept back; `defer` may have to wait once more. */
  release(defer: (work: () => void) => void): void {
    const connection = this.#connection;
    for (const work of this.#later) defer(work);
    if (this.#wantsWritable) connection.callbackOnWritable();
    if (this.#hasInput) connection.offerAgain();
  }
}
