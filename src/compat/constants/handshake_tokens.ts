/** `enum lws_token_indexes` before plain HTTP headers were kept. */

/** The path of a GET request. */
export const WSI_TOKEN_GET_URI = 0;
/** The header `host`. */
export const WSI_TOKEN_HOST = 1;
/** The header `connection`. */
export const WSI_TOKEN_CONNECTION = 2;
/** The header `sec-websocket-key1`. */
export const WSI_TOKEN_KEY1 = 3;
/** The header `sec-websocket-key2`. */
export const WSI_TOKEN_KEY2 = 4;
/** The header `sec-websocket-protocol`. */
export const WSI_TOKEN_PROTOCOL = 5;
/** The header `upgrade`. */
export const WSI_TOKEN_UPGRADE = 6;
/** The header `origin`. */
export const WSI_TOKEN_ORIGIN = 7;
/** The header `sec-websocket-draft`. */
export const WSI_TOKEN_DRAFT = 8;
/** The bytes behind the head of a handshake of version 0, or of its answer. */
export const WSI_TOKEN_CHALLENGE = 9;
/** The header `sec-websocket-key`. */
export const WSI_TOKEN_KEY = 10;
/** The header `sec-websocket-version`. */
export const WSI_TOKEN_VERSION = 11;
/** The header `sec-websocket-origin`. */
export const WSI_TOKEN_SWORIGIN = 12;
/** The header `sec-websocket-extensions`. */
export const WSI_TOKEN_EXTENSIONS = 13;
/** The header `sec-websocket-accept`. */
export const WSI_TOKEN_ACCEPT = 14;
/** The header `sec-websocket-nonce`. */
export const WSI_TOKEN_NONCE = 15;
/** The status of a server's answer. */
export const WSI_TOKEN_HTTP = 16;
/** The URL of a multiplexed channel; always absent. */
export const WSI_TOKEN_MUXURL = 17;
