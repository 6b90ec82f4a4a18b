/** Byte ranges of a request (RFC 9110 section 14). */

import { splitList } from "../syntax.ts";

/** A part of a representation: positions of its first and its last byte. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** More are answered with the whole: they cost more than it (RFC 9110 section 17.15). */
export const MOST_RANGES = 16;

const UNIT = /^bytes=/i;
const RANGE = /^(\d*)-(\d*)$/;

/**
 * The ranges that a `Range` field asks for of `length` bytes, in its order; those that overlap or touch
 * are joined where the first of them stands. None: it can't be satisfied, which is answered 416.
 *
 * @returns undefined when the field has to be ignored, or is: another unit, a fault of syntax, or more
 *   than {@linkcode MOST_RANGES}.
 */
export function parseRanges(value: string, length: number): readonly ByteRange[] | undefined {
  if (!UNIT.test(value)) return undefined;
  const specs = splitList(value.slice("bytes=".length), ",", MOST_RANGES + 1);
  if (specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const [, first, last] = RANGE.exec(spec) ?? [];
    if (first === undefined || last === undefined || (first === "" && last === "")) {
      return undefined;
    }
    if (first !== "" && last !== "" && isGreater(first, last)) return undefined;
    // Section 14.1.2 has it satisfied, and no Content-Range could say so.
    if (first === "" && length === 0 && Number(last) > 0) return undefined;
    const range = first === "" ? suffix(Number(last), length) : {
      first: Number(first),
      last: last === "" ? length - 1 : Math.min(Number(last), length - 1),
    };
    // Numbers that are too large for a double to hold exactly are beyond any file's end.
    if (range.first < length && range.first <= range.last) join(ranges, range);
  }
  return ranges;
}

/** The value of `Content-Range` (section 14.4). */
export function contentRange({ first, last }: ByteRange, length: number): string {
  return `bytes ${first}-${last}/${length}`;
}

/** The value of `Content-Range` in a 416 (section 15.5.17). */
export function unsatisfiedRange(length: number): string {
  return `bytes */${length}`;
}

function suffix(count: number, length: number): ByteRange {
  return { first: count === 0 ? length : Math.max(0, length - count), last: length - 1 };
}

/** Compares numbers of any size by their digits. */
function isGreater(a: string, b: string): boolean {
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return left.length === right.length ? left > right : left.length > right.length;
}

/** Adds a range; what it overlaps or touches becomes one with it. There are few. */
function join(ranges: ByteRange[], range: ByteRange): void {
  const touches = (each: ByteRange) => each.first <= range.last + 1 && range.first <= each.last + 1;
  const at = ranges.findIndex(touches);
  if (at < 0) {
    ranges.push(range);
    return;
  }
  const [old] = ranges.splice(at, 1) as [ByteRange];
  const joined = {
    first: Math.min(old.first, range.first),
    last: Math.max(old.last, range.last),
  };
  // The joined one may reach others that the new one alone did not.
  const rest = ranges.splice(at);
  join(ranges, joined);
  for (const each of rest) join(ranges, each);
}
