/** How often lines of one kind are written. */

/** So many lines of one kind come in a window; the others are counted. */
export const MOST_ALIKE = 5;
/** Milliseconds of a window. */
export const WINDOW_MS = 1_000;
/** So many kinds are told apart in one window; all others are one. */
const MOST_KINDS = 256;
const OTHERS = "lines of other kinds";

/** The time that it goes by: that of a context. */
export interface LimiterClock {
  now(): number;
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  keepAlive?(timer: unknown, keeps: boolean): void;
}

interface Kind<Level> {
  readonly level: Level;
  readonly text: string;
  count: number;
}

/**
 * Lets {@linkcode MOST_ALIKE} lines of a kind pass in each second, and tells at its end how many more there
 * were. There is a timer only while a line is held back, and only by the clock of a context; without one the
 * next line tells.
 */
export class LineLimiter<Level extends string> {
  readonly #tell: (level: Level, line: string) => void;
  readonly #kinds = new Map<string, Kind<Level>>();
  readonly #clocks: LimiterClock[] = [];
  #begin = -Infinity;
  #timer: { readonly clock: LimiterClock; readonly id: unknown } | undefined;

  /** @param tell writes the line about those that were held back */
  constructor(tell: (level: Level, line: string) => void) {
    this.#tell = tell;
  }

  /** How many kinds are told apart now. */
  get size(): number {
    return this.#kinds.size;
  }

  /** Goes by this clock until what is returned is called, which tells what was held back. */
  lend(clock: LimiterClock): () => void {
    this.reset();
    this.#clocks.push(clock);
    return () => {
      const place = this.#clocks.lastIndexOf(clock);
      if (place < 0) return;
      this.#clocks.splice(place, 1);
      this.reset();
    };
  }

  /** Whether this line is to be written. */
  passes(level: Level, kind: string): boolean {
    const clock = this.#clocks.at(-1);
    const now = clock === undefined ? performance.now() : clock.now();
    if (!(now >= this.#begin && now < this.#begin + WINDOW_MS)) {
      this.reset();
      this.#begin = now;
    }
    const known = this.#kindOf(level, kind);
    if (++known.count <= MOST_ALIKE) return true;
    if (this.#timer === undefined && clock !== undefined) this.#arm(clock, now);
    return false;
  }

  /** Begins a new window, and tells what was held back in the one before. */
  reset(): void {
    if (this.#timer !== undefined) this.#timer.clock.clearTimer(this.#timer.id);
    this.#timer = undefined;
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    this.#begin = -Infinity;
    for (const { level, text, count } of kinds) {
      if (count <= MOST_ALIKE) continue;
      this.#tell(level, `and ${(count - MOST_ALIKE).toLocaleString("en-US")} more: ${text}`);
    }
  }

  #kindOf(level: Level, text: string): Kind<Level> {
    const key = `${level} ${text}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MOST_KINDS && text !== OTHERS) return this.#kindOf(level, OTHERS);
    const kind = { level, text, count: 0 };
    this.#kinds.set(key, kind);
    return kind;
  }

  #arm(clock: LimiterClock, now: number): void {
    const id = clock.setTimer(() => {
      this.#timer = undefined;
      this.reset();
    }, this.#begin + WINDOW_MS - now);
    clock.keepAlive?.(id, false);
    this.#timer = { clock, id };
  }
}
