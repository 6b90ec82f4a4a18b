/** The constants of March 2013 (1.22), with their numbers of then. */

export * from "./close_status_rfc6455.ts";
export * from "./extension_payload_reasons.ts";
export * from "./handshake_tokens.ts";
export * from "./log_levels.ts";
export * from "./pending_timeouts.ts";
export * from "./poll_events.ts";
export * from "./write_kinds.ts";

/** A server has answered a handshake; `user` can be initialised. */
export const LWS_CALLBACK_ESTABLISHED = 0;
/** A client could not complete its handshake. */
export const LWS_CALLBACK_CLIENT_CONNECTION_ERROR = 1;
/** A client's last look at the headers of the answer. */
export const LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH = 2;
/** A client has completed its handshake. */
export const LWS_CALLBACK_CLIENT_ESTABLISHED = 3;
/** An established WebSocket session ended. */
export const LWS_CALLBACK_CLOSED = 4;
/** A server got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_RECEIVE = 5;
/** A client got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE = 6;
/** A client got a pong with the payload `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE_PONG = 7;
/** Asked for, and a client can write. */
export const LWS_CALLBACK_CLIENT_WRITEABLE = 8;
/** Asked for, and a server can write. */
export const LWS_CALLBACK_SERVER_WRITEABLE = 9;
/** A request that asks for no upgrade. */
export const LWS_CALLBACK_HTTP = 10;
/** The file was sent. */
export const LWS_CALLBACK_HTTP_FILE_COMPLETION = 11;
/** Asked for, and an HTTP connection can write. */
export const LWS_CALLBACK_HTTP_WRITEABLE = 12;
/** A connection was accepted, and nothing read; `in` is its descriptor. */
export const LWS_CALLBACK_FILTER_NETWORK_CONNECTION = 13;
/** A WebSocket handshake was parsed, and is not answered; `user` has its headers, by token. */
export const LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION = 14;
/** A client's trust anchors can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS = 15;
/** A server's trust anchors for clients can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS = 16;
/** A client's certificate, `user`, waits for a verdict; `len` is the library's own, 1 for a good one. */
export const LWS_CALLBACK_OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION = 17;
/** A client's handshake is composed; `in` takes more header lines, by `append`. */
export const LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER = 18;
/** A server is about to agree to the extension `in`. */
export const LWS_CALLBACK_CONFIRM_EXTENSION_OKAY = 19;
/** A client is about to offer the extension `in`. */
export const LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED = 20;
/** Once a protocol: set it up. */
export const LWS_CALLBACK_PROTOCOL_INIT = 21;
/** Once a protocol: tear it down. */
export const LWS_CALLBACK_PROTOCOL_DESTROY = 22;
/** Begin to watch the descriptor `in` for the events `len`. */
export const LWS_CALLBACK_ADD_POLL_FD = 23;
/** Watch the descriptor `in` no more. */
export const LWS_CALLBACK_DEL_POLL_FD = 24;
/** Watch the descriptor `in` for the events `len` as well. */
export const LWS_CALLBACK_SET_MODE_POLL_FD = 25;
/** Watch the descriptor `in` for the events `len` no more. */
export const LWS_CALLBACK_CLEAR_MODE_POLL_FD = 26;

/** Clients send, and servers take, frames without a mask. */
export const LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK = 1;
/** Clients need a certificate that is valid. */
export const LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT = 2;
/** The host's own name is not looked up. */
export const LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME = 4;

/** The handshake has to be answered. */
export const PENDING_TIMEOUT_SENT_CLIENT_HANDSHAKE = 7;
/** TLS has to be agreed on. */
export const PENDING_TIMEOUT_SSL_ACCEPT = 8;

/** How many tokens there are, five that only the library uses included. */
export const WSI_TOKEN_COUNT = 23;

/** The `port` of a context that does not listen. */
export const CONTEXT_PORT_NO_LISTEN = 0;

/** Bytes that C needed in front of the payload. Not needed here, and harmless to leave. */
export const LWS_SEND_BUFFER_PRE_PADDING = 18;
/** Bytes that C needed behind the payload. */
export const LWS_SEND_BUFFER_POST_PADDING = 4;
