/** Entity tags (RFC 9110 section 8.8.3): their syntax, and how two are compared. */

import { isBlank } from "../syntax.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const DEL = 0x7f;

/** Whether `text` is one entity tag, such as `"abc"` or `W/"abc"`. */
export function isEntityTag(text: string): boolean {
  const start = text.startsWith("W/") ? 2 : 0;
  return text.charCodeAt(start) === QUOTE && endOfOpaque(text, start) === text.length;
}

/** Whether the tag is a weak one. */
export function isWeakTag(tag: string): boolean {
  return tag.startsWith("W/");
}

/** The strong comparison of section 8.8.3.2: both are strong, and the same. */
export function matchesStrongly(a: string, b: string): boolean {
  return a === b && !isWeakTag(a);
}

/** The weak comparison of section 8.8.3.2: the same but for weakness. */
export function matchesWeakly(a: string, b: string): boolean {
  return opaqueOf(a) === opaqueOf(b);
}

/**
 * Whether one of the tags in `list`, the value of `If-Match` or `If-None-Match`, matches. An element that
 * is no entity tag matches nothing, and costs the others nothing. A `*` is not looked for.
 *
 * @param matches {@linkcode matchesStrongly} or {@linkcode matchesWeakly}
 */
export function listMatches(
  list: string,
  tag: string,
  matches: (a: string, b: string) => boolean,
): boolean {
  let at = 0;
  while (at < list.length) {
    if (isBlank(list.charCodeAt(at)) || list.charCodeAt(at) === COMMA) {
      at++;
      continue;
    }
    const start = at;
    const opaque = list.startsWith("W/", at) ? at + 2 : at;
    const end = list.charCodeAt(opaque) === QUOTE ? endOfOpaque(list, opaque) : -1;
    // What is no tag ends at the next comma.
    at = end < 0 ? opaque : skipBlanks(list, end);
    const isTag = end > 0 && (at === list.length || list.charCodeAt(at) === COMMA);
    if (isTag && matches(list.slice(start, end), tag)) return true;
    const comma = list.indexOf(",", at);
    if (comma < 0) return false;
    at = comma;
  }
  return false;
}

function opaqueOf(tag: string): string {
  return isWeakTag(tag) ? tag.slice(2) : tag;
}

/**
 * Behind the opaque tag whose quote is at `start`; −1 if it doesn't end as one. A backslash is a character
 * like any other (section 8.8.3), and so is a comma.
 */
function endOfOpaque(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    // etagc = %x21 / %x23-7E / obs-text
    if (code <= 0x20 || code === DEL || code > 0xff) return -1;
  }
  return -1;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}
