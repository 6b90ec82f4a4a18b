/** The reasons for a timeout of a connection. */

/**
 * Every reason for a timeout, in the order and with the numbers of `enum pending_timeout`; the last
 * one, for programs, is not in C.
 *
 * @category Connections
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

/**
 * Why a connection is under a timeout (`enum pending_timeout`).
 *
 * @category Connections
 */
export type TimeoutReason = typeof TIMEOUT_REASONS[number];
