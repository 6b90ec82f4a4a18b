/** What a program answers HTTP requests with. */

import type { HttpCompletion, ResponseBodyInit } from "../response.ts";

/**
 * The answers to a request of HTTP: the part of {@linkcode Wsi} that gives them.
 *
 * @category Connections
 */
export interface AnswerMember {
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
   * A {@linkcode Wsi} is a connection: a second answer to a request that comes late, as by a timer of the program's,
   * is one to the next request, if the program has that already. Return a promise instead, behind which the next
   * request waits: until it settles a second answer is −1.
   *
   * @param status 200 to 599; what {@linkcode returnHttpStatus} says of their fields holds here.
   * @param body Left out or null: an empty one. None with 204, 205 and 304. Bytes are copied before the call
   *   returns; those of a stream's piece must stay as they are until the next piece is asked for. At once up
   *   to 16 MiB, as in `wsi.write`; what is longer is for a stream.
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
