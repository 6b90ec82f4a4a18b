/** Where commands go: what callers see of a server. */

import type { Argument, Reply } from "./server/connection.ts";
import type { Keys } from "./keys.ts";
import type { Script } from "./scripts.ts";

/** Where commands go. Implemented by RedisServer. */
export interface Commands {
  readonly keys: Keys;
  /** Of the run that answers. @throws {LwsError} `broker-unavailable` where it is not known */
  readonly runId: string;
  /** @throws {LwsError} `broker-unavailable`, by a rejection */
  call(args: readonly Argument[]): Promise<Reply>;
  /** As {@linkcode call}, of a script. @param bytes whether bulk strings come as bytes */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    bytes?: boolean,
  ): Promise<Reply>;
}
