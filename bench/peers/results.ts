/** What a run finds out, as it is printed, drawn and kept as JSON. */

import type { ContenderId } from "./contenders.ts";

/** One column of a measure. */
export interface Figure {
  /** Its key in the samples. */
  readonly name: string;
  /** The head of its column. */
  readonly title: string;
  /** Digits after the point. @default {0} */
  readonly digits?: number;
  /** Set where ours is divided by theirs: which way is better. */
  readonly better?: "more" | "less";
}

/** The figures of one contender in one round. */
export type Sample = Readonly<Record<string, number>>;

/** All rounds of one contender. */
export interface Row {
  readonly contender: ContenderId;
  readonly title: string;
  readonly rounds: readonly Sample[];
}

/** A contender that failed in a case, and how. */
export interface Broken {
  readonly contender: ContenderId;
  readonly title: string;
  readonly reason: string;
}

/** One case, measured. */
export interface Measure {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
  readonly broken: readonly Broken[];
  /** Sentences about what was seen beside the figures. */
  readonly notes: readonly string[];
}

/** A target, and what became of it. */
export interface Verdict {
  readonly measure: string;
  readonly figure: string;
  /** Which of our servers. */
  readonly of: ContenderId;
  readonly against?: ContenderId;
  readonly wanted: string;
  /** The median that was found; null when our server broke. */
  readonly found: number | null;
  readonly ok: boolean;
}

/** A whole run; the form of `--json`. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly contenders: readonly { id: ContenderId; title: string; version: string }[];
  readonly missing: readonly { id: ContenderId; title: string; reason: string }[];
  readonly measures: readonly Measure[];
  readonly verdicts: readonly Verdict[];
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of a figure over a contender's rounds. */
export function medianOf(row: Row, figure: string): number {
  return median(row.rounds.map((sample) => sample[figure]!));
}

/** Ours ÷ theirs, round by round: what the machine did in a round, it did to both. */
export function ratios(
  measure: Measure,
  of: ContenderId,
  row: Row,
  figure: string,
): readonly number[] {
  const ours = measure.rows.find(({ contender }) => contender === of);
  if (ours === undefined || row === ours) return [];
  return row.rounds.map((theirs, round) => ours.rounds[round]![figure]! / theirs[figure]!);
}
