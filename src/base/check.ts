/** The error for a wrong argument of a call, which names it. */

import { LwsError } from "./errors.ts";
import { discreet } from "./log/escaping.ts";

/** Throws for the argument `name` of `call`. */
export function refuseArgument(
  call: string,
  name: string,
  value: unknown,
  allowed: string,
): never {
  throw new LwsError(
    "invalid-argument",
    `${call}: ${name} is ${describeValue(value)}; allowed: ${allowed}`,
  );
}

/** Throws for a member that there is not. Its value may be a secret, and is not shown. */
export function refuseName(
  call: string,
  name: string,
  names: readonly string[],
  hint: string,
): never {
  const allowed = names.join(", ");
  throw new LwsError(
    "invalid-argument",
    `${call}: there is no ${name}; allowed: ${allowed}${hint}`,
  );
}

/** As much of a text as a message shows: of a payload in the wrong place the log needs no more. */
const LONGEST_SHOWN = 256;

/** A value as a message shows it: never long, never with what an object holds, a key or a password. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    const text = JSON.stringify(discreet(value).slice(0, LONGEST_SHOWN));
    if (value.length <= LONGEST_SHOWN) return text;
    return `${text}… of ${value.length} characters`;
  }
  if (Array.isArray(value)) return "[…]";
  if (typeof value === "object" && value !== null) return "{…}";
  if (typeof value === "function") return "a function";
  return String(value);
}

/** Whether an object was written down as such; an instance of a class may have members of its own. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
