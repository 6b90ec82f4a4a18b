/** Where our parsers of HTTP and llhttp differ on purpose. */

import { textOf } from "../target.ts";

/**
 * Why our parser refuses what llhttp takes. Each is a rule of RFC 9110 or 9112 for recipients, a limit, or a fault
 * by which messages have been smuggled.
 */
export const STRICTER: ReadonlySet<string> = new Set([
  // Limits.
  "too many header fields",
  "the head is too long",
  "the start line is too long",
  "the body is too long",
  "too many tiny chunks",
  // Above 2^53 − 1.
  "a bad Content-Length",
  "chunk extensions and trailers are too long",
  "a chunk size is too large",
  // RFC 9112 section 3.2: what Host has to be.
  "more than one Host",
  "Host is missing",
  "Host is empty",
  "a bad Host",
  "Host and target disagree",
  // RFC 9112 sections 3 and 3.2, RFC 3986, RFC 9110 section 7.1.
  "an unknown method",
  "tunnels are not made here",
  "HTTP/2 is not spoken here",
  "an HTTP version other than 1.x",
  "a bad character in the target",
  "a fragment in the target",
  "the target * without OPTIONS",
  "the target is neither a path nor an http URI",
  "a bad authority in the target",
  "an encoded NUL in the query",
  "a backslash in the path",
  "a path that can be read in two ways",
  "an encoded control character in the path",
  "a bad percent escape in the path",
  "the path is not UTF-8",
  "more blanks than two in the request line",
  "an incomplete request line",
  "a bad HTTP version",
  "this is not HTTP",
  // RFC 9112 section 2.2: LF alone may be taken for a line's end, by which recipients differ.
  "a line ends in a bare LF",
  "a bare CR",
  "a control character in the head",
  // RFC 9112 section 7.1.1: the grammar of extensions.
  "a bad chunk extension",
  // RFC 9112 section 5.2: a fold may be refused.
  "obsolete line folding",
  // RFC 9112 section 2.2: empty lines in front of a request, of which there may be one.
  "a bad character in the method",
  // RFC 9110 section 10.1.1.
  "an unknown expectation",
  // RFC 9112 section 6.1, and 6.3.
  "Transfer-Encoding is not chunked",
  "Content-Length together with Transfer-Encoding",
  "an unknown transfer coding",
  "Transfer-Encoding in HTTP/1.0",
  "a bad Transfer-Encoding",
  "more than one Content-Length",
  // RFC 9110 section 6.5.1.
  "a trailer with a field that must come first",
]);

/** What llhttp refuses and our parser takes, each by a rule: its words, and what stands in such a message. */
const LOOSER: readonly (readonly [words: RegExp, sign: RegExp])[] = [
  // RFC 9112 section 7.1.1: blanks may stand in front of `;` and `=` of a chunk's extension, and behind them.
  [/^Invalid character in chunk size/, /[0-9a-f][ \t]+;/i],
  [/^Invalid character in chunk extensions/, /;[^\r\n]*[ \t]/],
  // It knows methods by a list.
  [/^Invalid method encountered$|^Expected (space|SOURCE) /, /(^|\n)\S+ \S+ HTTP\/1/],
  // RFC 9110 section 5.5: a blank behind a value is none of it, a tab neither.
  [/^Invalid character in Content-Length/, /content-length:[ \t]*\d+[ \t]+\r/i],
  [/^Request has invalid `Transfer-Encoding`/, /transfer-encoding:[^\r]*chunked *\t[ \t]*\r/i],
  // RFC 9110 section 2.5: a later minor version is read as the one that is known.
  [/^Invalid (minor|HTTP) version/, /HTTP\/1\.[2-9]/],
];

/** Whether a refusal of llhttp's is one of those. */
export function isLooser(refusal: string, wire: Uint8Array): boolean {
  const text = textOf(wire);
  return LOOSER.some(([words, sign]) => words.test(refusal) && sign.test(text));
}
