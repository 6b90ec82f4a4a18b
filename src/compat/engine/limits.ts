/**
 * What contexts of C calls can be given that C had not: limits, of which it had hardly any, versions, and
 * origins.
 */

import type { RateInfo } from "../../api/creation/rate_info.ts";
import type { WireInfo } from "../../api/creation/wire_info.ts";
import { DEFAULT_LIMITS, type Limits } from "../../api/limits.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { refuse } from "./guards.ts";

const MIB = 1024 * 1024;

/**
 * Where a context of a C call is more generous than one of the main API. A callback gets bodies, frames and
 * messages piece by piece, so that none of these keeps more in memory, but for what is unsent.
 */
export const GENEROUS_LIMITS: Partial<Limits> = {
  minBodyRate: 0,
  maxBodySize: Number.MAX_SAFE_INTEGER,
  maxFramePayload: Number.MAX_SAFE_INTEGER,
  maxMessageSize: 1024 * MIB,
  maxFragments: Number.MAX_SAFE_INTEGER,
  softUnsentBytes: MIB,
  maxUnsentBytes: 64 * MIB,
  maxBufferedBytes: 1024 * MIB,
  messageTimeoutMs: 0,
};

/**
 * Options of `createContext` that C had not, each by its name there: all limits and `rateExcess`, `versions` and
 * `draft04Masking`, in place of what the generation speaks, and `allowedOrigins`.
 */
export interface OwnOptions extends Partial<Limits>, RateInfo, WireInfo {
  /**
   * The origins other than the server's own whose pages may connect; an empty list lets in those of its own
   * alone. Default: `["*"]`, all, as C did not look at origins.
   */
  readonly allowedOrigins?: readonly string[];
}

/** Those that are no limits. */
const OTHERS: readonly (keyof OwnOptions)[] = [
  "versions",
  "draft04Masking",
  "allowedOrigins",
  "rateExcess",
];
const NAMES: readonly string[] = [...Object.keys(DEFAULT_LIMITS), ...OTHERS];

/** The limits of a creation: what is given, and what stands where nothing is. */
export function limitsOf(given: OwnOptions | null): OwnOptions {
  if (given === null) return GENEROUS_LIMITS;
  if (typeof given !== "object") refuse("limits", given, "an object of limits, or null");
  for (const name of Object.keys(given)) {
    if (NAMES.includes(name)) continue;
    const allowed = `${NAMES.join(", ")}${didYouMean(name, NAMES)}`;
    refuse(`limits.${name}`, given[name as keyof OwnOptions], allowed);
  }
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...GENEROUS_LIMITS, ...Object.fromEntries(named) };
}
