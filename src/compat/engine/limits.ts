/** The limits of contexts that C calls make: C had hardly any. */

import { DEFAULT_LIMITS, type Limits } from "../../api/limits.ts";
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
};

/** The limits of a creation: what is given, and what stands where nothing is. */
export function limitsOf(given: Partial<Limits> | null): Partial<Limits> {
  if (given === null) return GENEROUS_LIMITS;
  if (typeof given !== "object") refuse("limits", given, "an object of limits, or null");
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(DEFAULT_LIMITS, name)) continue;
    refuse(`limits.${name}`, given[name as keyof Limits], Object.keys(DEFAULT_LIMITS).join(", "));
  }
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...GENEROUS_LIMITS, ...Object.fromEntries(named) };
}
