/** Whether the program may connect: where it may not, the client library says nothing. */

import { LwsError } from "../../../base/errors.ts";

/** @throws {LwsError} `permission-denied`, which names the host */
export function checkNetPermission(host: string): void {
  // Node has none.
  const { Deno: runtime } = globalThis as { Deno?: typeof Deno };
  // Where that may be asked, the program's user is.
  if (runtime?.permissions.requestSync({ name: "net", host }).state !== "denied") return;
  throw new LwsError(
    "permission-denied",
    `natsBroker: may not connect to ${host}; run with --allow-net=${host}`,
  );
}
