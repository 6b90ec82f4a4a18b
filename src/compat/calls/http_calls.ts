/** Calls that answer HTTP requests. */

import type { Wsi } from "../../api/wsi.ts";
import { attempt } from "../engine/attempt.ts";
import {
  type Box,
  refuse,
  theBox,
  theBytes,
  theConnection,
  theText,
  theWhole,
} from "../engine/guards.ts";
import { bytesAt } from "../engine/pointers.ts";
import { servedOf } from "../engine/served.ts";
import { tokenToString } from "../../core/http/header_tokens.ts";
import { statusText } from "../../core/http/status.ts";
import { isFieldValue, isToken } from "../../core/http/syntax.ts";

/**
 * Serves a file. 1 when it has left whole; 0 when more service is needed; −1 when it can't be opened,
 * after a 404, or when there is no request to answer.
 */
export function serveFile(
  name: string,
  wsi: Wsi,
  file: string,
  content_type: string,
  others: readonly [block: Uint8Array | string | null, length: number] = [null, 0],
): number {
  return attempt(name, -1, () => {
    theConnection(wsi);
    theText("file", file);
    theText("content_type", content_type);
    const fields = fieldsOf(...others);
    const files = servedOf(wsi.context)?.files;
    return files?.serve(wsi, file, content_type, fields) ??
      wsi.serveHttpFile(file, content_type, fields);
  });
}

/** `libwebsockets_serve_http_file` until 2012. */
export type ServeFile = (wsi: Wsi, file: string, content_type: string) => number;

/** A `libwebsockets_serve_http_file` of then, which did not tell whether the file had left. */
export function servingFiles(name: string): ServeFile {
  return (wsi, file, content_type) => Math.min(0, serveFile(name, wsi, file, content_type));
}

/**
 * Answers with a status and a small page that shows it, and `html_body` when it is not null.
 *
 * @param html_body Sent as it is and **not escaped**, as in C: what a peer has said has to be escaped first.
 * @returns 0, or 1 when there is no request to answer or `code` is none.
 */
export function returnHttpStatus(wsi: Wsi, code: number, html_body: string | null): number {
  return attempt(
    "lws_return_http_status",
    1,
    () => {
      theConnection(wsi);
      theWhole("code", code, 100, 999);
      if (html_body !== null) theText("html_body", html_body);
      return wsi.returnHttpStatus(code, html_body ?? undefined);
    },
  );
}

/** The response is whole. 1: close the connection now; 0: it waits for the next request. */
export function httpTransactionCompleted(wsi: Wsi): number {
  return attempt(
    "lws_http_transaction_completed",
    1,
    () => theConnection(wsi).httpTransactionCompleted(),
  );
}

/** Puts a status line at `p`, and moves `p` behind it. 0, or 1 when it does not fit before `end`. */
export function addStatus(_wsi: Wsi, code: number, p: Box<Uint8Array>, end: Uint8Array): number {
  return put("lws_add_http_header_status", p, end, () => {
    theWhole("code", code, 100, 999);
    return `HTTP/1.1 ${code} ${statusText(code)}\r\n`;
  });
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
  return putField("lws_add_http_header_by_name", name, value, length, p, end);
}

/** As `lws_add_http_header_by_name`, for a token that is a header. */
export function addByToken(
  _wsi: Wsi,
  token: number,
  value: Uint8Array | string,
  length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  const call = "lws_add_http_header_by_token";
  return attempt(call, 1, () => {
    const name = tokenToString(token) ?? refuse("token", token, "a WSI_TOKEN_ that is a header");
    return putField(call, name, value, length, p, end);
  });
}

/** Puts a `content-length` at `p`, and moves `p` behind it. 0, or 1 when it does not fit. */
export function addContentLength(
  _wsi: Wsi,
  content_length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  const call = "lws_add_http_header_content_length";
  return attempt(call, 1, () => {
    const text = String(theWhole("content_length", content_length));
    return putField(call, "content-length", text, text.length, p, end);
  });
}

/** Puts the blank line that ends a head at `p`, and moves `p` behind it. 0, or 1 when it does not fit. */
export function finalize(_wsi: Wsi, p: Box<Uint8Array>, end: Uint8Array): number {
  return put("lws_finalize_http_header", p, end, () => "\r\n");
}

/** The fields of a block of header lines. */
function fieldsOf(block: Uint8Array | string | null, length: number): [string, string][] {
  if (block === null) return [];
  const text = textAt(block, length, ["other_headers", "other_headers_len"]);
  const lines = text.split("\r\n").filter((line) => line !== "");
  return lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) {
      throw new TypeError(`other_headers: a line of ${line.length} characters is no header line`);
    }
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

/** The first `length` bytes as text. */
function textAt(
  value: Uint8Array | string,
  length: number,
  names: readonly [value: string, length: string],
): string {
  return new TextDecoder().decode(bytesAt(value, length, names));
}

function putField(
  call: string,
  name: string,
  value: Uint8Array | string,
  length: number,
  p: Box<Uint8Array>,
  end: Uint8Array,
): number {
  return put(call, p, end, () => {
    const bare = theText("name", name).replace(/:$/, "");
    const text = textAt(value, length, ["value", "length"]);
    if (!isToken(bare)) refuse("name", name, "the name of a header");
    // What a peer had a part in must not end the header.
    if (!isFieldValue(text)) refuse("value", text, "no control characters");
    return `${bare}: ${text}\r\n`;
  });
}

/** Puts a text at `p`, and moves `p` behind it. 0, or 1 when it does not fit before `end`. */
function put(name: string, p: Box<Uint8Array>, end: Uint8Array, text: () => string): number {
  return attempt(name, 1, () => {
    const room = theBytes("p", theBox("p", p).value);
    theBytes("end", end);
    const bytes = new TextEncoder().encode(text());
    // A pointer is a view here, which may end before `end`, or be of another buffer.
    const most = room.buffer === end.buffer ? end.byteOffset - room.byteOffset : 0;
    if (bytes.length > Math.min(most, room.length)) return 1;
    room.set(bytes);
    p.value = room.subarray(bytes.length);
    return 0;
  });
}
