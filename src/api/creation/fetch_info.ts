/** How a context answers HTTP in the web's own types: a member of the creation struct. */

import type { FetchHandler } from "../http/fetch.ts";

/**
 * The member of the creation struct for requests of HTTP that are answered by a `Response`.
 *
 * @category Server and client
 */
export interface FetchInfo {
  /**
   * Answers requests of HTTP by a `Response`; see {@linkcode FetchHandler}. A request is first asked of
   * `filterHttpConnection`, of the mounts, of `fetch` of the protocols, and then of this; with it, `http` of the
   * first protocol never comes. An upgrade to WebSocket that no protocol takes is a request for it as well, and a
   * status of its choice: it can't upgrade.
   *
   * With it `protocols` may be left out: then there are no WebSockets.
   *
   * Default: none.
   *
   * @example
   * ```ts
   * import { createContext } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   fetch: async (request) => Response.json({ got: await request.text() }),
   * });
   * const url = `http://127.0.0.1:${context.port}/`;
   * const response = await fetch(url, { method: "POST", body: "hello" });
   * console.log(await response.json()); // { got: "hello" }
   * ```
   */
  readonly fetch?: FetchHandler;
}
