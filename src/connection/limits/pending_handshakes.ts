/** The connections whose first request is not complete: so many at a time. */

import { line, log } from "../../base/log.ts";
import type { ContextCounters } from "../stats/counters.ts";

/** One of them. Implemented by Connection, and by ProxyHeaders for those that are none yet. */
export interface Newcomer {
  /** Undefined before it has a number. */
  readonly socketFd?: number;
  abort(cause: "limit"): void;
}

/**
 * Has the oldest one make room for a new one: of those of which nothing has come, or of the others where these are
 * more. Were it always a silent one, strangers who send a byte each and stay would have every newcomer ended by the
 * next one, before its request has had the time to come.
 */
export class PendingHandshakes {
  readonly #most: number;
  readonly #counters: ContextCounters;
  /** As sets, the oldest ones first. */
  readonly #silent = new Set<Newcomer>();
  readonly #begun = new Set<Newcomer>();

  /** @param most from 1 */
  constructor(most: number, counters: ContextCounters) {
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
    const [oldest] = this.#silent.size >= this.#begun.size ? this.#silent : this.#begun;
    this.forget(oldest!);
    this.#counters.hit("maxPendingHandshakes");
    this.#counters.turnAway("maxPendingHandshakes");
    log("info", () => {
      const which = oldest!.socketFd ?? "without a PROXY header";
      return line`connection ${which}: made room for another, at maxPendingHandshakes (${this.#most})`;
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
