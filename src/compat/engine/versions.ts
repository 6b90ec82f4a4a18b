/** Which versions of the protocol C calls speak. */

import type { ClientConnectInfo } from "../../api/client_info.ts";
import type { Draft04Masking } from "../../api/creation/wire_info.ts";
import { refuse } from "./guards.ts";

/** A version that a client can ask for by its number. */
export type ClientVersion = Exclude<ClientConnectInfo["version"], undefined | -1>;

/** Every version that a client can ask for, the oldest first. */
export const EVERY_VERSION: readonly ClientVersion[] = [0, 4, 5, 6, 7, 8, 13];

/**
 * How libwebsockets masked draft 04, on both sides and in all releases that had it, so that it understood
 * none but itself: what its programs talk to by that number are others of its programs.
 */
export const DRAFT_04_MASKING: Draft04Masking = "libwebsockets";

/** −1 in C. */
const NEWEST = -1;
const NEWEST_VERSION = 13;

/**
 * The version that `ietf_version_or_minus_one` asks for.
 *
 * @param spoken Those of the generation.
 * @throws {LwsError} `invalid-argument` for another one.
 */
export function clientVersion(ordinal: number, spoken: readonly ClientVersion[]): ClientVersion {
  const version = ordinal === NEWEST ? NEWEST_VERSION : ordinal;
  const found = spoken.find((each) => each === version);
  const allowed = `${NEWEST}, ${spoken.join(", ")}, the versions of this generation`;
  return found ?? refuse("ietf_version_or_minus_one", ordinal, allowed);
}
