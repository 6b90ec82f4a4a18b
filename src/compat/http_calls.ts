/** Calls that answer HTTP requests. */

import { statusText } from "../core/http_status.ts";
import { isFieldValue, isToken } from "../core/http_syntax.ts";
import type { Wsi } from "../wsi.ts";
import { attempt } from "./attempt.ts";
import { tokenToString } from "../token_names.ts";
import { type Box, bytesAt } from "./pointers.ts";

/** Begins to send a file. −1 when there is no request to answer, else 0: more service is needed. */
export function serveFile(
  name: string,
  wsi: Wsi,
  file: string,
  content_type: string,
  other_headers: string | null = null,
): number {
  return attempt(name, -1, () => wsi.serveHttpFile(file, content_type, fieldsOf(other_headers)));
}

/** `libwebsockets_serve_http_file` until 2012. */
export type ServeFile = (wsi: Wsi, file: string, content_type: string) => number;

/** A `libwebsockets_serve_http_file` of then. */
export function servingFiles(name: string): ServeFile {
  return (wsi, file, content_type) => serveFile(name, wsi, file, content_type);
}

/** The fields of a block of header lines. */
function fieldsOf(block: string | null): [string, string][] {
  const lines = (block ?? "").split("\r\n").filter((line) => line !== "");
  return lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new TypeError(`other_headers: ${JSON.stringify(line)} is no header line`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

/**
 * Answers with a status and a small page that shows it, and `html_body` when it is not null.
 *
 * @returns 0, or 1 when there is no request to answer or `code` is none.
 */
export function returnHttpStatus(wsi: Wsi, code: number, html_body: string | null): number {
  return attempt(
    "lws_return_http_status",
    1,
    () => wsi.returnHttpStatus(code, html_body ?? undefined),
  );
}

/** The response is whole. 1: close the connection now; 0: it waits for the next request. */
export function httpTransactionCompleted(wsi: Wsi): number {
  return wsi.httpTransactionCompleted();
}

/** Puts a status line at `p`, and moves `p` behind it. 0, or 1 when it does not fit before `end`. */
export function addStatus(_wsi: Wsi, code: number, p: Box<Uint8Array>, end: Uint8Array): number {
  return put(`HTTP/1.1 ${code} ${statusText(code)}\r\n`, p, end);
}

/**
 * Puts a header at `p`, and moves `p` behind it.
 *
 * @param name With its colon, as `lws_token_to_string` gives it, or without.
 * @returns 0, or 1 when it does not fit before `end` or is no header.
 */
export function addByName(
  _wsi: Wsi,
  name: string,
  value: Uint8Array | string,
  length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  const bare = name.endsWith(":") ? name.slice(0, -1) : name;
  const text = typeof value === "string"
    ? value.slice(0, length)
    : new TextDecoder().decode(bytesAt(value, length));
  // What a peer had a part in must not end the header.
  if (!isToken(bare) || !isFieldValue(text)) return 1;
  return put(`${bare}: ${text}\r\n`, p, end);
}

/** As `lws_add_http_header_by_name`, for a token that is a header. */
export function addByToken(
  wsi: Wsi,
  token: number,
  value: Uint8Array | string,
  length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  const name = tokenToString(token);
  return name === null ? 1 : addByName(wsi, name, value, length, p, end);
}

/** Puts a `content-length` at `p`, and moves `p` behind it. 0, or 1 when it does not fit. */
export function addContentLength(
  wsi: Wsi,
  content_length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  const text = String(content_length);
  return addByName(wsi, "content-length", text, text.length, p, end);
}

/** Puts the blank line that ends a head at `p`, and moves `p` behind it. 0, or 1 when it does not fit. */
export function finalize(_wsi: Wsi, p: Box<Uint8Array>, end: Uint8Array): number {
  return put("\r\n", p, end);
}

function put(text: string, p: Box<Uint8Array>, end: Uint8Array): number {
  const bytes = new TextEncoder().encode(text);
  if (p.value.byteOffset + bytes.length > end.byteOffset) return 1;
  p.value.set(bytes);
  p.value = p.value.subarray(bytes.length);
  return 0;
}
