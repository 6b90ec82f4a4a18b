/** Which nats-server there is, and whether it can do what is needed: an elder one leaves out in silence. */

import { LwsError } from "../../../base/errors.ts";

/** The first that republishes, and reads a stream directly. */
const LEAST = [2, 9];
/** The eldest that is still looked after. */
const KEPT = [2, 10];

/** What is to be said of a version, if anything. */
export interface VersionVerdict {
  readonly warning?: string;
}

/** @throws {LwsError} `unsupported` */
export function judgeVersion(version: string): VersionVerdict {
  const parts = /^v?(\d+)\.(\d+)/.exec(version);
  if (parts === null) {
    throw new LwsError("unsupported", `natsBroker: no version of nats-server is ${version}`);
  }
  const is = [Number(parts[1]), Number(parts[2])];
  if (isBefore(is, LEAST)) {
    throw new LwsError(
      "unsupported",
      `natsBroker: nats-server ${version} can't republish; needed: 2.9 or newer`,
    );
  }
  if (!isBefore(is, KEPT)) return {};
  return { warning: `nats-server ${version} is not maintained any more; better: 2.10 or newer` };
}

function isBefore([major, minor]: number[], [otherMajor, otherMinor]: number[]): boolean {
  return major! < otherMajor! || (major === otherMajor && minor! < otherMinor!);
}
