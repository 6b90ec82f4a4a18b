/** One connection out of many addresses: their order and their pace (RFC 8305, "happy eyeballs"). */

import { isIP } from "node:net";

/** How long an attempt has before the next one begins beside it (section 5). */
export const ATTEMPT_DELAY_MS = 250;

/** How one address is connected to, and what time is. */
export interface RaceOptions<T> {
  /** Connects; rejects when the signal aborts. */
  dial(address: string, signal: AbortSignal): Promise<T>;
  /** Closes a connection that came too late. */
  discard(connection: T): void;
  /** Calls `run` after `delayMs`, unless what it returns is called before. @default the runtime's timer */
  after?(run: () => void, delayMs: number): () => void;
}

/**
 * Sorts addresses for {@linkcode raceAddresses}: each family in the order given, turn about, beginning
 * with the family of the first (section 4). One that comes twice counts once.
 */
export function interleaved(addresses: readonly string[]): string[] {
  const all = [...new Set(addresses)];
  const family = isIP(all[0] ?? "");
  const preferred = all.filter((each) => isIP(each) === family);
  const others = all.filter((each) => isIP(each) !== family);
  const sorted: string[] = [];
  for (let i = 0; i < all.length; i++) {
    sorted.push(...preferred.slice(i, i + 1), ...others.slice(i, i + 1));
  }
  return sorted;
}

/**
 * Connects to the first address that answers. The next attempt begins 250 ms behind the one before,
 * and at once when one fails; the first connection ends all others.
 *
 * Rejects when no address answers, with the error of the only address, or one that has them all; or with
 * the signal's reason when that aborts first.
 *
 * @param addresses one or more, in the order in which they are tried
 */
export function raceAddresses<T>(
  addresses: readonly string[],
  options: RaceOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const { dial, discard, after = systemTimer } = options;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const losers = new AbortController();
  const errors: unknown[] = [];
  let begun = 0;
  let isOver = false;
  let cancelNext = () => {};

  const settle = (outcome: () => void) => {
    isOver = true;
    cancelNext();
    signal.removeEventListener("abort", onAbort);
    losers.abort(new Error("another address was faster"));
    outcome();
  };
  const onAbort = () => settle(() => reject(signal.reason));
  const onConnected = (connection: T) => {
    if (isOver) discard(connection);
    else settle(() => resolve(connection));
  };
  const onFailed = (place: number, error: unknown) => {
    if (isOver) return;
    errors[place] = error;
    if (begun < addresses.length) begin();
    // Holes of an array are attempts that are still under way.
    else if (Object.keys(errors).length === begun) {
      settle(() => reject(combined(addresses, errors)));
    }
  };
  const begin = () => {
    cancelNext();
    const place = begun++;
    if (begun < addresses.length) cancelNext = after(begin, ATTEMPT_DELAY_MS);
    dial(addresses[place]!, losers.signal).then(
      onConnected,
      (error) => onFailed(place, error),
    );
  };

  if (signal.aborted) return Promise.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  begin();
  return promise;
}

function combined(addresses: readonly string[], errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  const texts = errors.map((error, i) => {
    const why = error instanceof Error ? error.message : String(error);
    return `${addresses[i]}: ${why}`;
  });
  return new AggregateError(errors, texts.join("; "));
}

function systemTimer(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
