/** Headers by token number. */

import type { Wsi } from "../../api/wsi.ts";
import { attempt } from "../engine/attempt.ts";
import type { Generation } from "../engine/generation.ts";
import { type Box, theBox, theConnection, theWhole } from "../engine/guards.ts";
import type { lws_tokens } from "../engine/structs.ts";

/** `lws_hdr_total_length` of any generation. */
export type HdrTotalLength = (wsi: Wsi, h: number) => number;

/** A `lws_hdr_total_length`: of all occurrences together; 0 when it is absent or headers are gone. */
export function measuringHeaders(generation: Generation): HdrTotalLength {
  return (wsi, h) =>
    attempt("lws_hdr_total_length", 0, () => {
      checkToken(generation, wsi, h);
      return textOf(generation, wsi, h)?.length ?? 0;
    });
}

/** `lws_hdr_copy` of any generation. */
export type HdrCopy = (wsi: Wsi, dest: Box<string>, len: number, h: number) => number;

/** A `lws_hdr_copy`: the length; 0 when it is absent; −1 when it does not fit or headers are gone. */
export function copyingHeaders(generation: Generation): HdrCopy {
  return (wsi, dest, len, h) =>
    attempt("lws_hdr_copy", -1, () => {
      checkToken(generation, wsi, h);
      checkRoom(dest, len);
      if (!hasHeaders(wsi)) return -1;
      const text = textOf(generation, wsi, h) ?? "";
      // The terminating zero has to fit as well.
      if (text.length >= len) return -1;
      dest.value = text;
      return text.length;
    });
}

/** `lws_hdr_copy_fragment`. */
export type HdrCopyFragment = (
  wsi: Wsi,
  dest: Box<string>,
  len: number,
  h: number,
  frag_idx: number,
) => number;

/** A `lws_hdr_copy_fragment`: the length; −1 when there is no such piece or it does not fit. */
export function copyingHeaderPieces(generation: Generation): HdrCopyFragment {
  return (wsi, dest, len, h, frag_idx) =>
    attempt("lws_hdr_copy_fragment", -1, () => {
      checkToken(generation, wsi, h);
      checkRoom(dest, len);
      theWhole("frag_idx", frag_idx);
      const name = nameOf(generation, wsi, h);
      const text = name === undefined ? undefined : wsi.hdrCopyFragment(name, frag_idx);
      if (text === undefined || text.length >= len) return -1;
      dest.value = text;
      return text.length;
    });
}

/** All headers by token number, as filters were given them. */
export function tokenArray(generation: Generation, wsi: Wsi): lws_tokens[] {
  const count = generation.constants.WSI_TOKEN_COUNT as number;
  return Array.from({ length: count }, (_, token) => {
    const text = textOf(generation, wsi, token);
    return { token: text ?? null, token_len: text?.length ?? 0 };
  });
}

/** The main API's name of a token; `WSI_TOKEN_HTTP` was the status of an answer, and a request's version. */
function nameOf({ tokens }: Generation, wsi: Wsi, token: number): string | undefined {
  const name = tokens.name(token);
  return name === "http status" && !wsi.isClient ? "http" : name;
}

/**
 * The text of a header, repeated ones joined by a blank as in C, and arguments of a URI by nothing;
 * undefined when it is absent.
 */
function textOf(generation: Generation, wsi: Wsi, token: number): string | undefined {
  const name = nameOf(generation, wsi, token);
  if (name === undefined) return undefined;
  const pieces = wsi.hdrValues(name);
  if (pieces.length === 0) return wsi.hdrCopy(name);
  return pieces.join(name === "uri args" ? "" : " ");
}

/** Whether there are headers to read: not before a request, and not once it was dealt with. */
function hasHeaders(wsi: Wsi): boolean {
  return wsi.hdrSnapshot().size > 0;
}

function checkToken({ constants }: Generation, wsi: Wsi, h: number): void {
  theConnection(wsi);
  theWhole("h", h, 0, constants.WSI_TOKEN_COUNT as number - 1);
}

function checkRoom(dest: Box<string>, len: number): void {
  theBox("dest", dest);
  theWhole("len", len);
}
