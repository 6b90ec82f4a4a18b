/** Which limit a peer has hit when it fails a connection by what it sends. */

import type { LimitName } from "../../api/stats/stats.ts";
import type { Failure } from "../../core/websocket/close.ts";

const LIMITS: { readonly [Name in Failure]?: LimitName } = {
  frameTooBig: "maxFramePayload",
  messageTooBig: "maxMessageSize",
  tooManyFragments: "maxFragments",
  tooManyEmptyFragments: "maxEmptyFragments",
  tooManyMessages: "maxMessagesPerSecond",
  tooManyBytes: "maxBytesPerSecond",
};

/** Undefined for a failure that is of no limit. */
export function limitOf(failure: Failure): LimitName | undefined {
  return LIMITS[failure];
}
