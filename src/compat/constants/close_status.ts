/** `enum lws_close_status`, what all generations that have it share. */

/** A close frame without a status. */
export const LWS_CLOSE_STATUS_NOSTATUS = 0;
/** It has done what it was for. */
export const LWS_CLOSE_STATUS_NORMAL = 1000;
/** An endpoint goes away. */
export const LWS_CLOSE_STATUS_GOINGAWAY = 1001;
/** The peer broke the protocol. */
export const LWS_CLOSE_STATUS_PROTOCOL_ERR = 1002;
/** A type of data that is not accepted. */
export const LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE = 1003;
