/** The order of what happens to topics: one thing after the other, in service where the program serves. */

import { line, log, thrown } from "../../base/log.ts";

/** What is begun inside of another goes on behind it, as a publication by a callback does. */
export class Turns {
  readonly #serve: ((work: () => void) => void) | undefined;
  readonly #waiting: (() => void)[] = [];
  #isInside = false;
  #isStopped = false;

  /** @param serve has work done when the program is to be called; undefined: at once */
  constructor(serve: ((work: () => void) => void) | undefined) {
    this.#serve = serve;
  }

  /** Does work when the program is served. */
  run(work: () => void): void {
    if (this.#serve === undefined) this.now(work);
    else this.#serve(() => this.now(work));
  }

  /** Does work now, or behind what goes on. */
  now(work: () => void): void {
    if (this.#isInside) return void this.#waiting.push(work);
    this.#isInside = true;
    this.#do(work);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#do(next);
    }
    this.#isInside = false;
  }

  /** Nothing is done any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A fault in one thing must not keep the broker, nor what follows, from its turn. */
  #do(work: () => void): void {
    if (this.#isStopped) return;
    try {
      work();
    } catch (error) {
      log("err", () => line`topics: ${thrown(error)}`);
    }
  }
}
