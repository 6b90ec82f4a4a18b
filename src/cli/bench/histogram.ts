/** How long things took: counts by length, each to within 2 %, in a table of fixed size. */

/** Parts of each power of two. */
const PARTS = 64;
/** Up to 2 ** 36 units. */
const POWERS = 31;

/** Counts whole numbers from 0, such as microseconds. */
export class Histogram {
  readonly #counts = new Float64Array(PARTS * POWERS);
  #total = 0;
  #max = 0;

  get count(): number {
    return this.#total;
  }

  /** The greatest one, exactly; 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  add(value: number): void {
    const whole = Math.max(0, Math.round(value));
    const index = indexOf(whole);
    this.#counts[index < this.#counts.length ? index : this.#counts.length - 1]! += 1;
    this.#total++;
    if (whole > this.#max) this.#max = whole;
  }

  /** The number that so many of a hundred are at most; 0 when there is none. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil(this.#total * percent / 100));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index]!;
      if (seen >= rank) return Math.min(this.#max, greatestOf(index));
    }
    return this.#max;
  }
}

/** Below two times the parts each number has a place of its own. */
function indexOf(value: number): number {
  if (value < PARTS) return value;
  const power = Math.floor(Math.log2(value));
  const shift = power - Math.log2(PARTS);
  return Math.floor(value / 2 ** shift) + PARTS * shift;
}

/** The greatest number of a place. */
function greatestOf(index: number): number {
  if (index < PARTS) return index;
  const shift = Math.floor(index / PARTS) - 1;
  return (index - PARTS * shift + 1) * 2 ** shift - 1;
}
