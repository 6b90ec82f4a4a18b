/** What every broker that keeps publications lets be chosen of that. */

import {
  DEFAULT_HISTORY,
  DEFAULT_MEMORY_BOUNDS,
  type HistoryOptions,
  type MemoryBrokerOptions,
} from "../api/topics/broker.ts";
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
  return checkAll(call, options, DEFAULT_HISTORY, LEAST);
}

/** The same, with those that a broker in memory has alone. */
export function checkMemoryBroker(options: MemoryBrokerOptions): Required<MemoryBrokerOptions> {
  const least = { ...LEAST, historyTotalBytes: 0, historyTopics: 0 };
  return checkAll("memoryBroker", options, { ...DEFAULT_HISTORY, ...DEFAULT_MEMORY_BOUNDS }, least);
}

function checkAll<Name extends string>(
  call: string,
  options: Partial<Readonly<Record<Name, number>>>,
  defaults: Readonly<Record<Name, number>>,
  leasts: Readonly<Record<Name, number>>,
): Record<Name, number> {
  if (typeof options !== "object" || options === null) {
    refuseArgument(call, "options", options, "an object");
  }
  const checked: { [Key in Name]: number } = { ...defaults };
  for (const [name, value] of Object.entries<number | undefined>(options)) {
    if (!Object.hasOwn(leasts, name)) {
      const names = Object.keys(leasts);
      refuseName(call, name, names, didYouMean(name, names));
    }
    if (value === undefined) continue;
    const least = leasts[name as Name];
    if (value !== Infinity && !isWhole(value, least, MOST)) {
      refuseArgument(call, name, value, `a whole number from ${least} to ${MOST}, or Infinity`);
    }
    checked[name as Name] = value;
  }
  return checked;
}
