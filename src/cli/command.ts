/** What a command of the program is. */

import type { Arguments, Manual } from "./arguments.ts";
import type { Report } from "./report.ts";

/** One command: what its help says, and what it does. */
export interface Command {
  readonly manual: Manual;
  /** Resolves with the exit code; what it rejects with is told, and the code is 1, or 2 by a UsageError. */
  readonly run: (args: Arguments, report: Report) => Promise<number>;
}
