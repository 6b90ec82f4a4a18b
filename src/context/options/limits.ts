/** The rules of the limits. */

import type { ContextCreationInfo } from "../../api/creation_info.ts";
import { DEFAULT_LIMITS, type Limits } from "../../api/limits.ts";
import { isWhole, type Rule, wholeNumber } from "../../base/option_rules.ts";
import { defaultConnections } from "./descriptor_shares.ts";

/** The longest delay that the runtime's timers can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;

function milliseconds(name: keyof Limits, about: string): Rule<number> {
  const range = { from: 0, to: MAX_DELAY_MS, fallback: DEFAULT_LIMITS[name] };
  return wholeNumber("milliseconds", range, about);
}

function bytes(name: keyof Limits, from: number, about: string): Rule<number> {
  return wholeNumber("bytes", { from, to: Infinity, fallback: DEFAULT_LIMITS[name] }, about);
}

function count(name: keyof Limits, from: number, about: string): Rule<number> {
  return wholeNumber("number", { from, to: Infinity, fallback: DEFAULT_LIMITS[name] }, about);
}

/** A time that has no end unless it is given. */
function lasting(name: keyof Limits, about: string): Rule<number> {
  const fallback = DEFAULT_LIMITS[name];
  return {
    kind: "milliseconds",
    allowed: `a whole number from 1 to ${MAX_DELAY_MS}, or Infinity`,
    default: `\`${fallback}\``,
    about,
    check(value = fallback, ask) {
      if (value !== Infinity && !isWhole(value, 1, MAX_DELAY_MS)) ask.refuse(value);
      return value as number;
    },
  };
}

const LIFETIME_SPREAD: Rule<number> = {
  ...milliseconds(
    "spreadMs",
    "By which the life of a WebSocket may be shorter, drawn anew for each.",
  ),
  allowed: `a whole number from 0 to ${MAX_DELAY_MS}, at most maxLifetimeMs`,
  check(value = 0, ask) {
    const { maxLifetimeMs } = ask.info as Partial<Limits>;
    const mostMs = isWhole(maxLifetimeMs, 1, MAX_DELAY_MS) ? maxLifetimeMs : 0;
    if (!isWhole(value, 0, mostMs)) ask.refuse(value);
    return value as number;
  },
};

const CONNECTIONS = count(
  "maxConnections",
  1,
  "Connections in all; above it, accepting waits.",
);

const MOST_CONNECTIONS: Rule<number> = {
  ...CONNECTIONS,
  default: "80 % of the descriptors that the process may have, 40 % with `mounts` or `fileOps`; " +
    `\`${DEFAULT_LIMITS.maxConnections}\` ` +
    "where that can't be read",
  check(value, ask) {
    if (value !== undefined) return CONNECTIONS.check(value, ask);
    const { mounts, fileOps } = ask.info as Partial<ContextCreationInfo>;
    const hasMounts = Array.isArray(mounts) && mounts.length > 0;
    return defaultConnections(hasMounts || fileOps !== undefined) ?? DEFAULT_LIMITS.maxConnections;
  },
};

/** The rules, in the order of {@linkcode Limits}. */
export const LIMIT_RULES = {
  maxHeaderBytes: bytes(
    "maxHeaderBytes",
    64,
    "Request line and headers together; more is answered 431, a longer target 414.",
  ),
  maxHeaderFields: count(
    "maxHeaderFields",
    1,
    "Header fields in a request; more is answered 431.",
  ),
  headerTimeoutMs: milliseconds(
    "headerTimeoutMs",
    "From accept, or a later request's first byte, to the end of its headers; then 408.",
  ),
  contentTimeoutMs: milliseconds(
    "contentTimeoutMs",
    "Between two pieces of a request body; then 408, or a reset.",
  ),
  minBodyRate: count(
    "minBodyRate",
    0,
    "Bytes a second of a request body, on average over 30 seconds; 0 is off.",
  ),
  sendTimeoutMs: milliseconds(
    "sendTimeoutMs",
    "In which a peer takes something of its answer; then the connection is reset.",
  ),
  keepAliveTimeoutMs: milliseconds(
    "keepAliveTimeoutMs",
    "That a connection may wait for the next request.",
  ),
  maxBodySize: bytes("maxBodySize", 0, "Of a request body; more is answered 413."),
  maxDrainBytes: bytes(
    "maxDrainBytes",
    0,
    "Of a request body that are read away behind an answer, so that the connection stays.",
  ),
  maxFramePayload: bytes(
    "maxFramePayload",
    0,
    "Of payload in one frame; more fails the connection with 1009.",
  ),
  maxMessageSize: bytes(
    "maxMessageSize",
    0,
    "Of a message that is gathered or inflated, and of a compressed frame; more closes with 1009.",
  ),
  maxFragments: count(
    "maxFragments",
    1,
    "Frames in one message; more fail the connection with 1008.",
  ),
  maxEmptyFragments: count(
    "maxEmptyFragments",
    0,
    "Frames without payload in one message; more fail with 1008.",
  ),
  softUnsentBytes: bytes(
    "softUnsentBytes",
    0,
    "Unsent on a connection, above which `partialBuffered` is true.",
  ),
  maxUnsentBytes: bytes(
    "maxUnsentBytes",
    1024,
    "Unsent on a connection; a `write` past it fails, and ends the connection.",
  ),
  maxBufferedBytes: bytes(
    "maxBufferedBytes",
    1024,
    "That all connections may hold; above it the largest are not read from, and cut in the end.",
  ),
  closeTimeoutMs: milliseconds("closeTimeoutMs", "That a closing handshake may take."),
  clientTimeoutMs: milliseconds(
    "clientTimeoutMs",
    "That each step of a client's connect may take.",
  ),
  maxConnections: MOST_CONNECTIONS,
  maxConnectionsPerAddress: count(
    "maxConnectionsPerAddress",
    1,
    "Connections of one address, of IPv6 one /64; above it, new ones are refused.",
  ),
  maxPendingHandshakes: count(
    "maxPendingHandshakes",
    1,
    "Connections whose first request is not complete; one more closes the oldest.",
  ),
  maxLoopLagMs: lasting(
    "maxLoopLagMs",
    "By which the event loop may lag; past it new requests are answered 503.",
  ),
  maxMessagesPerSecond: count(
    "maxMessagesPerSecond",
    1,
    "Messages a second of a WebSocket's peer; more wait, or are closed with 1008: `rateExcess`.",
  ),
  maxBytesPerSecond: bytes(
    "maxBytesPerSecond",
    1,
    "Payload a second of a WebSocket's peer; more waits, or is closed with 1008: `rateExcess`.",
  ),
  maxHandshakesPerSecond: count(
    "maxHandshakesPerSecond",
    1,
    "Handshakes of WebSockets a second by one address, of IPv6 one /64; more are answered 429.",
  ),
  idleTimeoutMs: lasting(
    "idleTimeoutMs",
    "Without a message either way; then a WebSocket is closed with 1001.",
  ),
  messageTimeoutMs: milliseconds(
    "messageTimeoutMs",
    "From a message's first byte to its last one; then 1008. 0 is off.",
  ),
  maxLifetimeMs: lasting("maxLifetimeMs", "After which a WebSocket is closed with 1001."),
  spreadMs: LIFETIME_SPREAD,
} satisfies Record<keyof Limits, Rule<number>>;
