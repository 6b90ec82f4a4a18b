/** `enum libwebsocket_write_protocol` since October 2012, what all generations since then share. */

export * from "./write_flags.ts";

/** A text frame. */
export const LWS_WRITE_TEXT = 0;
/** A binary frame. */
export const LWS_WRITE_BINARY = 1;
/** The next fragment of a message. */
export const LWS_WRITE_CONTINUATION = 2;
/** Bytes on an HTTP connection, as they are. */
export const LWS_WRITE_HTTP = 3;
/** A close frame; its payload is the status and the reason. */
export const LWS_WRITE_CLOSE = 4;
/** A ping. */
export const LWS_WRITE_PING = 5;
/** A pong. */
export const LWS_WRITE_PONG = 6;
