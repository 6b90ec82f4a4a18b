/** Giving up root's rights. */

import { line, log } from "../base/log.ts";
import { dropPrivileges, type Identity } from "../transport/machine.ts";

/**
 * Changes to the group and the user that a program asks for.
 *
 * @throws {LwsError} `permission-denied`, or `invalid-state` when the system has no such ids
 */
export function giveUpRoot({ gid, uid }: Identity): void {
  const groups = dropPrivileges({ gid, uid });
  if (uid > 0 && gid === -1) log("warn", "uid without gid: the process keeps its group");
  if (groups.length > 0) {
    log(
      "warn",
      () => line`gid and uid: the process keeps its supplementary groups ${groups.join(", ")}`,
    );
  }
}
