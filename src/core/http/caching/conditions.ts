/** The preconditions of a request (RFC 9110 section 13), judged in the order of section 13.2.2. */

import { listMatches, matchesStrongly, matchesWeakly } from "./etag.ts";
import { parseHttpDate } from "./http_date.ts";
import type { FieldName } from "../fields.ts";

/** What tells one version of a representation from another. */
export interface Validators {
  /** Its entity tag, with quotes and `W/`. */
  readonly etag: string | undefined;
  /** When it was modified last, in whole seconds since 1970. */
  readonly lastModified: number | undefined;
}

/** A field of the request; its lines are joined. */
export type FieldSource = (name: FieldName) => string | undefined;

/** Whether the request has any precondition, `If-Range` aside. */
export function isConditional(field: FieldSource): boolean {
  return field("if-none-match") !== undefined || field("if-modified-since") !== undefined ||
    field("if-match") !== undefined || field("if-unmodified-since") !== undefined;
}

/**
 * What the preconditions of a GET or HEAD for something that exists make of its answer: 412, 304, or 200
 * when it is answered as if there were none.
 *
 * @param now The time now in seconds since 1970.
 */
export function judgeConditions(
  field: FieldSource,
  validators: Validators,
  now: number,
): 200 | 304 | 412 {
  const ifMatch = field("if-match");
  if (ifMatch !== undefined) {
    if (!isMatched(ifMatch, validators, matchesStrongly)) return 412;
  } else if (isModifiedSince(field("if-unmodified-since"), validators, now) === true) return 412;
  const ifNoneMatch = field("if-none-match");
  if (ifNoneMatch !== undefined) {
    return isMatched(ifNoneMatch, validators, matchesWeakly) ? 304 : 200;
  }
  return isModifiedSince(field("if-modified-since"), validators, now) === false ? 304 : 200;
}

/**
 * Whether `If-Range` lets a range be answered by a part (section 13.1.5); so does its absence. A weak tag
 * never does, nor a date of the very second in which the representation was modified.
 */
export function allowsRange(
  ifRange: string | undefined,
  { etag, lastModified }: Validators,
  now: number,
): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"') || ifRange.startsWith("W/")) {
    return etag !== undefined && matchesStrongly(ifRange, etag);
  }
  // Section 8.8.2.2: it may have been modified again within that second.
  if (lastModified === undefined || lastModified + 1 > now) return false;
  return parseHttpDate(ifRange, now) === lastModified;
}

/** Sections 13.1.1 and 13.1.2: `*` is matched by anything that exists. */
function isMatched(
  list: string,
  { etag }: Validators,
  matches: (a: string, b: string) => boolean,
): boolean {
  if (list === "*") return true;
  return etag !== undefined && listMatches(list, etag, matches);
}

/** Sections 13.1.3 and 13.1.4; undefined where the field has to be ignored. */
function isModifiedSince(
  date: string | undefined,
  { lastModified }: Validators,
  now: number,
): boolean | undefined {
  if (date === undefined || lastModified === undefined) return undefined;
  const since = parseHttpDate(date, now);
  return since === undefined ? undefined : lastModified > since;
}
