/** Listening, and what went wrong in the library's own words. */

import type { Listener, Network, NetworkTarget } from "../api/network.ts";
import { isPermissionError, LwsError } from "../base/errors.ts";

/**
 * Listens.
 *
 * @throws {LwsError} `address-in-use`, `permission-denied`, `invalid-option` or `listen-failed`.
 */
export function listen(network: Network, target: NetworkTarget): Listener {
  try {
    return network.listen(target);
  } catch (cause) {
    // It names what is wrong already.
    if (cause instanceof LwsError) throw cause;
    const where = describe(target);
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "AddrInUse" || code === "address-in-use") {
      throw new LwsError("address-in-use", `${where} is in use; free it or listen on another`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    if (name === "PermissionDenied") {
      throw new LwsError(
        "permission-denied",
        `the system denies this user to listen on ${where}: ${why}`,
        { cause },
      );
    }
    if (isPermissionError(cause)) {
      const file = target.path === undefined ? "" : ", --allow-read and --allow-write for the file";
      throw new LwsError(
        "permission-denied",
        `may not listen on ${where}; run with --allow-net${file}`,
        { cause },
      );
    }
    throw new LwsError("listen-failed", `can't listen on ${where}: ${why}`, { cause });
  }
}

function describe({ hostname, port, path, fd }: NetworkTarget): string {
  if (fd !== undefined) return `descriptor ${fd}`;
  return path === undefined ? `${hostname} port ${port}` : `the unix socket ${path}`;
}
