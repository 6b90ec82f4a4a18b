/** `enum lws_close_status` since RFC 6455. */

export * from "./close_status.ts";

/** Reserved. */
export const LWS_CLOSE_STATUS_RESERVED = 1004;
/** The close frame had no status; not for the wire. */
export const LWS_CLOSE_STATUS_NO_STATUS = 1005;
/** No close frame came; not for the wire. */
export const LWS_CLOSE_STATUS_ABNORMAL_CLOSE = 1006;
/** Data that does not fit the type of its message. */
export const LWS_CLOSE_STATUS_INVALID_PAYLOAD = 1007;
/** A policy was violated. */
export const LWS_CLOSE_STATUS_POLICY_VIOLATION = 1008;
/** The message is too large. */
export const LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE = 1009;
/** An extension that the client needs is missing. */
export const LWS_CLOSE_STATUS_EXTENSION_REQUIRED = 1010;
/** The server met something unexpected. */
export const LWS_CLOSE_STATUS_UNEXPECTED_CONDITION = 1011;
/** TLS failed; not for the wire. */
export const LWS_CLOSE_STATUS_TLS_FAILURE = 1015;
