/** Which paths a protocol serves: the pathname of a `URLPattern`, and what its groups have matched. */

import { normalPath } from "../core/http/target.ts";
import { NO_PARAMS, type PathParams } from "./incoming_request.ts";

/** A pattern that is ready to be asked. */
export interface PathPattern {
  /**
   * What the groups have matched, by their names; groups without a name count up from `"0"`. It is decoded as UTF-8
   * where that can be done, else as sent; a group that has matched nothing is left out. Undefined when the path
   * doesn't fit.
   *
   * @param path As it stood in the request's target, in front of the query.
   */
  match(path: string): PathParams | undefined;
}

/** Characters that make a text a pattern. */
const PATTERN_CHARACTER = /[*?+:{}()\\]/;

/** What has none but these, and no dot behind a slash, is no other path once it is normalised. */
const PLAIN_PATH = /^(?:\/(?!\.)|[A-Za-z0-9._~!$&'()*+,;=:@-])*$/;

/** @throws {TypeError} for what is no pathname of a `URLPattern` that begins with `/` or `*`. */
export function compilePath(pattern: string): PathPattern {
  if (!/^[/*]/.test(pattern)) throw new TypeError('it begins with neither "/" nor "*"');
  if (PATTERN_CHARACTER.test(pattern)) return new GroupedPath(pattern);
  return new LiteralPath(pattern);
}

/** A path without groups, which needs no pattern. */
class LiteralPath implements PathPattern {
  readonly #path: string;

  constructor(path: string) {
    this.#path = normalised(path);
  }

  match(path: string): PathParams | undefined {
    if (path === this.#path) return NO_PARAMS;
    return PLAIN_PATH.test(path) || normalised(path) !== this.#path ? undefined : NO_PARAMS;
  }
}

class GroupedPath implements PathPattern {
  readonly #pattern: URLPattern;

  constructor(pathname: string) {
    this.#pattern = new URLPattern({ pathname: normalPattern(pathname) });
  }

  match(path: string): PathParams | undefined {
    // Engines differ in how far a pattern normalises what it is asked; Node's leaves `\` as it is.
    const pathname = PLAIN_PATH.test(path) ? path : normalised(path);
    const found = this.#pattern.exec({ pathname });
    return found === null ? undefined : decodedGroups(found.pathname.groups);
  }
}

/** The texts of a pattern in the form that paths are asked in, and never its syntax. */
function normalPattern(pattern: string): string {
  return pattern.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const normal = normalPath(escape);
    // A group's name would go on with it, and a point is any character in an expression.
    return normal.length > 1
      ? normal
      : pattern.includes("(")
      ? normal.replace(".", "\\.")
      : `\\${normal}`;
  });
}

/** As a URL has it: in one form, and escaped what can't stand in one. */
function normalised(path: string): string {
  const url = new URL("http://host");
  url.pathname = normalPath(path);
  return url.pathname;
}

/** Without a prototype, as a group may be named `__proto__`. */
function decodedGroups(groups: Readonly<Record<string, string | undefined>>): PathParams {
  const params: Record<string, string> = Object.create(null);
  for (const [name, text] of Object.entries(groups)) {
    if (text !== undefined) params[name] = decoded(text);
  }
  return Object.freeze(params);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
