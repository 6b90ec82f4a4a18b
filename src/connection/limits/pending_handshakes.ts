/** The connections whose first request is not complete: so many at a time. */

import { log } from "../../base/log.ts";
import type { ContextCounters } from "../stats/counters.ts";

/** One of them. Implemented by Connection, and by ProxyHeaders for those that are none yet. */
export interface Newcomer {
  /** Undefined before it has a number. */
  readonly socketFd?: number;
  abort(cause: "limit"): void;
}

/** Has the oldest one make room for a new one: first those of which nothing has come. */
export class PendingHandshakes {
  readonly #most: number;
  readonly #counters: Pick<ContextCounters, "hit">;
  /** As sets, the oldest ones first. */
  readonly #silent = new Set<Newcomer>();
  readonly #begun = new Set<Newcomer>();

  /** @param most from 1 */
  constructor(most: number, counters: Pick<ContextCounters, "hit">) {
    this.#most = most;
    this.#counters = counters;
  }

  /** How many there are. */
  get size(): number {
    return this.#silent.size + this.#begun.size;
  }

  /** Makes sure that one more has room. */
  makeRoom(): void {
    if (this.size < this.#most) return;
    const [oldest] = this.#silent.size > 0 ? this.#silent : this.#begun;
    this.forget(oldest!);
    this.#counters.hit("maxPendingHandshakes");
    log("info", () => {
      const which = oldest!.socketFd ?? "without a PROXY header";
      return `connection ${which}: made room for another, at maxPendingHandshakes (${this.#most})`;
    });
    oldest!.abort("limit");
  }

  /** One that has room is there. */
  add(newcomer: Newcomer): void {
    this.#silent.add(newcomer);
  }

  /** Something has come of it. */
  begins(newcomer: Newcomer): void {
    if (this.#silent.delete(newcomer)) this.#begun.add(newcomer);
  }

  /** Its first request is complete, or it is gone. */
  forget(newcomer: Newcomer): void {
    if (!this.#silent.delete(newcomer)) this.#begun.delete(newcomer);
  }
}
