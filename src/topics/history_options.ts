/** What every broker that keeps publications lets be chosen of that. */

import { DEFAULT_HISTORY, type HistoryOptions } from "../api/topics/broker.ts";
import { refuseArgument, refuseName } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { isWhole } from "../base/option_rules.ts";

/** Brokers count in 63 bits at least, and write no exponents. */
const MOST = Number.MAX_SAFE_INTEGER;

/** The least that each option may be. */
const LEAST: Required<HistoryOptions> = {
  historySize: 0,
  historyTtlMs: 1,
  historyBytes: 0,
  idempotencyMs: 0,
};

/** The options, checked, with defaults filled in. */
export function checkHistory(call: string, options: HistoryOptions): Required<HistoryOptions> {
  if (typeof options !== "object" || options === null) {
    refuseArgument(call, "options", options, "an object");
  }
  const checked = { ...DEFAULT_HISTORY };
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(LEAST, name)) {
      const names = Object.keys(LEAST);
      refuseName(call, name, names, didYouMean(name, names));
    }
    if (value === undefined) continue;
    const least = LEAST[name as keyof HistoryOptions];
    if (value !== Infinity && !isWhole(value, least, MOST)) {
      refuseArgument(call, name, value, `a whole number from ${least} to ${MOST}, or Infinity`);
    }
    checked[name as keyof HistoryOptions] = value;
  }
  return checked;
}
