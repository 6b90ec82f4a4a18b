/** The public face of one connection. */

import type { PeerAddresses } from "./network.ts";
import type { Context } from "./context.ts";
import type { ActiveProtocol } from "./protocol.ts";
import type { AnswerMember } from "./http/answer.ts";
import type { RequestMember } from "./http/request.ts";
import type { MessageMember } from "./messages/messages.ts";
import type { TimeoutReason } from "./timeouts.ts";
import type { TlsInfo } from "./tls.ts";
import type { TopicMember } from "./topics/topics.ts";
import type { PreparedMessage, WriteKind, WriteOptions } from "./write.ts";
import type { WireVersion } from "../core/websocket/wire_version.ts";

/**
 * One connection, HTTP or WebSocket, server or client (`struct lws`). Objects stay valid for ever;
 * once the connection has ended, calls return the documented failure and do nothing. What reads requests
 * is in {@linkcode RequestMember}, what answers them in {@linkcode AnswerMember}; `messages` and `send` are in
 * {@linkcode MessageMember}, and `subscribe`, `unsubscribe`, `publish` and `topics` in {@linkcode TopicMember}.
 *
 * @category Connections
 * @typeParam User The type of the per-session data of its protocol.
 */
export interface Wsi<out User = unknown>
  extends RequestMember, AnswerMember, MessageMember, TopicMember {
  /** The context that serves this connection. */
  readonly context: Context;
  /**
   * The protocol in use (`lws_get_protocol`); the first one of the context before one is negotiated.
   */
  readonly protocol: ActiveProtocol;
  /** The per-session data; undefined without {@linkcode Protocol.perSessionData}. */
  readonly user: User;
  /**
   * A number that no other connection of the context has (`lws_get_socket_fd`). Over a network with real
   * descriptors, as of `@x/lws/epoll`, it is the socket's: −1 on a client before it is connected, on what
   * `context.adopt` was given, and once the connection is gone, as the system gives numbers again.
   */
  readonly socketFd: number;
  /**
   * 0 without TLS, 1 with TLS, 2 on a client that was told to forgive a self-signed certificate
   * (`lws_is_ssl`).
   */
  readonly isSsl: 0 | 1 | 2;
  /**
   * What is known of the connection's TLS, the peer's certificate included; undefined without TLS, before
   * its handshake is done, and with a TLS layer of the program's own. On a client with `ssl: 1` certificate,
   * version and cipher are there where `peerCertificate` was asked for, or `node:tls` is used anyway.
   */
  readonly tls: TlsInfo | undefined;
  /** Whether this end is the client. */
  readonly isClient: boolean;
  /**
   * The version of the protocol: 13 is RFC 6455. On a server it is there from `filterProtocolConnection` on, and
   * undefined while the connection speaks HTTP; on a client it is what `clientConnect` was asked for.
   */
  readonly wireVersion: WireVersion | undefined;
  /**
   * The names of the extensions in use, in the order of the server's answer; empty before the connection
   * is established, and without any.
   */
  readonly extensions: readonly string[];
  /**
   * The peer's address; its name once `context.resolvePeerAddresses` has found it. Behind proxies it is
   * the client's in front of them, where `proxyProtocol` or `trustProxy` says so, from each request on.
   */
  readonly peerAddresses: PeerAddresses;

  /**
   * Sends a frame, or bytes on an HTTP connection (`lws_write`). The data is taken before the call
   * returns, except a view from `allocPadded`, which is sent as it is and belongs to the
   * connection from then on. What `prepareMessage` has framed has a kind already and takes no options.
   *
   * @param data A string is sent as UTF-8, of a view its bytes, whatever its elements are, of a buffer
   *   all of them.
   * @param kind Left out: `"text"` for a string, `"binary"` for bytes.
   * @returns The number of payload bytes taken, or −1 when the kind does not fit the connection's
   *   state, or when unsent bytes would pass `maxUnsentBytes`, which also closes the connection. When nothing
   *   else is unsent, one write may have 16 MiB, or `maxMessageSize` if that is more.
   * @throws {LwsError} `invalid-argument` when the data is none of these or a detached or out-of-bounds
   *   view, when the kind is none, when a control frame is longer than 125 bytes or has `fin: false`, or
   *   when `ignoreXorMask` is set where frames are not masked; `invalid-state` when a message begins
   *   inside another or a continuation has nothing to continue, and when the body of a response gets more
   *   than its head has announced. In version 0 and hixie-75 of the protocol, which have text alone,
   *   `unsupported` for anything else, bytes without a kind included, and `invalid-argument` for text in
   *   bytes that has the byte 0xff. Nothing is queued then.
   */
  write(
    data: string | ArrayBufferView | ArrayBufferLike | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): number;
  /**
   * Asks for one `serverWriteable`, `clientWriteable` or `httpWriteable`, when nothing is unsent and
   * never from inside this call; several requests merge (`lws_callback_on_writable`).
   *
   * @returns 1, or −1 when the connection has ended.
   */
  callbackOnWritable(): number;
  /**
   * Whether more is unsent than `softUnsentBytes`: then stop writing, ask for a writeable callback,
   * and go on there. Always false when that begins (`lws_partial_buffered`).
   */
  readonly partialBuffered: boolean;
  /**
   * Whether anything that was written has not left: a write now would wait
   * (`lws_send_pipe_choked`). False once the connection has ended.
   */
  readonly sendPipeChoked: boolean;
  /** Bytes that were written and have not left. */
  readonly unsentBytes: number;

  /**
   * Bytes of the current frame that come after the piece in hand; 0 with its last piece. Where frames don't
   * tell their length (version 0, hixie-75), 1 with all pieces but the last.
   */
  readonly remainingPacketPayload: number;
  /** Whether the piece in hand is of a message's last frame. */
  readonly isFinalFragment: boolean;
  /** Whether the piece in hand is the first of its message. */
  readonly isFirstFragment: boolean;
  /** Whether the message in hand is binary. */
  readonly frameIsBinary: boolean;
  /** RSV1 to RSV3 of the frame in hand, from 0 to 7. */
  readonly reservedBits: number;

  /**
   * Stops or resumes receiving (`lws_rx_flow_control`). Bytes that were read already are kept, and
   * delivered in order after resuming, never from inside this call. Returns 0, or −1 when the
   * connection has ended.
   *
   * @throws {LwsError} `invalid-argument` when `enable` is no boolean.
   */
  rxFlowControl(enable: boolean): number;
  /**
   * Puts the connection under a timeout, in place of the one it is under; when it expires the
   * connection is cut (`lws_set_timeout`). Does nothing once the connection is closing.
   *
   * @param reason `"noPendingTimeout"` ends the timeout.
   * @param seconds 0 to 2,147,483.
   * @throws {LwsError} `invalid-argument` for another reason or other seconds.
   */
  setTimeout(reason: TimeoutReason, seconds: number): void;
  /**
   * Begins the closing handshake of a WebSocket (RFC 6455 section 7.1.2); the socket goes when the
   * peer has answered (a client then waits for the server to close it, section 7.1.1) or after
   * `closeTimeoutMs`. Nothing is delivered meanwhile but `closed`. An HTTP
   * connection closes once what was written has left.
   *
   * The elder versions of the protocol know less: 0, 4 and 5 have no codes, so that the peer is told none
   * (1005), and hixie-75 has no close frame, so that both ends of the stream are the handshake. A text of
   * version 0 that was begun and not ended has no place for a close frame either, and the stream just ends.
   *
   * @param code 1000–1003, 1007–1014 or 3000–4999; left out: a close frame without a code.
   * @param reason At most 123 bytes of UTF-8.
   * @returns 0, or −1 when the connection is closing already or an extension keeps it open. On a client with
   *   `retry` 0 as well where that keeps it from connecting again.
   * @throws {LwsError} `invalid-argument` for another code or a longer reason.
   */
  close(code?: number, reason?: string): number;
}
