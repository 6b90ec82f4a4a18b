/** The constants of December 2015 (1.6), with their numbers of then. */

export * from "./close_status_rfc6455.ts";
export * from "./extension_payload_reasons.ts";
export * from "./http_status.ts";
export * from "./log_levels.ts";
export * from "./poll_events.ts";
export * from "./write_kinds.ts";

/** A server has answered a handshake; `user` can be initialised. */
export const LWS_CALLBACK_ESTABLISHED = 0;
/** A client could not complete its handshake; `in` says why. */
export const LWS_CALLBACK_CLIENT_CONNECTION_ERROR = 1;
/** A client's last look at the headers of the answer. */
export const LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH = 2;
/** A client has completed its handshake. */
export const LWS_CALLBACK_CLIENT_ESTABLISHED = 3;
/** An established WebSocket session ended. */
export const LWS_CALLBACK_CLOSED = 4;
/** A connection that never became a WebSocket ended. */
export const LWS_CALLBACK_CLOSED_HTTP = 5;
/** A server got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_RECEIVE = 6;
/** A server got a pong with the payload `in`. */
export const LWS_CALLBACK_RECEIVE_PONG = 7;
/** A client got `len` bytes of payload, `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE = 8;
/** A client got a pong with the payload `in`. */
export const LWS_CALLBACK_CLIENT_RECEIVE_PONG = 9;
/** Asked for, and a client can write. */
export const LWS_CALLBACK_CLIENT_WRITEABLE = 10;
/** Asked for, and a server can write. */
export const LWS_CALLBACK_SERVER_WRITEABLE = 11;
/** A request that asks for no upgrade. */
export const LWS_CALLBACK_HTTP = 12;
/** A piece of the request body, `in`. */
export const LWS_CALLBACK_HTTP_BODY = 13;
/** The whole request body has come. */
export const LWS_CALLBACK_HTTP_BODY_COMPLETION = 14;
/** The file was sent. */
export const LWS_CALLBACK_HTTP_FILE_COMPLETION = 15;
/** Asked for, and an HTTP connection can write. */
export const LWS_CALLBACK_HTTP_WRITEABLE = 16;
/** A connection was accepted, and nothing read; `in` is its descriptor. */
export const LWS_CALLBACK_FILTER_NETWORK_CONNECTION = 17;
/** A request was parsed, and is not answered; `in` is its path. */
export const LWS_CALLBACK_FILTER_HTTP_CONNECTION = 18;
/** The object of an accepted connection exists. */
export const LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED = 19;
/** A WebSocket handshake was parsed, and is not answered; `in` lists the protocols asked for. */
export const LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION = 20;
/** A client's trust anchors can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS = 21;
/** A server's trust anchors for clients can be added to; `user` takes them. */
export const LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS = 22;
/** A client's certificate, `user`, waits for a verdict; `len` is the library's own, 1 for a good one. */
export const LWS_CALLBACK_OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION = 23;
/** A client's handshake is composed; `in` takes more header lines, by `append`. */
export const LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER = 24;
/** A server is about to agree to the extension `in`. */
export const LWS_CALLBACK_CONFIRM_EXTENSION_OKAY = 25;
/** A client is about to offer the extension `in`. */
export const LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED = 26;
/** Once a protocol: set it up. */
export const LWS_CALLBACK_PROTOCOL_INIT = 27;
/** Once a protocol: tear it down. */
export const LWS_CALLBACK_PROTOCOL_DESTROY = 28;
/** The first notice of an accepted connection. */
export const LWS_CALLBACK_WSI_CREATE = 29;
/** The last notice of any connection. */
export const LWS_CALLBACK_WSI_DESTROY = 30;
/** A service call begins. */
export const LWS_CALLBACK_GET_THREAD_ID = 31;
/** Begin to watch a descriptor; `in` is an `lws_pollargs`. */
export const LWS_CALLBACK_ADD_POLL_FD = 32;
/** Watch a descriptor no more; `in` is an `lws_pollargs`. */
export const LWS_CALLBACK_DEL_POLL_FD = 33;
/** Watch a descriptor for other events; `in` is an `lws_pollargs`. */
export const LWS_CALLBACK_CHANGE_MODE_POLL_FD = 34;
/** What is watched is about to change. */
export const LWS_CALLBACK_LOCK_POLL = 35;
/** What is watched has changed. */
export const LWS_CALLBACK_UNLOCK_POLL = 36;
/** A certificate was given without its key; `user` takes that. */
export const LWS_CALLBACK_OPENSSL_CONTEXT_REQUIRES_PRIVATE_KEY = 37;
/** The first number that is free for the program's own reasons. */
export const LWS_CALLBACK_USER = 1000;

/** The last bytes of an HTTP transaction. */
export const LWS_WRITE_HTTP_FINAL = 7;
/** The head of an HTTP response. */
export const LWS_WRITE_HTTP_HEADERS = 8;

/** Clients send, and servers take, frames without a mask. */
export const LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK = 1;
/** Clients need a certificate that is valid. */
export const LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT = 2;
/** The host's own name is not looked up. */
export const LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME = 4;
/** The TLS port takes plain HTTP as well. */
export const LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT = 8;
/** Use libev. */
export const LWS_SERVER_OPTION_LIBEV = 16;
/** IPv4 only. */
export const LWS_SERVER_OPTION_DISABLE_IPV6 = 32;
/** Don't trust the certificate authorities of the system. */
export const LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS = 64;
/** A client certificate is asked for and not insisted on. */
export const LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED = 128;

/** The library itself closes the connection with its context; not for the wire. */
export const LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY = 9999;

/** No timeout; cancels the one there is. */
export const NO_PENDING_TIMEOUT = 0;
/** The proxy has to answer. */
export const PENDING_TIMEOUT_AWAITING_PROXY_RESPONSE = 1;
/** The connection has to come about. */
export const PENDING_TIMEOUT_AWAITING_CONNECT_RESPONSE = 2;
/** The request has to come. */
export const PENDING_TIMEOUT_ESTABLISH_WITH_SERVER = 3;
/** The server has to answer. */
export const PENDING_TIMEOUT_AWAITING_SERVER_RESPONSE = 4;
/** A ping has to come. */
export const PENDING_TIMEOUT_AWAITING_PING = 5;
/** The close frame has to be answered. */
export const PENDING_TIMEOUT_CLOSE_ACK = 6;
/** An extension has to connect. */
export const PENDING_TIMEOUT_AWAITING_EXTENSION_CONNECT_RESPONSE = 7;
/** The handshake has to be answered. */
export const PENDING_TIMEOUT_SENT_CLIENT_HANDSHAKE = 8;
/** TLS has to be agreed on. */
export const PENDING_TIMEOUT_SSL_ACCEPT = 9;
/** The next piece of a body has to come or leave. */
export const PENDING_TIMEOUT_HTTP_CONTENT = 10;
/** The handshake has to leave. */
export const PENDING_TIMEOUT_AWAITING_CLIENT_HS_SEND = 11;
/** What is unsent has to leave before the connection closes. */
export const PENDING_FLUSH_STORED_SEND_BEFORE_CLOSE = 12;

/** The path of a GET request. */
export const WSI_TOKEN_GET_URI = 0;
/** The path of a POST request. */
export const WSI_TOKEN_POST_URI = 1;
/** The path of a OPTIONS request. */
export const WSI_TOKEN_OPTIONS_URI = 2;
/** The header `host`. */
export const WSI_TOKEN_HOST = 3;
/** The header `connection`. */
export const WSI_TOKEN_CONNECTION = 4;
/** The header `upgrade`. */
export const WSI_TOKEN_UPGRADE = 5;
/** The header `origin`. */
export const WSI_TOKEN_ORIGIN = 6;
/** The header `sec-websocket-draft`. */
export const WSI_TOKEN_DRAFT = 7;
/** The bytes behind the head of a handshake of version 0, or of its answer. */
export const WSI_TOKEN_CHALLENGE = 8;
/** The header `sec-websocket-extensions`. */
export const WSI_TOKEN_EXTENSIONS = 9;
/** The header `sec-websocket-key1`. */
export const WSI_TOKEN_KEY1 = 10;
/** The header `sec-websocket-key2`. */
export const WSI_TOKEN_KEY2 = 11;
/** The header `sec-websocket-protocol`. */
export const WSI_TOKEN_PROTOCOL = 12;
/** The header `sec-websocket-accept`. */
export const WSI_TOKEN_ACCEPT = 13;
/** The header `sec-websocket-nonce`. */
export const WSI_TOKEN_NONCE = 14;
/** The status of a server's answer. */
export const WSI_TOKEN_HTTP = 15;
/** The header `http2-settings`. */
export const WSI_TOKEN_HTTP2_SETTINGS = 16;
/** The header `accept`. */
export const WSI_TOKEN_HTTP_ACCEPT = 17;
/** The header `access-control-request-headers`. */
export const WSI_TOKEN_HTTP_AC_REQUEST_HEADERS = 18;
/** The header `if-modified-since`. */
export const WSI_TOKEN_HTTP_IF_MODIFIED_SINCE = 19;
/** The header `if-none-match`. */
export const WSI_TOKEN_HTTP_IF_NONE_MATCH = 20;
/** The header `accept-encoding`. */
export const WSI_TOKEN_HTTP_ACCEPT_ENCODING = 21;
/** The header `accept-language`. */
export const WSI_TOKEN_HTTP_ACCEPT_LANGUAGE = 22;
/** The header `pragma`. */
export const WSI_TOKEN_HTTP_PRAGMA = 23;
/** The header `cache-control`. */
export const WSI_TOKEN_HTTP_CACHE_CONTROL = 24;
/** The header `authorization`. */
export const WSI_TOKEN_HTTP_AUTHORIZATION = 25;
/** The header `cookie`. */
export const WSI_TOKEN_HTTP_COOKIE = 26;
/** The header `content-length`. */
export const WSI_TOKEN_HTTP_CONTENT_LENGTH = 27;
/** The header `content-type`. */
export const WSI_TOKEN_HTTP_CONTENT_TYPE = 28;
/** The header `date`. */
export const WSI_TOKEN_HTTP_DATE = 29;
/** The header `range`. */
export const WSI_TOKEN_HTTP_RANGE = 30;
/** The header `referer`. */
export const WSI_TOKEN_HTTP_REFERER = 31;
/** The header `sec-websocket-key`. */
export const WSI_TOKEN_KEY = 32;
/** The header `sec-websocket-version`. */
export const WSI_TOKEN_VERSION = 33;
/** The header `sec-websocket-origin`. */
export const WSI_TOKEN_SWORIGIN = 34;
/** HTTP/2's `:authority`; always absent. */
export const WSI_TOKEN_HTTP_COLON_AUTHORITY = 35;
/** HTTP/2's `:method`; always absent. */
export const WSI_TOKEN_HTTP_COLON_METHOD = 36;
/** HTTP/2's `:path`; always absent. */
export const WSI_TOKEN_HTTP_COLON_PATH = 37;
/** HTTP/2's `:scheme`; always absent. */
export const WSI_TOKEN_HTTP_COLON_SCHEME = 38;
/** HTTP/2's `:status`; always absent. */
export const WSI_TOKEN_HTTP_COLON_STATUS = 39;
/** The header `accept-charset`. */
export const WSI_TOKEN_HTTP_ACCEPT_CHARSET = 40;
/** The header `accept-ranges`. */
export const WSI_TOKEN_HTTP_ACCEPT_RANGES = 41;
/** The header `access-control-allow-origin`. */
export const WSI_TOKEN_HTTP_ACCESS_CONTROL_ALLOW_ORIGIN = 42;
/** The header `age`. */
export const WSI_TOKEN_HTTP_AGE = 43;
/** The header `allow`. */
export const WSI_TOKEN_HTTP_ALLOW = 44;
/** The header `content-disposition`. */
export const WSI_TOKEN_HTTP_CONTENT_DISPOSITION = 45;
/** The header `content-encoding`. */
export const WSI_TOKEN_HTTP_CONTENT_ENCODING = 46;
/** The header `content-language`. */
export const WSI_TOKEN_HTTP_CONTENT_LANGUAGE = 47;
/** The header `content-location`. */
export const WSI_TOKEN_HTTP_CONTENT_LOCATION = 48;
/** The header `content-range`. */
export const WSI_TOKEN_HTTP_CONTENT_RANGE = 49;
/** The header `etag`. */
export const WSI_TOKEN_HTTP_ETAG = 50;
/** The header `expect`. */
export const WSI_TOKEN_HTTP_EXPECT = 51;
/** The header `expires`. */
export const WSI_TOKEN_HTTP_EXPIRES = 52;
/** The header `from`. */
export const WSI_TOKEN_HTTP_FROM = 53;
/** The header `if-match`. */
export const WSI_TOKEN_HTTP_IF_MATCH = 54;
/** The header `if-range`. */
export const WSI_TOKEN_HTTP_IF_RANGE = 55;
/** The header `if-unmodified-since`. */
export const WSI_TOKEN_HTTP_IF_UNMODIFIED_SINCE = 56;
/** The header `last-modified`. */
export const WSI_TOKEN_HTTP_LAST_MODIFIED = 57;
/** The header `link`. */
export const WSI_TOKEN_HTTP_LINK = 58;
/** The header `location`. */
export const WSI_TOKEN_HTTP_LOCATION = 59;
/** The header `max-forwards`. */
export const WSI_TOKEN_HTTP_MAX_FORWARDS = 60;
/** The header `proxy-authenticate`. */
export const WSI_TOKEN_HTTP_PROXY_AUTHENTICATE = 61;
/** The header `proxy-authorization`. */
export const WSI_TOKEN_HTTP_PROXY_AUTHORIZATION = 62;
/** The header `refresh`. */
export const WSI_TOKEN_HTTP_REFRESH = 63;
/** The header `retry-after`. */
export const WSI_TOKEN_HTTP_RETRY_AFTER = 64;
/** The header `server`. */
export const WSI_TOKEN_HTTP_SERVER = 65;
/** The header `set-cookie`. */
export const WSI_TOKEN_HTTP_SET_COOKIE = 66;
/** The header `strict-transport-security`. */
export const WSI_TOKEN_HTTP_STRICT_TRANSPORT_SECURITY = 67;
/** The header `transfer-encoding`. */
export const WSI_TOKEN_HTTP_TRANSFER_ENCODING = 68;
/** The header `user-agent`. */
export const WSI_TOKEN_HTTP_USER_AGENT = 69;
/** The header `vary`. */
export const WSI_TOKEN_HTTP_VARY = 70;
/** The header `via`. */
export const WSI_TOKEN_HTTP_VIA = 71;
/** The header `www-authenticate`. */
export const WSI_TOKEN_HTTP_WWW_AUTHENTICATE = 72;
/** The path of a PATCH request. */
export const WSI_TOKEN_PATCH_URI = 73;
/** The path of a PUT request. */
export const WSI_TOKEN_PUT_URI = 74;
/** The path of a DELETE request. */
export const WSI_TOKEN_DELETE_URI = 75;
/** The query of the request, an argument a fragment. */
export const WSI_TOKEN_HTTP_URI_ARGS = 76;
/** The line of a proxy's answer, which C numbered as {@linkcode WSI_TOKEN_PATCH_URI} by a slip; always absent. */
export const WSI_TOKEN_PROXY = 73;
/** How many tokens there are, five that only the library uses included. */
export const WSI_TOKEN_COUNT = 82;

/** Opens a file to read. */
export const O_RDONLY = 0;
/** {@linkcode O_RDONLY} by its name for all platforms. */
export const LWS_O_RDONLY: 0 = O_RDONLY;
/** Opens a file to read and write. */
export const O_RDWR = 2;
/** The handle of a file that could not be opened. */
export const LWS_INVALID_FILE: -1 = -1;

/** The `port` of a context that does not listen. */
export const CONTEXT_PORT_NO_LISTEN: -1 = -1;

/** Bytes that C needed in front of the payload. Not needed here, and harmless to leave. */
export const LWS_SEND_BUFFER_PRE_PADDING = 32;
/** Bytes that C needed behind the payload. */
export const LWS_SEND_BUFFER_POST_PADDING = 4;
