/** Gives one target input after input, and tells of those that break it. */

import { corpusOf } from "./corpus.ts";
import { Dice, hashOf, mixed } from "./dice.ts";
import { mutated } from "./mutate.ts";
import { shrunk } from "./shrink.ts";
import type { Target } from "./target.ts";

/** An input that breaks a target. */
export interface Finding {
  readonly target: string;
  readonly input: Uint8Array;
  /** What is wrong. */
  readonly fault: string;
  /** How long the input was before it was shrunk. */
  readonly foundLength: number;
}

/** No input takes that long, but on a machine that does something else. */
const SLOW_MS = 2000;
/** Inputs that led to something new; more are not kept. */
const MOST_KEPT = 512;

/** All that was done with one target. */
export class Campaign {
  readonly target: Target;
  /** Inputs that were checked. */
  count = 0;
  /** What has become of inputs, and how often. */
  readonly outcomes = new Map<string, number>();
  readonly #seed: number;
  readonly #kept: Uint8Array[] = [];

  constructor(target: Target, seed: number, corpus = corpusOf(target.name)) {
    this.target = target;
    this.#seed = seed;
    this.#kept.push(...corpus.map(({ input }) => input));
  }

  /** The next input, which follows from the seed and those before it. */
  next(): Uint8Array {
    const dice = new Dice(mixed(this.#seed, this.target.name, this.count));
    if (dice.once(3)) return this.target.make(dice);
    const isFresh = this.#kept.length === 0 || dice.once(2);
    const chosen = isFresh ? this.target.make(dice) : dice.pick(this.#kept);
    return mutated(chosen, this.#kept, this.target.words, dice);
  }

  /**
   * Checks inputs until the time is over, or one breaks the target.
   *
   * @param announce is told each input before it is checked
   */
  async run(
    ms: number,
    most: number,
    announce: (input: Uint8Array) => void,
  ): Promise<Finding | undefined> {
    const end = performance.now() + ms;
    for (let left = most; left > 0; left--) {
      const input = this.next();
      this.count++;
      announce(input);
      const begin = performance.now();
      let outcome: string;
      try {
        const told = checkInput(this.target, input);
        outcome = typeof told === "string" ? told : await told;
      } catch (error) {
        return await this.#found(input, describe(error), announce);
      }
      const now = performance.now();
      if (now - begin > SLOW_MS && await isSlow(this.target, input)) {
        const fault = `an input takes more than ${SLOW_MS} ms`;
        return { target: this.target.name, input, fault, foundLength: input.length };
      }
      this.#note(outcome, input);
      if (now >= end) break;
    }
  }

  #note(outcome: string, input: Uint8Array): void {
    const times = this.outcomes.get(outcome) ?? 0;
    if (times > 0 || this.outcomes.size < MOST_KEPT) this.outcomes.set(outcome, times + 1);
    if (times === 0 && this.#kept.length < MOST_KEPT) this.#kept.push(input);
  }

  async #found(
    input: Uint8Array,
    fault: string,
    announce: (input: Uint8Array) => void,
  ): Promise<Finding> {
    const { target } = this;
    const kind = kindOf(fault);
    const small = await shrunk(input, async (candidate) => {
      announce(candidate);
      const other = await faultOf(target, candidate);
      return other !== undefined && kindOf(other) === kind;
    });
    const said = await faultOf(target, small) ?? fault;
    return { target: target.name, input: small, fault: said, foundLength: input.length };
  }
}

/** Checks one input as every run does. */
export function checkInput(target: Target, input: Uint8Array): string | Promise<string> {
  return target.check(input.slice(), new Dice(hashOf(input)));
}

/** What an input breaks; undefined when it breaks nothing. */
export async function faultOf(target: Target, input: Uint8Array): Promise<string | undefined> {
  try {
    await checkInput(target, input);
    return undefined;
  } catch (error) {
    return describe(error);
  }
}

async function isSlow(target: Target, input: Uint8Array): Promise<boolean> {
  for (let trial = 0; trial < 3; trial++) {
    const begin = performance.now();
    await faultOf(target, input);
    if (performance.now() - begin <= SLOW_MS) return false;
  }
  return true;
}

/** What of a fault has to stay while its input is shrunk: numbers and bytes in it may change. */
function kindOf(fault: string): string {
  return fault.replace(/[^a-z ]/gi, "").slice(0, 24);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `throws ${String(error)}`;
  const isOurs = error.name === "Violation";
  return isOurs ? error.message : `throws ${error.stack ?? `${error.name}: ${error.message}`}`;
}
