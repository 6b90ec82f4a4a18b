/** Cookies as requests send them (RFC 6265 section 4.2.1). */

import { trimBlanks } from "./syntax.ts";

/**
 * The value of the first cookie `name` in the lines of `Cookie`, undefined without one. Names have a
 * case. The value is what was sent, its quotes included, which section 4.1.1 has as part of it, and is
 * not decoded. Pieces without a name or `=` are passed over.
 *
 * Section 5.4 lets a user agent send one line only; HTTP/2 splits it (RFC 9113 section 8.2.3), and not
 * every proxy puts it together again. Nothing but SP and HTAB counts as a blank: where a server trims
 * more than browsers do, a page can set a cookie that looks like one with the prefix `__Host-`.
 */
export function findCookie(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    for (let start = 0; start <= line.length;) {
      const semicolon = line.indexOf(";", start);
      const end = semicolon < 0 ? line.length : semicolon;
      const value = valueOf(line.slice(start, end), name);
      if (value !== undefined) return value;
      start = end + 1;
    }
  }
  return undefined;
}

/**
 * All cookies in the lines of `Cookie` by their names, of several of one name the first: what
 * {@linkcode findCookie} finds. One without a name is passed over, too.
 */
export function allCookies(lines: readonly string[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const line of lines) {
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      const name = trimBlanks(pair.slice(0, Math.max(equals, 0)));
      if (name !== "" && !all.has(name)) all.set(name, trimBlanks(pair.slice(equals + 1)));
    }
  }
  return all;
}

function valueOf(pair: string, name: string): string | undefined {
  const equals = pair.indexOf("=");
  if (equals < 0 || trimBlanks(pair.slice(0, equals)) !== name) return undefined;
  return trimBlanks(pair.slice(equals + 1));
}
