/** What a call of libc failed with, as the runtime's own errors say it. */

import { constants } from "node:os";
import type { Libc } from "./libc.ts";
import { runtime } from "../../base/runtime/runtime.ts";

/** The names of errors by their numbers: `EAGAIN` for 11. Of two names of a number the first counts. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno as Record<string, number>).reverse().map(([name, number]) =>
    [number, name] as const
  ),
);

/** The runtime's classes, by which programs and this library know failures. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  EACCES: runtime.errors.PermissionDenied,
  EPERM: runtime.errors.PermissionDenied,
  EADDRINUSE: runtime.errors.AddrInUse,
  EADDRNOTAVAIL: runtime.errors.AddrNotAvailable,
  ECONNABORTED: runtime.errors.ConnectionAborted,
  ECONNREFUSED: runtime.errors.ConnectionRefused,
  ECONNRESET: runtime.errors.ConnectionReset,
  ENOENT: runtime.errors.NotFound,
  ENOTCONN: runtime.errors.NotConnected,
  EPIPE: runtime.errors.BrokenPipe,
  ETIMEDOUT: runtime.errors.TimedOut,
};

/**
 * The error for a number of `errno`, with the number's name as `code`.
 *
 * @param call the function in C, for the message
 */
export function failure(libc: Libc, call: string, errno: number): Error {
  const code = NAMES.get(errno) ?? `E${errno}`;
  const message = `${call}: ${libc.strerror(errno)} (${code})`;
  return Object.assign(new (CLASSES[code] ?? Error)(message), { code });
}

/**
 * Gives a result on, unless it is −1.
 *
 * @throws {Error} then, as {@linkcode failure}
 */
export function must(libc: Libc, call: string, result: number): number {
  if (result >= 0) return result;
  throw failure(libc, call, libc.errno());
}
