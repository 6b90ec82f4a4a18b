/** How many files a context has open: a peer that reads nothing keeps one, and a descriptor, for as long as it may. */

/** Counts them; past the most the next requests are answered 503. */
export class OpenFiles {
  readonly #most: number;
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#open >= this.#most;
  }

  add(): void {
    this.#open++;
  }

  remove(): void {
    this.#open--;
  }
}
