/**
 * A token bucket: a second's worth of tokens is there at first, and as many come in each second until the bucket is
 * full again. What is taken past them is a debt.
 */
export class TokenBucket {
  readonly #perSecond: number;
  /** A thousand for each token, so that whole milliseconds bring whole numbers. */
  #level: number;
  #at: number;

  /**
   * @param perSecond from 1
   * @param now milliseconds from an arbitrary start, as of all calls
   */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#level = perSecond * 1000;
    this.#at = now;
  }

  /** Takes so many; whether they were there, all of them. */
  take(count: number, now: number): boolean {
    this.#refill(now);
    this.#level -= count * 1000;
    return this.#level >= 0;
  }

  /** Takes one if there is a whole one, and nothing else. */
  takeIfThere(now: number): boolean {
    this.#refill(now);
    if (this.#level < 1000) return false;
    this.#level -= 1000;
    return true;
  }

  /** Milliseconds until there are so many, if none is taken; 0 is for the end of a debt. */
  untilThere(count: number): number {
    return Math.max(0, Math.ceil((count * 1000 - this.#level) / this.#perSecond));
  }

  #refill(now: number): void {
    const came = (now - this.#at) * this.#perSecond;
    // A clock may have jumped back.
    if (came > 0) this.#level = Math.min(this.#level + came, this.#perSecond * 1000);
    this.#at = now;
  }
}
