/** The flags of `enum libwebsocket_write_protocol`. */

/** A flag: more fragments of this message follow. */
export const LWS_WRITE_NO_FIN = 0x40;

/** A flag: a client sends this frame with the all-zero key, for security tests. */
export const LWS_WRITE_CLIENT_IGNORE_XOR_MASK = 0x80;
