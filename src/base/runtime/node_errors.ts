/** The classes of Deno's errors, for runtimes that have codes alone. */

import type { RuntimeErrors } from "./types.ts";

function named(name: string): new (message: string) => Error {
  return class extends Error {
    override readonly name: string = name;
  };
}

/** By the names that Deno has for them. */
export const nodeErrors: RuntimeErrors = {
  AddrInUse: named("AddrInUse"),
  AddrNotAvailable: named("AddrNotAvailable"),
  BrokenPipe: named("BrokenPipe"),
  ConnectionAborted: named("ConnectionAborted"),
  ConnectionRefused: named("ConnectionRefused"),
  ConnectionReset: named("ConnectionReset"),
  NotCapable: named("NotCapable"),
  NotConnected: named("NotConnected"),
  NotFound: named("NotFound"),
  PermissionDenied: named("PermissionDenied"),
  TimedOut: named("TimedOut"),
};

/** By the codes of the system. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  EACCES: nodeErrors.PermissionDenied,
  EPERM: nodeErrors.PermissionDenied,
  EADDRINUSE: nodeErrors.AddrInUse,
  EADDRNOTAVAIL: nodeErrors.AddrNotAvailable,
  ECONNABORTED: nodeErrors.ConnectionAborted,
  ECONNREFUSED: nodeErrors.ConnectionRefused,
  ECONNRESET: nodeErrors.ConnectionReset,
  ENOENT: nodeErrors.NotFound,
  ENOTCONN: nodeErrors.NotConnected,
  EPIPE: nodeErrors.BrokenPipe,
  ETIMEDOUT: nodeErrors.TimedOut,
};

/** A failure as Deno has it, with the system's code; what has no class is left as it is. */
export function asDeno(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const Kind = typeof code === "string" ? CLASSES[code] : undefined;
  if (Kind === undefined) return error;
  return Object.assign(new Kind(String(message)), { code, cause: error });
}
