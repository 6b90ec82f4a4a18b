/** The body of a 206 with several ranges, `multipart/byteranges` (RFC 9110 section 14.6). */

import { type ByteRange, contentRange } from "./ranges.ts";

/** What stands between the bytes of the ranges. */
export interface MultipartRanges {
  /** The `content-type` of the whole. */
  readonly contentType: string;
  /** What comes before each range, in Latin-1. */
  readonly heads: readonly string[];
  /** What comes behind the last one. */
  readonly end: string;
  /** Bytes of the whole body. */
  readonly length: number;
}

/**
 * Frames `ranges` of `length` bytes.
 *
 * @param partType The `content-type` of the representation, which each part repeats.
 * @param boundary Letters and digits that the representation doesn't have: random, and long enough.
 */
export function multipartRanges(
  ranges: readonly ByteRange[],
  length: number,
  partType: string,
  boundary: string,
): MultipartRanges {
  const heads = ranges.map((range, i) =>
    `${i === 0 ? "" : "\r\n"}--${boundary}\r\ncontent-type: ${partType}\r\n` +
    `content-range: ${contentRange(range, length)}\r\n\r\n`
  );
  const end = `\r\n--${boundary}--\r\n`;
  const framing = heads.reduce((sum, head) => sum + head.length, end.length);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    heads,
    end,
    length: ranges.reduce((sum, { first, last }) => sum + last - first + 1, framing),
  };
}
