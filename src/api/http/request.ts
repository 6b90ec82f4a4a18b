/** What a program may read of the request that a connection was opened with, or that it has in hand. */

import type { IncomingRequest } from "./incoming_request.ts";

/**
 * The head of a request, or of a server's answer on a client: the part of {@linkcode Wsi} that reads it
 * (`lws_hdr_copy` and its like).
 *
 * @category Connections
 */
export interface RequestMember {
  /**
   * The request in the web's own types: of an HTTP connection the one in hand, or the last one; of a WebSocket
   * the one that it was opened with. It is made when it is first asked for, and there for as long as the
   * connection from then on. Undefined on clients, before a request was read, and where it was not
   * asked for until the headers were gone, which a WebSocket's are once `established` has returned.
   *
   * @example
   * ```ts
   * import { handlers } from "@x/lws";
   *
   * handlers({
   *   established(wsi) {
   *     console.log(wsi.request?.url.href, wsi.request?.cookies.get("session"));
   *   },
   *   message(wsi) { // there still, as it was asked for above
   *     wsi.write(`you came by ${wsi.request?.url.host}`);
   *   },
   * });
   * ```
   */
  readonly request: IncomingRequest | undefined;
  /**
   * What the request's path has in the places of its protocol's path, by their names, frozen: an object
   * without prototype, empty where no path was asked for. It is there for as long as the connection, or
   * until its next request.
   */
  readonly pathParams: Readonly<Record<string, string>>;
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
}
