/** How many handshakes of WebSockets each address may ask for. */

import { TokenBucket } from "./token_bucket.ts";
import { networkOf } from "../../proxy/ip_address.ts";

/** In which a bucket is full again, and no different from one that is made anew. */
const REFILL_MS = 1000;
/** Addresses in each of two generations; more are forgotten before their time. */
const MOST_ADDRESSES = 65_536;

/**
 * A bucket an address. Those of the last second are kept, and those of the one before: what is older is full
 * again, so that no timer has to look for it.
 */
export class HandshakeRates {
  readonly #perSecond: number;
  #recent = new Map<string, TokenBucket>();
  #former = new Map<string, TokenBucket>();
  #since = -Infinity;

  /** @param perSecond from 1 */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many addresses are known. */
  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  /** Milliseconds until an address may ask again; 0 if it may now, which counts. A handshake too many doesn't count. */
  untilAllowed(address: string, now: number): number {
    this.#forget(now);
    const key = networkOf(address);
    let bucket = this.#recent.get(key);
    if (bucket === undefined) {
      bucket = this.#former.get(key) ?? new TokenBucket(this.#perSecond, now);
      this.#former.delete(key);
      this.#recent.set(key, bucket);
    }
    return bucket.takeIfThere(now) ? 0 : bucket.untilThere(1);
  }

  #forget(now: number): void {
    const age = now - this.#since;
    if (age < REFILL_MS && this.#recent.size < MOST_ADDRESSES) return;
    this.#former = age < 2 * REFILL_MS ? this.#recent : new Map();
    this.#recent = new Map();
    this.#since = now;
  }
}
