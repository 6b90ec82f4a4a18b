/** `Retry-After` (RFC 9110 section 10.2.3). */

import { parseHttpDate } from "./caching/http_date.ts";
import type { HeaderFields } from "./fields.ts";

/**
 * The seconds that an answer asks to wait, which may be none; undefined when it asks for nothing that can be read.
 * A date counts from the answer's own `Date`, so that a clock that is wrong does no harm.
 *
 * @param now The time now in seconds since 1970, for an answer without a `Date`.
 */
export function retryAfterOf(fields: HeaderFields, now: number): number | undefined {
  const value = fields.get("retry-after")?.trim();
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const until = parseHttpDate(value, now);
  if (until === undefined) return undefined;
  const since = parseHttpDate(fields.get("date") ?? "", now) ?? now;
  return Math.max(0, until - since);
}
