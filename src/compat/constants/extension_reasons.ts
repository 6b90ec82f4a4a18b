/** The reasons of extension callbacks, what all generations that have them share. */

/** Once a context that listens. */
export const LWS_EXT_CALLBACK_SERVER_CONTEXT_CONSTRUCT = 0;
/** Once a context that does not listen. */
export const LWS_EXT_CALLBACK_CLIENT_CONTEXT_CONSTRUCT = 1;
/** A context that listens ends. */
export const LWS_EXT_CALLBACK_SERVER_CONTEXT_DESTRUCT = 2;
/** A context that does not listen ends. */
export const LWS_EXT_CALLBACK_CLIENT_CONTEXT_DESTRUCT = 3;
/** A server takes the extension from the client's list. */
export const LWS_EXT_CALLBACK_CONSTRUCT = 4;
/** A client begins to use the extension. */
export const LWS_EXT_CALLBACK_CLIENT_CONSTRUCT = 5;
/** Non-zero puts off the closing of the connection. */
export const LWS_EXT_CALLBACK_CHECK_OK_TO_REALLY_CLOSE = 6;
/** Non-zero keeps a client from offering the extension `in`. */
export const LWS_EXT_CALLBACK_CHECK_OK_TO_PROPOSE_EXTENSION = 7;
/** The connection that used the extension ends. */
export const LWS_EXT_CALLBACK_DESTROY = 8;
/** Any connection ends. */
export const LWS_EXT_CALLBACK_DESTROY_ANY_WSI_CLOSING = 9;
/** Any connection is established. */
export const LWS_EXT_CALLBACK_ANY_WSI_ESTABLISHED = 10;
/** Bytes came, and are not parsed; `in` is an `lws_tokens`. */
export const LWS_EXT_CALLBACK_PACKET_RX_PREPARSE = 11;
/** Bytes are about to be sent; `in` is an `lws_tokens`. */
export const LWS_EXT_CALLBACK_PACKET_TX_PRESEND = 12;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_PACKET_TX_DO_SEND = 13;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_HANDSHAKE_REPLY_TX = 14;
/** The connection closes; what is held back has to leave. */
export const LWS_EXT_CALLBACK_FLUSH_PENDING_TX = 15;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_EXTENDED_PAYLOAD_RX = 16;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_CAN_PROXY_CLIENT_CONNECTION = 17;
/** Once a second. */
export const LWS_EXT_CALLBACK_1HZ = 18;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_REQUEST_ON_WRITEABLE = 19;
/** For a multiplexer; never comes. */
export const LWS_EXT_CALLBACK_IS_WRITEABLE = 20;
