/** The limits of a context, beside what the C library did. */

import type { Limits } from "../../../src/api/limits.ts";

/** What there was in C in place of each limit. */
export const LIMITS_IN_C: Readonly<Record<keyof Limits, string>> = {
  maxHeaderBytes: "1,024 bytes of known headers, 4,096 of each before 2013",
  maxHeaderFields: "none",
  headerTimeoutMs: "5 s; none before 2012",
  contentTimeoutMs: "5 s; none before 2014",
  minBodyRate: "none",
  sendTimeoutMs: "5 s for files; none before 2014",
  keepAliveTimeoutMs: "none",
  maxBodySize: "none",
  maxDrainBytes: "none: what was left was read as a request",
  maxFramePayload: "none",
  maxMessageSize: "none",
  maxFragments: "none",
  maxEmptyFragments: "none",
  softUnsentBytes: "0: whatever was unsent counted",
  maxUnsentBytes: "none",
  closeTimeoutMs: "5 s, from 2013 on 1 s",
  clientTimeoutMs: "5 s for each step",
  maxConnections: "the descriptors that the process may have",
  maxConnectionsPerAddress: "none",
  maxPendingHandshakes: "none",
  maxMessagesPerSecond: "none",
  maxBytesPerSecond: "none",
  maxHandshakesPerSecond: "none",
  idleTimeoutMs: "none",
  maxLifetimeMs: "none",
  spreadMs: "none",
};
