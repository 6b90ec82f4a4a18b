/** What tells one version of a file from another: its `ETag` and its `Last-Modified`. */

import type { FileStat } from "../api/file_ops.ts";
import { describeValue } from "../base/check.ts";
import { line, log } from "../base/log.ts";
import type { Validators } from "../core/http/caching/conditions.ts";
import { isEntityTag } from "../core/http/caching/etag.ts";
import { parseHttpDate } from "../core/http/caching/http_date.ts";

/**
 * How long after its last change a file's time tells its versions apart. Until then it may change again
 * within one tick of the clock that the file system goes by, the coarsest of which has two seconds (FAT).
 */
const TICK_MS = 2000;

/** The latest time that a Date can hold. */
const LAST_DATE_MS = 8.64e15;
/** The first time that an HTTP date can say: its year has four digits (RFC 9110 section 5.6.7). */
const FIRST_YEAR_MS = Date.UTC(-1, 12);

/**
 * The validators of a file. A field that the program gives wins over what the file says.
 *
 * @param given Its fields by lower-case name.
 * @param now In milliseconds since 1970.
 */
export function validatorsOf(
  path: string,
  stat: FileStat,
  given: ReadonlyMap<string, string>,
  now: number,
): Validators {
  const mtime = mtimeOf(path, stat);
  const etag = given.get("etag");
  const lastModified = given.get("last-modified");
  return {
    etag: etag === undefined
      ? etagOf(path, stat, mtime, given.get("content-encoding"), now)
      : isEntityTag(etag)
      ? etag
      : undefined,
    lastModified: lastModified === undefined
      // RFC 9110 section 8.8.2.1: it must not be later than the answer.
      ? mtime === undefined || mtime < FIRST_YEAR_MS
        ? undefined
        : Math.floor(Math.min(mtime, now) / 1000)
      : parseHttpDate(lastModified, now / 1000),
  };
}

/**
 * The tag of what has the content codings `coding`: another one than that of the file without, as each is a
 * representation of its own (RFC 9110 section 8.8.3.3).
 */
export function tagOfCoded(etag: string, coding: string | undefined): string {
  // What may stand in a field's value need not do so in a tag.
  const suffix = coding?.replace(/[^\x21\x23-\x7e]+/g, "").toLowerCase() ?? "";
  return suffix === "" ? etag : `${etag.slice(0, -1)}-${suffix}"`;
}

function mtimeOf(path: string, { mtime }: FileStat): number | undefined {
  if (mtime === undefined || mtime === null) return undefined;
  const time = mtime instanceof Date ? mtime.getTime() : NaN;
  if (Math.abs(time) <= LAST_DATE_MS) return time;
  log(
    "warn",
    () => line`${path}: mtime is ${describeValue(mtime)}, and is left out; allowed: a Date`,
  );
  return undefined;
}

function etagOf(
  path: string,
  { etag, length }: FileStat,
  mtime: number | undefined,
  coding: string | undefined,
  now: number,
): string | undefined {
  if (etag !== undefined) {
    if (typeof etag === "string" && isEntityTag(etag)) return etag;
    log(
      "warn",
      () =>
        line`${path}: etag is ${describeValue(etag)}, and is left out; allowed: "tag" or W/"tag"`,
    );
  }
  if (mtime === undefined) return undefined;
  const tag = `"${mtime.toString(16)}-${length.toString(16)}"`;
  // RFC 9110 section 8.8.1: one that may miss a change is weak.
  return tagOfCoded(now - mtime >= TICK_MS ? tag : `W/${tag}`, coding);
}
