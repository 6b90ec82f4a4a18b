/** What the guard measures: a hot part, and the barest code that does the same job. */

/**
 * Does the job `times` times and returns a number that depends on all of it, so that the compiler
 * can't leave the job out. Both sides return the same number for the same `times`.
 */
export type Work = (times: number) => number;

/** The two that are compared. */
export interface Sides {
  readonly ours: Work;
  readonly floor: Work;
}

/** A hot part under the name that it has in the table and in the noted ratios. */
export interface Part {
  readonly name: string;
  /** How many of what the name says the job does in one time. */
  readonly batch: number;
  /** Builds both sides' data, which the other parts needn't pay for. */
  prepare(): Sides;
}
