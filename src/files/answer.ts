/** What a request for a file is answered with: status, fields, and which bytes of the file. */

import type { FileStat } from "../api/file_ops.ts";
import { allowsRange, judgeConditions, type Validators } from "../core/http/caching/conditions.ts";
import { multipartRanges } from "../core/http/caching/multipart_ranges.ts";
import {
  type ByteRange,
  contentRange,
  parseRanges,
  unsatisfiedRange,
} from "../core/http/caching/ranges.ts";
import type { FieldName } from "../core/http/fields.ts";
import type { FieldLine } from "../core/http/writer.ts";
import { validatorsOf } from "./validators.ts";

/** What the answer depends on beside the file. */
export interface FileRequest {
  readonly path: string;
  readonly method: string;
  /** The value of a field of the request, its lines joined. */
  readonly field: (name: FieldName) => string | undefined;
  readonly contentType: string;
  /** Fields of the program, none of which frames the body or says which part it is. */
  readonly fields: readonly FieldLine[];
}

/** Bytes of the file, and text in Latin-1 that comes before them. */
export interface Piece extends ByteRange {
  readonly head: string;
}

/** An answer with the file, a part of it, or the news that the client has it already. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304;
  readonly fields: readonly FieldLine[];
  /** None where there is no body. */
  readonly pieces: readonly Piece[];
  /** What comes behind them. */
  readonly end: string;
}

/** An answer with an error, which has a body of its own. */
export interface FileRefusal {
  readonly status: 412 | 416;
  readonly fields: readonly FieldLine[];
}

/** What RFC 9110 section 15.4.5 wants left out of a 304, as it describes a body. */
const OF_A_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-type",
]);

/**
 * Judges the request on what is known of the file. Preconditions and ranges are of GET and HEAD alone; any
 * other method is answered with all of it.
 *
 * @param now In milliseconds since 1970.
 */
export function answerOf(
  request: FileRequest,
  stat: FileStat,
  now: number,
): FileAnswer | FileRefusal {
  const { field, method } = request;
  const given = new Map(request.fields.map(([name, value]) => [name.toLowerCase(), value]));
  const validators = validatorsOf(request.path, stat, given, now);
  const isSafe = method === "GET" || method === "HEAD";
  const verdict = isSafe ? judgeConditions(field, validators, now / 1000) : 200;
  if (verdict === 412) return { status: 412, fields: [] };
  if (verdict === 304) return notModified(request, given, validators);
  const takesRanges = isSafe && (given.get("accept-ranges") ?? "bytes") === "bytes";
  const described = describe(request, given, validators, takesRanges);
  const ranges = takesRanges ? rangesOf(request, validators, stat.length, now) : undefined;
  if (ranges === undefined) return whole(request, stat.length, described);
  if (ranges.length === 0) {
    return { status: 416, fields: [["content-range", unsatisfiedRange(stat.length)]] };
  }
  return parts(ranges, stat.length, described);
}

/** RFC 9110 section 14.2: ranges are of GET alone. */
function rangesOf(
  { field, method }: FileRequest,
  validators: Validators,
  length: number,
  now: number,
): readonly ByteRange[] | undefined {
  const range = method === "GET" ? field("range") : undefined;
  if (range === undefined || !allowsRange(field("if-range"), validators, now / 1000)) {
    return undefined;
  }
  return parseRanges(range, length);
}

function whole({ method }: FileRequest, length: number, described: FieldLine[]): FileAnswer {
  const hasBody = method !== "HEAD" && length > 0;
  return {
    status: 200,
    fields: [["content-length", String(length)], ...described],
    pieces: hasBody ? [{ head: "", first: 0, last: length - 1 }] : [],
    end: "",
  };
}

/** RFC 9110 section 15.3.7. */
function parts(
  ranges: readonly ByteRange[],
  length: number,
  described: readonly FieldLine[],
): FileAnswer {
  const [first, second] = ranges as [ByteRange, ByteRange?];
  if (second === undefined) {
    const framing: FieldLine[] = [
      ["content-length", String(first.last - first.first + 1)],
      ["content-range", contentRange(first, length)],
    ];
    return {
      status: 206,
      fields: [...framing, ...described],
      pieces: [{ head: "", ...first }],
      end: "",
    };
  }
  const isType = ([name]: FieldLine) => name.toLowerCase() === "content-type";
  const partType = described.find(isType)![1];
  const framed = multipartRanges(ranges, length, partType, newBoundary());
  return {
    status: 206,
    fields: [
      ["content-length", String(framed.length)],
      ["content-type", framed.contentType],
      ...described.filter((line) => !isType(line)),
    ],
    pieces: ranges.map((range, i) => ({ head: framed.heads[i]!, ...range })),
    end: framed.end,
  };
}

/** RFC 9110 section 15.4.5: what a 200 would say, but of the body only what tells versions apart. */
function notModified(
  { fields }: FileRequest,
  given: ReadonlyMap<string, string>,
  { etag, lastModified }: Validators,
): FileAnswer {
  const kept = fields.filter(([name]) => !OF_A_BODY.has(name.toLowerCase()));
  const own: FieldLine[] = [];
  if (etag !== undefined) {
    if (!given.has("etag")) own.push(["etag", etag]);
  } else if (lastModified !== undefined && !given.has("last-modified")) {
    own.push(["last-modified", dateOf(lastModified)]);
  }
  return { status: 304, fields: [...own, ...kept], pieces: [], end: "" };
}

/** The fields of the file itself, and the program's, which come in place of those of the same name. */
function describe(
  { contentType, fields }: FileRequest,
  given: ReadonlyMap<string, string>,
  { etag, lastModified }: Validators,
  takesRanges: boolean,
): FieldLine[] {
  const described: FieldLine[] = [];
  if (!given.has("content-type")) described.push(["content-type", contentType]);
  if (lastModified !== undefined && !given.has("last-modified")) {
    described.push(["last-modified", dateOf(lastModified)]);
  }
  if (etag !== undefined && !given.has("etag")) described.push(["etag", etag]);
  if (takesRanges && !given.has("accept-ranges")) described.push(["accept-ranges", "bytes"]);
  described.push(...fields);
  return described;
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}

/** Too long to be guessed and put into a file, so that no part seems to end early. */
function newBoundary(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
