/** The constants of February 2011, with their numbers of then. */

export * from "./poll_events.ts";
export * from "./write_flags.ts";

/** A server has answered a handshake; `user` can be initialised. */
export const LWS_CALLBACK_ESTABLISHED = 0;
/** A client has completed its handshake. */
export const LWS_CALLBACK_CLIENT_ESTABLISHED = 1;
/** An established WebSocket session ended. */
export const LWS_CALLBACK_CLOSED = 2;
/** A server got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_RECEIVE = 3;
/** A client got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE = 4;
/** A client got a pong with the payload `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE_PONG = 5;
/** Asked for, and a client or a server can write. */
export const LWS_CALLBACK_CLIENT_WRITEABLE = 6;
/** A request that asks for no upgrade. */
export const LWS_CALLBACK_HTTP = 7;
/** Something was broadcast: `in`; write it, if it is wanted. */
export const LWS_CALLBACK_BROADCAST = 8;

/** A text frame. */
export const LWS_WRITE_TEXT = 0;
/** A binary frame. */
export const LWS_WRITE_BINARY = 1;
/** Bytes on an HTTP connection, as they are. */
export const LWS_WRITE_HTTP = 2;
/** A close frame; its payload is the status and the reason. */
export const LWS_WRITE_CLOSE = 3;
/** A ping. */
export const LWS_WRITE_PING = 4;
/** A pong. */
export const LWS_WRITE_PONG = 5;

/** Clients send, and servers take, frames without a mask. */
export const LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK = 1;

/** The `port` of a context that does not listen. */
export const CONTEXT_PORT_NO_LISTEN = 0;

/** Bytes that C needed in front of the payload. Not needed here, and harmless to leave. */
export const LWS_SEND_BUFFER_PRE_PADDING = 14;
/** Bytes that C needed behind the payload. */
export const LWS_SEND_BUFFER_POST_PADDING = 1;
