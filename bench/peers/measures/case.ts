/** What all cases have in common. */

import type { Contender } from "../contenders.ts";
import type { Load } from "../load.ts";
import type { Measure } from "../results.ts";

/** How much is measured. */
export interface Effort {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Seconds of each measurement, and of the warm-up that precedes it in the same run. */
  readonly seconds: number;
  readonly warmup: number;
}

/** What a case measures with. */
export interface Bench {
  readonly contenders: readonly Contender[];
  readonly load: Load;
  readonly effort: Effort;
  /** Where compiled programs are kept. */
  readonly cache: string;
  /** The cases that have been measured in this run. */
  readonly done: readonly Measure[];
}

/** One case. */
export interface Case {
  /** As `--case` has it. */
  readonly name: string;
  /** Whether it is part of a quick run. */
  readonly isQuick: boolean;
  /** Which contenders it is for. @default {"echoes"} */
  readonly needs?: "echoes" | "servesFiles" | "answers" | "secures";
  measure(bench: Bench): Promise<Measure>;
}

/** What becomes of a case that can't be measured on this machine. */
export function leftOut(
  head: Pick<Measure, "name" | "title" | "figures">,
  reason: string,
): Measure {
  return { ...head, rows: [], broken: [], notes: [`Left out: ${reason}.`] };
}

/** Waits for a server to settle. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
