/** Versions of the protocol, as a command line has them. */

import { WIRE_VERSIONS, type WireVersion } from "../core/websocket/wire_version.ts";
import { UsageError } from "./arguments.ts";

/** Versions in a list such as `13,8,hixie-75`. @throws {UsageError} */
export function readVersions(list: string, option: string): WireVersion[] {
  const versions = list.split(",").map((name) => readVersion(name, option, WIRE_VERSIONS));
  const twice = versions.find((each, index) => versions.indexOf(each) !== index);
  if (twice !== undefined) throw new UsageError(`--${option}: ${twice} is there twice`);
  return versions;
}

/** One version, of those that are allowed. @throws {UsageError} */
export function readVersion<Version extends WireVersion>(
  name: string,
  option: string,
  allowed: readonly Version[],
): Version {
  const version = allowed.find((each) => String(each) === name);
  if (version !== undefined) return version;
  throw new UsageError(`--${option}: ${JSON.stringify(name)} is none of ${allowed.join(", ")}`);
}
