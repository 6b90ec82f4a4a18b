/** What a server makes of a request: plain HTTP, a WebSocket handshake of some version, or a bad one. */

import type { WireVersion } from "../wire_version.ts";

/** A version that `Sec-WebSocket-Version` names. */
export type NumberedVersion = Exclude<WireVersion, 0 | "hixie-75">;

/** What handshakes of all versions have. */
export interface Upgrade {
  /** That it can be answered. */
  readonly kind: "websocket";
  /** Of which version it is. */
  readonly version: WireVersion;
  /** The client's subprotocols in its order of preference. */
  readonly protocols: readonly string[];
  /** `Sec-WebSocket-Extensions`, repeated lines joined; empty without an element. */
  readonly extensions: string;
  /** The page that it comes from, in whichever field the version has it; `undefined` without one. */
  readonly origin: string | undefined;
}

/** A handshake as it has been since draft 04. */
export interface KeyedUpgrade extends Upgrade {
  /** Of which version it is. */
  readonly version: NumberedVersion;
  /** `Sec-WebSocket-Key`: 16 bytes of base64. */
  readonly key: string;
}

/** A handshake of hixie-76, whose third key is behind its head. */
export interface Hixie76Upgrade extends Upgrade {
  /** Of which version it is. */
  readonly version: 0;
  /** The page that it comes from. */
  readonly origin: string;
  /** What the first two keys hide. */
  readonly numbers: readonly [number, number];
}

/** A handshake of hixie-75, which proves nothing. */
export interface Hixie75Upgrade extends Upgrade {
  /** Of which version it is. */
  readonly version: "hixie-75";
  /** The page that it comes from. */
  readonly origin: string;
}

/** A handshake that can be answered. */
export type WebSocketUpgrade = KeyedUpgrade | Hixie76Upgrade | Hixie75Upgrade;

/** A handshake that can't. */
export interface RefusedUpgrade {
  /** That it can't be answered. */
  readonly kind: "refused";
  /** The status code that answers it. */
  readonly status: number;
  /** What was wrong, for the log. */
  readonly reason: string;
  /** Fields that the answer must have. */
  readonly fields: [string, string][];
  /** Whether it is of a version that isn't spoken here, which is no fault of the peer's. */
  readonly isOfOtherVersion: boolean;
}

/** All that a request can be. */
export type UpgradeDecision = { readonly kind: "plain" } | WebSocketUpgrade | RefusedUpgrade;

/** What can't be accepted, by the status that says so. */
export function refusal(
  status: number,
  reason: string,
  fields: readonly (readonly [string, string])[] = [],
  isOfOtherVersion = false,
): RefusedUpgrade {
  return {
    kind: "refused",
    status,
    reason,
    fields: fields.map(([name, value]) => [name, value]),
    isOfOtherVersion,
  };
}

/** A handshake of a version without a number that isn't spoken here; there is no field to say what is. */
export function refusalOfUnnumbered(version: 0 | "hixie-75"): RefusedUpgrade {
  const name = version === 0 ? "version 0 (hixie-76)" : `version ${version}`;
  return refusal(400, `a handshake of ${name}, which is not among the versions`, [], true);
}
