/** Makes an input that breaks something smaller, as long as it still does (delta debugging). */

const MOST_TRIALS = 3_000;
const MOST_MS = 10_000;

/** The smallest input that was found for which `fails` is still true. */
export async function shrunk(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let trials = 0;
  const end = performance.now() + MOST_MS;
  const tries = async (candidate: Uint8Array): Promise<boolean> => {
    if (trials >= MOST_TRIALS || performance.now() > end) return false;
    trials++;
    if (!await fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length;) {
      if (!await tries(without(best, at, size))) at += size;
    }
  }
  // What needs not be there in this form becomes plain.
  for (let at = 0; at < best.length; at++) {
    for (const plain of [0x61, 0x30, 0]) {
      if (best[at] === plain) break;
      if (await tries(best.with(at, plain))) break;
    }
  }
  return best;
}

function without(input: Uint8Array, at: number, size: number): Uint8Array {
  const result = new Uint8Array(input.length - Math.min(size, input.length - at));
  result.set(input.subarray(0, at));
  result.set(input.subarray(Math.min(input.length, at + size)), at);
  return result;
}
