/** The public face of one connection. */

import type { PeerAddresses } from "./network.ts";
import type { Context } from "./context.ts";
import type { ActiveProtocol } from "./protocol.ts";
import type { HttpCompletion, ResponseBodyInit } from "./response.ts";
import type { TimeoutReason } from "./timeouts.ts";
import type { TlsInfo } from "./tls.ts";
import type { TopicMember } from "./topics/topics.ts";
import type { PreparedMessage, WriteKind, WriteOptions } from "./write.ts";
import type { WireVersion } from "../core/websocket/wire_version.ts";

/**
 * One connection, HTTP or WebSocket, server or client (`struct lws`). Objects stay valid for ever;
 * once the connection has ended, calls return the documented failure and do nothing. What it does with topics,
 * `subscribe`, `unsubscribe`, `publish` and `topics`, are members of {@linkcode TopicMember}.
 *
 * @category Connections
 * @typeParam User The type of the per-session data of its protocol.
 */
export interface Wsi<out User = unknown> extends TopicMember {
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
   * The path of the request, without its query; valid on HTTP and WebSocket connections of a server.
   * Empty before a request was parsed. It is percent-decoded once, without dot segments and empty ones;
   * {@linkcode rawUri} is what was sent.
   */
  readonly uri: string;
  /**
   * The target of the request as it stood in the request line, query included: `"/a%2Fb/../c?x=%41"`, of
   * which {@linkcode uri} is `"/a/c"`; `"http://host/path"` where it was sent so. It is there for as long as
   * {@linkcode hdrCopy} is, and empty before, behind and on clients. What `tokenLimits` cut of the path or of
   * `"uri args"` is cut here, too.
   *
   * Choose files and rights by `uri`: of `/public/..%2fsecret` this has `/public` in front.
   */
  readonly rawUri: string;
  /** The request's method; empty when none is being answered. */
  readonly method: string;
  /**
   * The length of what {@linkcode hdrCopy} gives; 0 when it is absent, or when headers are gone: a
   * server's last until an HTTP transaction is completed or `established` has returned, a client's
   * until `clientFilterPreEstablish` or `clientConnectionError` has.
   *
   * @param token A field name in any case, or a pseudo token such as `"uri args"`.
   * @throws {LwsError} `invalid-argument` when it is neither.
   */
  hdrTotalLength(token: string): number;
  /**
   * The text of a header; repeated ones are joined with `", "`, {@linkcode hdrValues} keeps them apart. Undefined when it is absent, when
   * headers are gone, or when it is longer than `maxLength` characters.
   *
   * `"uri args"` is the query, percent-decoded as UTF-8. A `+` stays one, as in libwebsockets, where
   * `URLSearchParams` makes a blank of it; an escape that is none stays as it is. As an encoded `&` is
   * one here, too, take single arguments from {@linkcode hdrCopyFragment}. `"http"` is the version,
   * `"HTTP/1.1"` or `"HTTP/1.0"`.
   *
   * `"challenge body"` are the eight bytes behind the head of a handshake of version 0, or the sixteen behind
   * that of its answer, one character each.
   *
   * Of the answer to a client's handshake `"http status"` is the status and the reason, such as
   * `"401 Unauthorized"`, and in `clientConnectionError` `"http body"` what came of the body: its first 4
   * KiB, decoded as UTF-8.
   *
   * @param token A field name in any case, or a pseudo token such as `"uri args"`.
   * @param maxLength From 0 on. Default: Infinity.
   * @throws {LwsError} `invalid-argument` for another token or length.
   */
  hdrCopy(token: string, maxLength?: number): string | undefined;
  /**
   * A piece of a header (`lws_hdr_copy_fragment`): for `"uri args"` what is between two `&`, decoded,
   * such as `x=1`, for a field that came several times the value of one line. Undefined when there is no such
   * piece, when headers are gone, or when it is longer than `maxLength` characters.
   *
   * @param token A field name in any case, or a pseudo token such as `"uri args"`.
   * @param n Which piece, from 0 on.
   * @param maxLength From 0 on. Default: Infinity.
   * @throws {LwsError} `invalid-argument` for another token, n or length.
   */
  hdrCopyFragment(token: string, n: number, maxLength?: number): string | undefined;
  /**
   * All pieces of a header, as {@linkcode hdrCopyFragment} gives them one by one: the value of each line
   * of a field that came several times, such as `"set-cookie"`, or the arguments of `"uri args"`. Empty
   * when it is absent, and when headers are gone.
   *
   * @param token A field name in any case, or a pseudo token such as `"uri args"`.
   * @throws {LwsError} `invalid-argument` when it is neither.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * handlers({
   *   http(wsi) {
   *     for (const name of wsi.headerNames()) console.log(name, wsi.hdrValues(name));
   *     wsi.returnHttpStatus(204);
   *     return wsi.httpTransactionCompleted();
   *   },
   * });
   * ```
   */
  hdrValues(token: string): string[];
  /**
   * The names of the fields that came, in lower case, each once, in the order of first arrival; without
   * pseudo tokens. Of a server's answer on clients. Empty when headers are gone.
   */
  headerNames(): string[];
  /** All headers by lower-case name, as a copy that lasts; empty when headers are gone. */
  hdrSnapshot(): Map<string, string>;
  /**
   * The value of a cookie of the request (RFC 6265 section 4.2), the first one if there are several, also
   * where `Cookie` came in several lines. It is what was sent: quotes around it are a part of it, and
   * nothing is decoded. Undefined when there is none, on clients, and when headers are gone. What
   * `tokenLimits` cut of `cookie` is not there.
   *
   * @param name Its case counts.
   * @throws {LwsError} `invalid-argument` for what can't be one: no text, or an empty one, or with `=` or
   *   `;`, or with a blank at an end.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * handlers({
   *   filterProtocolConnection: (wsi) => wsi.cookie("session") === undefined ? 1 : 0,
   * });
   * ```
   */
  cookie(name: string): string | undefined;
  /**
   * The value of an argument of the request's URI, the first one if there are several: name and value are
   * percent-decoded as UTF-8, by the rules of `"uri args"` in {@linkcode hdrCopy}; a `+` stays one. Empty
   * for `?a` and `?a=`; undefined when there is none, on clients, and when headers are gone.
   *
   * @param name As it is when decoded; its case counts.
   * @throws {LwsError} `invalid-argument` when it is no text.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * handlers({
   *   http(wsi) { // GET /search?q=a%26b
   *     console.log(wsi.uriArg("q")); // a&b
   *     wsi.returnHttpStatus(204);
   *     return wsi.httpTransactionCompleted();
   *   },
   * });
   * ```
   */
  uriArg(name: string): string | undefined;
  /**
   * The values of all arguments of that name, in the order of the URI; empty without any. Otherwise as
   * {@linkcode uriArg}.
   *
   * @throws {LwsError} `invalid-argument` when the name is no text.
   */
  uriArgs(name: string): string[];

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
   * @returns 0, or −1 when the connection is closing already or an extension keeps it open.
   * @throws {LwsError} `invalid-argument` for another code or a longer reason.
   */
  close(code?: number, reason?: string): number;

  /**
   * Answers the request with a file, streamed as the peer reads it; `httpFileCompletion` follows, and
   * then the transaction is completed. HEAD gets the head alone.
   *
   * A file whose time is known has `Last-Modified` and an `ETag`, a strong one from two seconds after its
   * last change on. Of GET and HEAD the preconditions `If-Match`, `If-None-Match`, `If-Modified-Since` and
   * `If-Unmodified-Since` are obeyed (304, 412), and of GET `Range` and `If-Range` (206, up to 16 ranges; 416).
   * Any other method is answered with all of the file.
   *
   * A file that can't be opened is answered 404; 503 when no descriptor is left for it, 500 when its first
   * bytes can't be read. With these, 412 and 416 no `httpFileCompletion` comes. One that becomes shorter
   * while it is served cuts the connection.
   *
   * @param path As the context's file operations understand it; see `fileOps` of the context.
   * @param contentType Default: by the ending of the path.
   * @param headers More header fields. One that the library would add, as `etag`, comes in its place;
   *   `accept-ranges: none` has ranges ignored. `content-length`, `content-range` and `transfer-encoding` are
   *   the library's own, and are refused.
   * @returns 0 when it has started, −1 when there is no request to answer.
   * @throws {LwsError} `invalid-argument` when the path is no text, or a field can't stand in a header.
   */
  serveHttpFile(
    path: string,
    contentType?: string,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | -1;
  /**
   * Answers the request: head, body and the end of the transaction in one. A text and bytes have their
   * length in the head; a stream goes out in chunks, or by the `content-length` that is given for it.
   *
   * A stream is read a piece at a time, the next one when the last has left, and cancelled when the connection
   * goes. If it fails, or yields what is neither text nor bytes or more than its length, the log has an `err`
   * line and the answer is cut so that it never looks whole, as far as {@linkcode writeHttpHeaders} says. HEAD
   * gets the head alone; a stream is cancelled then.
   *
   * @param status 200 to 599; what {@linkcode returnHttpStatus} says of their fields holds here.
   * @param body Left out or null: an empty one. None with 204, 205 and 304. Bytes are copied before the call
   *   returns; those of a stream's piece must stay as they are until the next piece is asked for. At once up
   *   to 16 MiB, as in {@linkcode write}; what is longer is for a stream.
   * @param headers More header fields. Default of `content-type`: `text/plain; charset=utf-8` for a text,
   *   `application/octet-stream` for bytes and streams.
   * @returns 0, so that `return wsi.respond(…)` fits any HTTP reason, or −1 when there is no request to answer
   *   or the connection had to be cut.
   * @throws {LwsError} `invalid-argument` for another status or body, a body with 204, 205 or 304, a stream that
   *   is locked to another reader, or a field that can't stand in a header. Nothing is sent then.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * async function* countdown() {
   *   for (let n = 3; n > 0; n--) yield `${await Promise.resolve(n)}\n`;
   * }
   *
   * const callback = handlers({
   *   http(wsi, _user, path) {
   *     if (path === "/hello") return wsi.respond(200, "hello");
   *     if (path === "/count") return wsi.respond(200, countdown(), [["content-type", "text/plain"]]);
   *     return wsi.respond(404, "There is no such page.");
   *   },
   * });
   * ```
   */
  respond(
    status: number,
    body?: ResponseBodyInit | null,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | -1;
  /**
   * Answers the request with a status and a small HTML page that shows it and `html`
   * (`lws_return_http_status`). {@linkcode httpTransactionCompleted} ends the transaction; left out, that is
   * done when the callback is over, what it awaits included, or at once outside of one.
   *
   * @param code 200 to 599. 204, 205 and 304 have no page. Some statuses must have a field that only the
   *   program knows (RFC 9110 section 15): `location` with 301, 302, 303, 307 and 308, `www-authenticate`
   *   with 401, `allow` with 405, `proxy-authenticate` with 407. A `notice` line in the log tells of one that
   *   is missing, once for each context and status. A 426 has `upgrade: websocket` unless `upgrade` is given.
   * @param html Sent as it is and **not escaped**: in what a peer has said, a path as well, `&`, `<`,
   *   `>` and quotes have to be escaped first, or it runs as script in the reader's browser. Default:
   *   the status's registered phrase.
   * @param headers More header fields, as `[["allow", "GET, HEAD"]]`; a `content-type` or
   *   `x-content-type-options` counts in place of the page's own (HTML in UTF-8, `nosniff`).
   * @returns 0, or 1 when there is no request to answer.
   * @throws {LwsError} `invalid-argument` for another code, when `html` is no text, or when a field can't stand
   *   in a header, as a second `content-length`. Nothing is sent then.
   */
  returnHttpStatus(
    code: number,
    html?: string,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | 1;
  /**
   * Sends an interim answer, 103 (RFC 8297), before the head of the real one, so that the client may load
   * what `headers` name while the program is at work; as often as it helps.
   *
   * @param headers Such as `[["link", "</style.css>; rel=preload; as=style"]]`.
   * @returns 0; −1 when there is no request to answer, when its answer has begun, and for a client of HTTP/1.0,
   *   which knows no interim answers. To go on all the same is no fault.
   * @throws {LwsError} `invalid-argument` when a field can't stand in a header, or not in this one:
   *   `content-length`, `transfer-encoding`, `connection`.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * const callback = handlers({
   *   async http(wsi) {
   *     wsi.writeEarlyHints([["link", "</style.css>; rel=preload; as=style"]]);
   *     const page = await Promise.resolve("<link rel=stylesheet href=/style.css>"); // from a database
   *     wsi.returnHttpStatus(200, page);
   *     return wsi.httpTransactionCompleted();
   *   },
   * });
   * ```
   */
  writeEarlyHints(headers: Iterable<readonly [string, string]>): 0 | -1;
  /**
   * Sends the head of a response; the body follows by `write(…, "http")`, and ends with
   * `write(…, "httpFinal")` or {@linkcode httpTransactionCompleted}.
   *
   * With a `content-length` so many bytes are the body. Without one it goes out in chunks (RFC 9112
   * section 7.1), one for each `write` that isn't empty, and the connection stays; to a client of HTTP/1.0
   * it goes out as it is, and the connection's end marks the body's. With `transfer-encoding` among the
   * fields the program makes the chunks itself, and what it writes is checked. A body that is cut in the
   * middle never gets its last chunk, and where the connection's end would make it look whole, the
   * connection is reset (in TLS: ended without the closing notice). That is not in the power of this module
   * where the runtime's own TCP carries an answer to HTTP/1.0.
   *
   * `date` is added unless it is given; `connection: close` is obeyed. A HEAD's answer has the head alone:
   * what is written behind it is counted, and goes nowhere.
   *
   * @param status 200 to 599.
   * @param headers No two of `content-length` or `date`, no length beside `transfer-encoding`; with 204 and
   *   205 none of both but a length of 0; no `transfer-encoding` to a client of HTTP/1.0.
   * @returns 0, or −1 when there is no request to answer.
   * @throws {LwsError} `invalid-argument` for another status, or when a field can't stand in a header or
   *   contradicts another one. Nothing is sent then.
   */
  writeHttpHeaders(status: number, headers: Iterable<readonly [string, string]>): 0 | -1;
  /**
   * The response is whole (`lws_http_transaction_completed`). 0: the connection will take the next
   * request; 1: it closes once the response has left.
   *
   * A body of fewer bytes than its head has announced is not whole: a `warn` line in the log says so, the
   * connection is reset, and this returns 1. Without an effect while a file or a stream of {@linkcode respond}
   * is on its way, which completes the transaction by itself, and once it is completed.
   *
   * @throws {LwsError} `invalid-argument` when a trailer can't be sent; see {@linkcode HttpCompletion}.
   */
  httpTransactionCompleted(options?: HttpCompletion): 0 | 1;
}
