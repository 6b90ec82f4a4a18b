/** The order of those that wait for their turns. */

/** What is taken in a millisecond, about. */
const BYTES_A_MS = 1024 * 1024;
/** So many bytes, where it is known how many there are, are little. */
const LITTLE = 4 * 1024;

/** What works in turns. Implemented by Connection and CodedSource. */
export interface TurnTaker {
  /** Milliseconds that it was served, beside those that wait; the budget's own. */
  servedMs: number;
  /** Called when it is its turn: it goes on, in a microtask at the latest. */
  onTurn(): void;
}

/** A taker, and how many bytes it waits with. */
interface Waiting {
  readonly taker: TurnTaker;
  readonly bytes: number;
}

/**
 * The one that was served least goes first, and of those served alike the one with least to take. Those with
 * little may have turns before all others: by the clock a small echo takes as long as a large one, since the
 * process that it wakes runs in its time.
 */
export class TurnOrder {
  #coming: Waiting[] = [];
  readonly #much: Waiting[] = [];
  readonly #little: Waiting[] = [];
  #oldMs = 0;

  /** How many wait. */
  get length(): number {
    return this.#coming.length + this.#much.length + this.#little.length;
  }

  /** What the taker that had the last turn for being served least had been served by then. */
  get oldMs(): number {
    return this.#oldMs;
  }

  /**
   * `taker` is served from the next {@linkcode sort} on. For the time before it has nothing to make up for.
   *
   * @param bytes 0 where it isn't known how many
   */
  add(taker: TurnTaker, bytes: number): void {
    taker.servedMs = Math.max(taker.servedMs, this.#oldMs);
    this.#coming.push({ taker, bytes });
  }

  /** Gives all that were added since then their places. */
  sort(): void {
    for (const each of this.#coming) {
      (each.bytes > 0 && each.bytes <= LITTLE ? this.#little : this.#much).push(each);
    }
    this.#coming = [];
    this.#much.sort(byDoneMs);
    this.#little.sort(byDoneMs);
  }

  /** Takes out whose turn it is; of those that were sorted. */
  next(littleFirst: boolean): TurnTaker | undefined {
    const [much] = this.#much;
    const [little] = this.#little;
    if (much === undefined || little === undefined) {
      return this.#leastServed(much === undefined ? this.#little : this.#much);
    }
    if (littleFirst) return this.#little.shift()!.taker;
    return this.#leastServed(byDoneMs(much, little) < 0 ? this.#much : this.#little);
  }

  #leastServed(all: Waiting[]): TurnTaker | undefined {
    const taker = all.shift()?.taker;
    // One that has waited with much may have been served less than the last one.
    if (taker !== undefined) this.#oldMs = Math.max(this.#oldMs, taker.servedMs);
    return taker;
  }
}

function byDoneMs(one: Waiting, other: Waiting): number {
  return doneMs(one) - doneMs(other);
}

/** What one will have been served behind its next turn, about. */
function doneMs({ taker, bytes }: Waiting): number {
  return taker.servedMs + bytes / BYTES_A_MS;
}
