/** `enum pending_timeout` until 2013, what both generations that have it then share. */

/** No timeout; cancels the one there is. */
export const NO_PENDING_TIMEOUT = 0;
/** The proxy has to answer. */
export const PENDING_TIMEOUT_AWAITING_PROXY_RESPONSE = 1;
/** The request has to come. */
export const PENDING_TIMEOUT_ESTABLISH_WITH_SERVER = 2;
/** The server has to answer. */
export const PENDING_TIMEOUT_AWAITING_SERVER_RESPONSE = 3;
/** A ping has to come. */
export const PENDING_TIMEOUT_AWAITING_PING = 4;
/** The close frame has to be answered. */
export const PENDING_TIMEOUT_CLOSE_ACK = 5;
/** An extension has to connect. */
export const PENDING_TIMEOUT_AWAITING_EXTENSION_CONNECT_RESPONSE = 6;
