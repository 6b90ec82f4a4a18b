/** Bytes that many queues send: what follows each other in all of them is joined once, and not in each. */

import { type HeldBytes, joined } from "./buffers.ts";

/** Up to this length they are joined: longer ones cost no more in a write each. */
const LONGEST_JOINED = 16 * 1024;

/** Bytes that don't change, alone or behind others. */
export class SharedBytes {
  readonly length: number;
  readonly #part: Uint8Array;
  readonly #before: SharedBytes | undefined;
  #joined: Uint8Array | undefined;
  /** What was put behind it last, and both of them. */
  #follower: SharedBytes | undefined;
  #withFollower: SharedBytes | undefined;
  /** How many queues have them, and where the first one of these counts. */
  #holders = 0;
  #countedIn: HeldBytes | undefined;

  constructor(part: Uint8Array, before?: SharedBytes) {
    this.#part = part;
    this.#before = before;
    this.#joined = before === undefined ? part : undefined;
    this.length = part.length + (before?.length ?? 0);
  }

  /** All of them in one piece. */
  get bytes(): Uint8Array {
    return this.#joined ??= this.#join();
  }

  #join(): Uint8Array {
    const parts = [this.#part];
    for (let one = this.#before; one !== undefined; one = one.#before) parts.push(one.#part);
    return joined(parts.reverse());
  }

  /** A queue has them from now on: they count once, however many have them. */
  hold(counted: HeldBytes): void {
    if (this.#holders++ > 0) return;
    this.#countedIn = counted;
    counted.add(this.length);
  }

  /** Undoes {@linkcode hold}. */
  letGo(): void {
    if (--this.#holders > 0) return;
    this.#countedIn!.bytes -= this.length;
    this.#countedIn = undefined;
  }

  /** These and `follower` behind them, which are the same for all that ask in a row; undefined when too long. */
  with(follower: SharedBytes): SharedBytes | undefined {
    if (follower === this.#follower) return this.#withFollower;
    if (this.length + follower.length > LONGEST_JOINED) return undefined;
    this.#follower = follower;
    return this.#withFollower = new SharedBytes(follower.bytes, this);
  }
}
