/** What a row of the matrices says. */

/** The generations, the oldest first. */
export const GENERATIONS = ["nov10", "feb11", "oct12", "mar13", "dec15"] as const;
/** One of them. */
export type GenerationName = typeof GENERATIONS[number];

/** A test: its file below `tests`, or a folder of such files, and a part of its title. */
export type TestName = readonly [file: string, title: string];

/** A value for each generation that has it. */
export type ByGeneration<Value> = { readonly [G in GenerationName]?: Value };

/** What all rows have. */
export interface Row {
  /** What it is in the main API; empty when there is nothing of the kind, which `note` explains. */
  readonly main: string;
  /** The behavioural test that covers it. */
  readonly test: TestName;
  /** What a reader of the table should know. */
  readonly note?: string;
}
