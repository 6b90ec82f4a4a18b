/** Work of many topics of which a few are done at a time, so that a broker that is back is not overrun. */

const MOST_AT_ONCE = 64;

/** They, in their order; one that waits already is not queued twice. */
export class Repairs<Of> {
  readonly #repair: (topic: Of) => Promise<void>;
  readonly #queue = new Set<Of>();
  #running = 0;

  /** @param repair does not reject */
  constructor(repair: (topic: Of) => Promise<void>) {
    this.#repair = repair;
  }

  add(topic: Of): void {
    this.#queue.add(topic);
    this.#next();
  }

  #next(): void {
    while (this.#running < MOST_AT_ONCE) {
      const first = this.#queue.values().next();
      if (first.done) return;
      this.#queue.delete(first.value);
      this.#running++;
      this.#repair(first.value).then(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}
