/** Faults at random, the same ones for a seed. */

/** The most that one storm may take, of which none comes near: beyond it something hangs. */
const LATEST_MS = 60_000;
const EVERY = Deno.env.get("LWS_FAULT_SECONDS");
const FIRST = Number(Deno.env.get("LWS_FAULT_SEED") ?? 1);

/** Decides by a seed. */
export class Dice {
  readonly #seed: number;
  /** Of each name a sequence of its own: what one call is asked doesn't depend on how often others are made. */
  readonly #next = new Map<string, () => number>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A number from 0 to 1, the next one of this name. */
  roll(name: string): number {
    let next = this.#next.get(name);
    if (next === undefined) this.#next.set(name, next = mulberry32(hash(`${this.#seed} ${name}`)));
    return next();
  }

  /** One of these. */
  pick<T>(name: string, of: readonly T[]): T {
    return of[Math.floor(this.roll(name) * of.length)]!;
  }
}

function mulberry32(state: number): () => number {
  return () => {
    state = state + 0x6D2B79F5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let sum = 0x811C9DC5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum;
}

/**
 * Registers a test for each of these seeds. With `LWS_FAULT_SECONDS`, as `deno task chaos --faults` sets it, it is one
 * test of as many seeds as there is time for, from `LWS_FAULT_SEED` on.
 *
 * @param isMissing why it can't be run
 */
export function forSeeds(
  name: string,
  seeds: readonly number[],
  run: (seed: number) => Promise<void>,
  isMissing?: string,
): void {
  const why = isMissing === undefined ? "" : ` (needs ${isMissing})`;
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}, ${what}${why}`, ignore: isMissing !== undefined, fn });
  if (EVERY === undefined) {
    for (const seed of seeds) test(`seed ${seed}`, () => runOne(name, seed, run));
    return;
  }
  test(`from seed ${FIRST} on`, async () => {
    const until = performance.now() + 1000 * Number(EVERY);
    let seed = FIRST;
    do await runOne(name, seed++, run); while (performance.now() < until);
    // deno-lint-ignore no-console -- how much was run is what one wants to know
    console.log(`${name}: ${seed - FIRST} seeds from ${FIRST} on`);
  });
}

async function runOne(name: string, seed: number, run: (seed: number) => Promise<void>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([
      run(seed),
      new Promise((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error("it hangs")), LATEST_MS);
      }),
    ]);
  } catch (error) {
    const again = `deno task chaos --faults --seed ${seed} --seconds 1`;
    throw new Error(`${name}, seed ${seed}: ${error}; once more by ${again}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
