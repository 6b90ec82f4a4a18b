/** The order of those that wait for their turns. */

/** What is taken in a millisecond, about. */
const BYTES_A_MS = 1024 * 1024;
/** So many bytes, where it is known how many there are, are little. */
const LITTLE = 4 * 1024;

/** What works in turns. Implemented by Connection, CodedSource, AwaitedTurn and HandshakeTurns. */
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
  hasHadTurn: boolean;
}

/** Some or all of those that wait, one behind the other. */
class Line {
  /** How long those that it has chosen have worked, by its part of the time. */
  servedMs = 0;
  readonly #part: number;
  #waiting: Waiting[] = [];

  constructor(part: number) {
    this.#part = part;
  }

  took(ms: number): void {
    this.servedMs += ms / this.#part;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Forgets those that another line has chosen. */
  clean(): void {
    this.#waiting = this.#waiting.filter(({ hasHadTurn }) => !hasHadTurn);
  }

  sort(): void {
    this.#waiting.sort(byDoneMs);
  }

  get first(): Waiting | undefined {
    while (this.#waiting[0]?.hasHadTurn) this.#waiting.shift();
    return this.#waiting[0];
  }
}

/**
 * Three lines have four, two and one parts of the time, so that nothing that waits is left out. In the first the one
 * goes first that was served least, and of those served alike the one with least to take; newcomers without end would
 * always come in front of the others. The second one has those alone that wait with little: by the clock a small echo
 * takes as long as a large one, since the process that it wakes runs in its time. In the third one the one goes first
 * that has waited longest.
 */
export class TurnOrder {
  #coming: Waiting[] = [];
  readonly #leastServed = new Line(4);
  readonly #little = new Line(2);
  readonly #longest = new Line(1);
  readonly #lines = [this.#leastServed, this.#little, this.#longest];
  /** Whose turn was the last one. */
  #serving: Line | undefined;
  #oldMs = 0;
  #length = 0;

  /** How many wait. */
  get length(): number {
    return this.#length;
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
    this.#coming.push({ taker, bytes, hasHadTurn: false });
    this.#length++;
  }

  /** Gives all that were added since then their places. */
  sort(): void {
    if (this.#coming.length === 0) return;
    for (const line of this.#lines) line.clean();
    for (const each of this.#coming) {
      this.#leastServed.push(each);
      if (each.bytes > 0 && each.bytes <= LITTLE) this.#little.push(each);
      this.#longest.push(each);
    }
    this.#coming = [];
    this.#leastServed.sort();
    this.#little.sort();
  }

  /** Takes out whose turn it is; of those that were sorted. */
  next(): TurnTaker | undefined {
    let line: Line | undefined;
    for (const each of this.#lines) {
      if (each.first !== undefined && (line === undefined || each.servedMs < line.servedMs)) {
        line = each;
      }
    }
    if (line === undefined) return undefined;
    // A line that had nothing to choose from has nothing to make up for, either.
    for (const each of this.#lines) each.servedMs = Math.max(each.servedMs, line.servedMs);
    const waiting = line.first!;
    waiting.hasHadTurn = true;
    // What ended meanwhile would be kept until others wait.
    if (--this.#length === 0) { for (const each of this.#lines) each.clean(); }
    this.#serving = line;
    const { taker } = waiting;
    // One that has waited with much may have been served less than the last one.
    if (line === this.#leastServed) this.#oldMs = Math.max(this.#oldMs, taker.servedMs);
    return taker;
  }

  /** The turn that {@linkcode next} has given took so many milliseconds. */
  took(ms: number): void {
    this.#serving?.took(ms);
    this.#serving = undefined;
  }
}

function byDoneMs(one: Waiting, other: Waiting): number {
  return doneMs(one) - doneMs(other);
}

/** What one will have been served behind its next turn, about. */
function doneMs({ taker, bytes }: Waiting): number {
  return taker.servedMs + bytes / BYTES_A_MS;
}
