/** The methods of requests that are taken (RFC 9110 section 9). */

import { HttpSyntaxError, isToken } from "./syntax.ts";

/** Which methods are taken, and how long a beginning of one may be. */
export interface Methods {
  /** Undefined for all. */
  readonly names: ReadonlySet<string> | undefined;
  /** The most characters of a method. */
  readonly longest: number;
}

/** More than the registered ones need, of which UPDATEREDIRECTREF is the longest. */
export const LONGEST_METHOD = 32;

/**
 * Methods that are never taken, by the status that answers them. CONNECT asks for a tunnel, which begins
 * behind any 2xx (RFC 9110 section 9.3.6): whatever a program answered it, the peer and a proxy in
 * between would take what follows for something else. The preface of HTTP/2 begins like a request on
 * purpose (RFC 9113 section 3.4).
 */
const REFUSED: ReadonlyMap<string, { readonly status: number; readonly why: string }> = new Map([
  ["CONNECT", { status: 501, why: "tunnels are not made here" }],
  ["PRI", { status: 505, why: "HTTP/2 is not spoken here" }],
]);

/** These methods alone; names are case-sensitive. */
export function onlyMethods(names: Iterable<string>): Methods {
  const set = new Set(names);
  return { names: set, longest: Math.max(...Array.from(set, ({ length }) => length)) };
}

/** Every method that may be one. */
export const ANY_METHOD: Methods = { names: undefined, longest: LONGEST_METHOD };

/** The methods of RFC 9110 section 9 and RFC 5789 but for CONNECT and TRACE. */
export const COMMON_METHODS: Methods & { readonly names: ReadonlySet<string> } = {
  names: new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
  longest: 7,
};

/** Whether a program may ask for that method. */
export function isTakeable(method: string): boolean {
  return isToken(method) && method.length <= LONGEST_METHOD && !REFUSED.has(method);
}

/**
 * Checks the method of a request, which is a token.
 *
 * @throws {HttpSyntaxError} 501 for one that is not taken, 505 for that of HTTP/2's preface
 */
export function checkMethod(method: string, { names }: Methods): void {
  const refused = REFUSED.get(method);
  if (refused !== undefined) throw new HttpSyntaxError(refused.status, refused.why);
  if (names !== undefined && !names.has(method)) throw unknownMethod();
}

/** RFC 9112 section 3 has 501 for one that is too long, too. */
export function unknownMethod(): HttpSyntaxError {
  return new HttpSyntaxError(501, "an unknown method");
}
