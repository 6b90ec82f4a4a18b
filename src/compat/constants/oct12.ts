/** The constants of October 2012 (0.6), with their numbers of then. */

export * from "./close_status.ts";
export * from "./extension_reasons.ts";
export * from "./handshake_tokens.ts";
export * from "./pending_timeouts.ts";
export * from "./poll_events.ts";
export * from "./write_kinds.ts";

/** A server has answered a handshake; `user` can be initialised. */
export const LWS_CALLBACK_ESTABLISHED = 0;
/** A client could not complete its handshake. */
export const LWS_CALLBACK_CLIENT_CONNECTION_ERROR = 1;
/** A client has completed its handshake. */
export const LWS_CALLBACK_CLIENT_ESTABLISHED = 2;
/** An established WebSocket session ended. */
export const LWS_CALLBACK_CLOSED = 3;
/** A server got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_RECEIVE = 4;
/** A client got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE = 5;
/** A client got a pong with the payload `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE_PONG = 6;
/** Asked for, and a client can write. */
export const LWS_CALLBACK_CLIENT_WRITEABLE = 7;
/** Asked for, and a server can write. */
export const LWS_CALLBACK_SERVER_WRITEABLE = 8;
/** A request that asks for no upgrade. */
export const LWS_CALLBACK_HTTP = 9;
/** Something was broadcast: `in`; write it, if it is wanted. */
export const LWS_CALLBACK_BROADCAST = 10;
/** A connection was accepted, and nothing read; `user` is its descriptor. */
export const LWS_CALLBACK_FILTER_NETWORK_CONNECTION = 11;
/** A WebSocket handshake was parsed, and is not answered; `user` has its headers, by token. */
export const LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION = 12;
/** A client's trust anchors can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS = 13;
/** A server's trust anchors for clients can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS = 14;
/** A client's certificate, `user`, waits for a verdict; `len` is the library's own, 1 for a good one. */
export const LWS_CALLBACK_OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION = 15;
/** A client's handshake is composed; `in` takes more header lines, by `append`. */
export const LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER = 16;
/** A server is about to agree to the extension `in`. */
export const LWS_CALLBACK_CONFIRM_EXTENSION_OKAY = 17;
/** A client is about to offer the extension `in`. */
export const LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED = 18;
/** Begin to watch the descriptor `user` for the events `len`. */
export const LWS_CALLBACK_ADD_POLL_FD = 19;
/** Watch the descriptor `user` no more. */
export const LWS_CALLBACK_DEL_POLL_FD = 20;
/** Watch the descriptor `user` for the events `len` as well. */
export const LWS_CALLBACK_SET_MODE_POLL_FD = 21;
/** Watch the descriptor `user` for the events `len` no more. */
export const LWS_CALLBACK_CLEAR_MODE_POLL_FD = 22;

/** Clients send, and servers take, frames without a mask. */
export const LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK = 1;
/** Clients need a certificate that is valid. */
export const LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT = 2;

/** The message is too large (RFC 6455 moved this to 1009). */
export const LWS_CLOSE_STATUS_PAYLOAD_TOO_LARGE = 1004;

/** How many tokens there are. */
export const WSI_TOKEN_COUNT = 18;

/** The `port` of a context that does not listen. */
export const CONTEXT_PORT_NO_LISTEN = 0;

/** Bytes that C needed in front of the payload. Not needed here, and harmless to leave. */
export const LWS_SEND_BUFFER_PRE_PADDING = 18;
/** Bytes that C needed behind the payload. */
export const LWS_SEND_BUFFER_POST_PADDING = 1;
