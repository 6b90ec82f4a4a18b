/** Listening, and what went wrong in the library's own words. */

import { LwsError } from "./errors.ts";
import type { Listener, Network, NetworkTarget } from "./transport/transport.ts";

/**
 * Listens.
 *
 * @throws {LwsError} `address-in-use`, `permission-denied` or `listen-failed`.
 */
export function listen(network: Network, target: NetworkTarget): Listener {
  try {
    return network.listen(target);
  } catch (cause) {
    const where = `${target.hostname} port ${target.port}`;
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "AddrInUse" || code === "address-in-use") {
      throw new LwsError("address-in-use", `${where} is in use; free it or listen on another`, {
        cause,
      });
    }
    if (isPermissionError(cause)) {
      throw new LwsError("permission-denied", `may not listen on ${where}; run with --allow-net`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LwsError("listen-failed", `can't listen on ${where}: ${why}`, { cause });
  }
}

/** Whether the runtime or the system has denied something. */
export function isPermissionError(error: unknown): boolean {
  const { name } = error as { name?: string };
  return name === "NotCapable" || name === "PermissionDenied";
}
