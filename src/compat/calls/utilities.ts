/** Random bytes, SHA-1 and base64, as programs of then used them. */

import { attempt } from "../engine/attempt.ts";
import { type Box, refuse, theBox, theBytes, theText, theWhole } from "../engine/guards.ts";
import { bytesAt } from "../engine/pointers.ts";
import { digests } from "../../context/digests.ts";
import { base64Of, bytesOfBase64 } from "../../base/text/encodings.ts";

/** The most bytes that the runtime's generator fills in one call. */
const RANDOM_PIECE = 65_536;
const SHA1_LENGTH = 20;

/** Fills `len` bytes at `buf` with random ones. Returns `len`, or −1 for wrong arguments. */
export function fillRandom(_context: unknown, buf: Uint8Array, len: number): number {
  return attempt("lws_get_random", -1, () => {
    const room = theBytes("buf", buf).subarray(0, theWhole("len", len, 0, buf.length));
    for (let start = 0; start < len; start += RANDOM_PIECE) {
      crypto.getRandomValues(room.subarray(start, start + RANDOM_PIECE));
    }
    return len;
  });
}

/** Puts the SHA-1 of `n` bytes at `d` into the 20 bytes at `md`, which it returns. */
export function sha1(d: Uint8Array | string, n: number, md: Uint8Array): Uint8Array {
  // Null, as from C's allocator, only for a program that goes round the types.
  return attempt("lws_SHA1", null as unknown as Uint8Array, () => {
    const copy = bytesAt(d, n, ["d", "n"]).slice();
    if (theBytes("md", md).length < SHA1_LENGTH) refuse("md", md, `${SHA1_LENGTH} bytes or more`);
    md.set(digests.sha1(copy));
    return md;
  });
}

/** Encodes `in_len` bytes as base64. The length, or −1 when it does not fit with a zero behind it. */
export function base64Encode(
  input: Uint8Array | string,
  in_len: number,
  out: Box<string>,
  out_size: number,
): number {
  return attempt("lws_b64_encode_string", -1, () => {
    const text = base64Of(bytesAt(input, in_len, ["in", "in_len"]));
    if (text.length >= theWhole("out_size", out_size)) return -1;
    theBox("out", out).value = text;
    return text.length;
  });
}

/** Decodes base64 into `out`. The number of bytes, or −1 when they don't fit or there is no base64. */
export function base64Decode(input: string, out: Uint8Array, out_size: number): number {
  return attempt("lws_b64_decode_string", -1, () => {
    theText("in", input);
    theBytes("out", out);
    theWhole("out_size", out_size);
    const bytes = decoded(input);
    if (bytes === undefined || bytes.length > Math.min(out_size, out.length)) return -1;
    out.set(bytes);
    return bytes.length;
  });
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return bytesOfBase64(text);
  } catch {
    return undefined;
  }
}
