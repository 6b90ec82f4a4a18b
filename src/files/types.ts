/** Content types by file name ending, from the table of `@std/media-types` (mime-db). */

import { contentType } from "@std/media-types";

const UNKNOWN = "application/octet-stream";

/**
 * Endings that were asked for; there are only so many in the table, and others aren't kept. Sources in
 * TypeScript are for the table those of MPEG streams, or nothing.
 */
const known = new Map<string, string>([
  ["ts", "text/typescript; charset=utf-8"],
  ["mts", "text/typescript; charset=utf-8"],
  ["cts", "text/typescript; charset=utf-8"],
  ["tsx", "text/tsx; charset=utf-8"],
]);

/**
 * The content type of a file by its name's ending, with `charset=utf-8` for text, scripts and JSON;
 * `application/octet-stream` when the ending is unknown or missing.
 */
export function mediaType(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  if (dot === -1) return UNKNOWN;
  const ending = name.slice(dot + 1).toLowerCase();
  const before = known.get(ending);
  if (before !== undefined) return before;
  const type = contentType(ending)?.replace("charset=UTF-8", "charset=utf-8");
  if (type === undefined) return UNKNOWN;
  known.set(ending, type);
  return type;
}

/** Types without `text/` that are text all the same, or compress as well as it. */
const COMPRESSIBLE: ReadonlySet<string> = new Set([
  "application/javascript",
  "application/json",
  "application/rtf",
  "application/toml",
  "application/vnd.ms-fontobject",
  "application/wasm",
  "application/x-javascript",
  "application/x-sh",
  "application/xml",
  "application/xml-dtd",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/svg+xml",
  "image/vnd.microsoft.icon",
  "image/x-icon",
]);

/** Whether bytes of a content type become notably fewer when they are compressed. */
export function isCompressible(type: string): boolean {
  const essence = type.split(";", 1)[0]!.trim().toLowerCase();
  return essence.startsWith("text/") || COMPRESSIBLE.has(essence) ||
    /\+(json|xml|text)$/.test(essence);
}
