/** Whether the runtime lets a server be reached: the client's own sockets fail without a word. */

import { LwsError } from "../../../base/errors.ts";

/** @throws {LwsError} `permission-denied` */
export function checkNetPermission(host: string, port: number): void {
  // Node has no such permissions.
  const permissions = (globalThis as { Deno?: typeof Deno }).Deno?.permissions;
  if (permissions === undefined) return;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  // Where a terminal can be asked, the runtime asks when the client connects.
  if (permissions.querySync({ name: "net", host: address }).state === "granted") return;
  throw new LwsError(
    "permission-denied",
    `redisBroker: may not connect to ${address}; run with --allow-net=${address}`,
  );
}
