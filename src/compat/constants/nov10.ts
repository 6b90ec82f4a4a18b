/** The constants of November 2010, with their numbers of then. */

/** A server has answered a handshake; `user` can be initialised. */
export const LWS_CALLBACK_ESTABLISHED = 0;
/** An established WebSocket session ended. */
export const LWS_CALLBACK_CLOSED = 1;
/** Comes every 50 ms to each established connection; write, if there is something to. */
export const LWS_CALLBACK_SEND = 2;
/** A server got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_RECEIVE = 3;
/** A request that asks for no upgrade. */
export const LWS_CALLBACK_HTTP = 4;

/** A text frame. */
export const LWS_WRITE_TEXT = 0;
/** A binary frame. */
export const LWS_WRITE_BINARY = 1;
/** Bytes on an HTTP connection, as they are. */
export const LWS_WRITE_HTTP = 2;

/** Bytes that C needed in front of the payload. Not needed here, and harmless to leave. */
export const LWS_SEND_BUFFER_PRE_PADDING = 12;
/** Bytes that C needed behind the payload. */
export const LWS_SEND_BUFFER_POST_PADDING = 1;
