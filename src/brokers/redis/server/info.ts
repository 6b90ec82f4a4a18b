/** What a server says of itself when a connection begins. */

import { LwsError } from "../../../base/errors.ts";

/** As far as it matters. */
export interface ServerInfo {
  /** Another one after each start of the server. */
  readonly runId: string;
  readonly isCluster: boolean;
  readonly isReplica: boolean;
}

const LEAST_REDIS = [7, 0];
const LEAST_VALKEY = [7, 2];

/**
 * Reads the sections `server` and `replication` of INFO.
 *
 * @param name names the server in errors
 * @throws {LwsError} `unsupported` for a version that lacks what is needed
 */
export function readServerInfo(text: string, name: string): ServerInfo {
  const fields = new Map(
    text.split("\r\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)] as const;
    }),
  );
  const valkey = fields.get("valkey_version");
  const version = valkey ?? fields.get("redis_version");
  const [least, product] = valkey === undefined
    ? [LEAST_REDIS, "Redis"] as const
    : [LEAST_VALKEY, "Valkey"] as const;
  if (version === undefined || isBefore(version, least)) {
    const required = "Redis 7.0 or newer, or Valkey 7.2 or newer, is required";
    throw new LwsError(
      "unsupported",
      `${name} is ${product} ${version ?? "of no version"}; ${required}`,
    );
  }
  return {
    runId: fields.get("run_id") ?? "",
    isCluster: fields.get("redis_mode") === "cluster" || fields.get("server_mode") === "cluster",
    isReplica: fields.get("role") === "slave",
  };
}

function isBefore(version: string, least: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, number] of least.entries()) {
    const part = parts[i] ?? 0;
    if (part !== number) return !(part > number);
  }
  return false;
}
