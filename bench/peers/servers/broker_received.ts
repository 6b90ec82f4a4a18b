/** What has been received, and how long each was on its way. */

/** As text in front of what a message is filled with. */
const LENGTH = 20;
const SIZE = 125;

/** What a run has brought. */
export interface Taken {
  readonly count: number;
  /** Of all times, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** The time, which is one for all threads of the process. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A message of 125 bytes that is sent now. */
export function stamped(): string {
  return now().toFixed(4).padEnd(LENGTH).padEnd(SIZE, "x");
}

/** Counts what comes. */
export class Received {
  #times: number[] = [];

  add(text: string): void {
    this.#times.push(now() - Number(text.slice(0, LENGTH)));
  }

  get count(): number {
    return this.#times.length;
  }

  /** What has come since the last time. */
  take(): Taken {
    const sorted = this.#times.sort((a, b) => a - b);
    this.#times = [];
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? NaN;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99) };
  }
}
