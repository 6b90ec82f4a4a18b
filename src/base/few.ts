/**
 * A few things that come and go all the time. The tables that a `Set` leaves behind as they do still have what was in
 * them: one that the collector has moved to the old ones keeps its successors, and all that hangs on them, until the
 * next full collection.
 */
export class Few<T> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  has(one: T): boolean {
    return this.#all.includes(one);
  }

  find(fits: (one: T) => boolean): T | undefined {
    return this.#all.find(fits);
  }

  add(one: T): void {
    if (!this.has(one)) this.#all.push(one);
  }

  /** Whether it was there. */
  delete(one: T): boolean {
    const all = this.#all;
    const at = all.indexOf(one);
    if (at < 0) return false;
    const last = all.pop()!;
    if (last !== one) all[at] = last;
    return true;
  }

  values(): T[] {
    return this.#all.slice();
  }
}
