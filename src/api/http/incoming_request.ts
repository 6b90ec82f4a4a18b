/** A request in the web's own types. */

/**
 * The request in hand, or the one that a WebSocket was opened with, as `URL`, `URLSearchParams` and `Headers`
 * have it: what {@linkcode Wsi.request} is. Each part is made when it is first asked for.
 *
 * What `tokenLimits` cut is cut here, too.
 *
 * @category Connections
 *
 * @example
 * ```ts
 * import { createContext, handlers, type IncomingRequest } from "@x/lws";
 *
 * const page = ({ method, path, args, cookies, remoteAddress }: IncomingRequest) =>
 *   `${method} ${path}, page ${args.get("page") ?? 1}, ${cookies.get("nick")} at ${remoteAddress}`;
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{
 *     name: "http",
 *     callback: handlers({ http: (wsi) => wsi.respond(200, page(wsi.request!)) }),
 *   }],
 * });
 * const response = await fetch(`http://127.0.0.1:${context.port}/list?page=2`, {
 *   headers: { cookie: "nick=ann" },
 * });
 * console.log(await response.text()); // GET /list, page 2, ann at 127.0.0.1
 * ```
 */
export interface IncomingRequest {
  /** The method, as it was sent. */
  readonly method: string;
  /**
   * What was asked for, as an absolute URL. Its scheme is `https:` over TLS, and where a proxy that
   * `trustProxy` believes says so by `X-Forwarded-Proto`; else `http:`, for WebSockets as well. The host is that
   * of `Host`, or `unknown.invalid` where an HTTP/1.0 client sends none, or one that no URL can have. Of
   * `OPTIONS *` the path is `/` (RFC 9112 section 3.3).
   *
   * The path is as it was sent, in the form of RFC 3986 section 6.2.2: dot segments are taken out, `%61` is `a` and
   * `%c3` is `%C3`. Behind a `filterHttpConnection` no character is escaped that a URL may have as it is: `%40` is `@`.
   * Slashes that are encoded or follow each other stay, which {@linkcode path} doesn't tell from others: choose
   * files and rights by that one.
   */
  readonly url: URL;
  /** As {@linkcode Wsi.uri}: percent-decoded once, without dot segments and empty ones; `*` of `OPTIONS *`. */
  readonly path: string;
  /** As {@linkcode Wsi.pathParams}. */
  readonly params: Readonly<Record<string, string>>;
  /** The arguments of the query, by the rules of forms: a `+` is a blank. */
  readonly args: URLSearchParams;
  /**
   * The fields, in the program's own copy. Lines of one name are joined by `", "`, and those of `cookie`, which
   * has pairs, by `"; "`. Bytes from 0x80 on are one character each.
   */
  readonly headers: Headers;
  /** The cookies by their names, by the rules of {@linkcode Wsi.cookie}: of several the first, nothing decoded. */
  readonly cookies: ReadonlyMap<string, string>;
  /** The version of HTTP. */
  readonly httpVersion: "1.0" | "1.1";
  /** As `ip` of {@linkcode Wsi.peerAddresses}, when this was first asked for: behind a proxy that is believed the client's. */
  readonly remoteAddress: string;
}
