/** Why connections are under a timeout. */

/**
 * Every reason for a timeout, in the order and with the numbers of `enum pending_timeout`; the last
 * one, for programs, is ours.
 */
export const TIMEOUT_REASONS = [
  "noPendingTimeout",
  "awaitingProxyResponse",
  "awaitingConnectResponse",
  "establishWithServer",
  "awaitingServerResponse",
  "awaitingPing",
  "closeAck",
  "awaitingExtensionConnectResponse",
  "sentClientHandshake",
  "sslAccept",
  "httpContent",
  "awaitingClientHsSend",
  "flushStoredSendBeforeClose",
  "userReason",
] as const;

/** Why a connection is under a timeout (`enum pending_timeout`). */
export type TimeoutReason = typeof TIMEOUT_REASONS[number];
