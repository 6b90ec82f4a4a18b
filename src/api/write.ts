/** What a write takes: its kind, its choices, a message framed beforehand. */

/**
 * What a write is (`enum lws_write_protocol`): WebSocket frames, or bytes on an HTTP connection.
 *
 * @category Connections
 */
export type WriteKind =
  | "text"
  | "binary"
  | "continuation"
  | "close"
  | "ping"
  | "pong"
  | "http"
  | "httpHeaders"
  | "httpFinal";

/**
 * Choices of one {@linkcode Wsi.write}.
 *
 * @category Connections
 */
export interface WriteOptions {
  /**
   * Whether this frame ends its message (`LWS_WRITE_NO_FIN` negated). A fragmented message is
   * `text` or `binary` with false, `continuation` with false, and a last `continuation`.
   *
   * Default: `true`.
   */
  readonly fin?: boolean;
  /**
   * Whether to compress the message, or its fragments; its first frame decides. Without an effect where
   * no compression was negotiated, and on control frames. What does not shrink is sent as it is.
   *
   * Default: from the extension's threshold on.
   */
  readonly compress?: boolean;
  /**
   * A client's frame goes out with the masking bit and an all-zero key, so that its payload is readable on
   * the wire (`LWS_WRITE_CLIENT_IGNORE_XOR_MASK`). RFC 6455 section 10.3 wants unpredictable keys:
   * for security tests only. Refused where frames are not masked.
   *
   * Default: `false`.
   */
  readonly ignoreXorMask?: boolean;
}

/**
 * A message that `prepareMessage` has framed.
 *
 * @category Connections
 */
export interface PreparedMessage {
  /** Whether it is sent as text or as binary. */
  readonly kind: "text" | "binary";
  /** Bytes of payload. */
  readonly byteLength: number;
}
