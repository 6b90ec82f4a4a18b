/** The web's own way to answer a request. */

import type { Wsi } from "../wsi.ts";

/**
 * Answers a request of HTTP by a `Response`, as the programs of `Deno.serve` and of libraries such as Hono do:
 * {@linkcode ContextCreationInfo.fetch}, and `fetch` of a {@linkcode Protocol}.
 *
 * The body of the request is read as it comes: what the program does not read stays with the peer, but for
 * `maxHeaderBytes` of it, and the client of `Expect: 100-continue` is told to send it when it is first read.
 * Past `maxBodySize` the request is answered 413, and its body breaks off with an error. GET and HEAD have
 * none, and what such a request may bring is read away. A program that answers without having read all of the body
 * is done with it.
 *
 * `request.signal` aborts, with an `AbortError`, when the peer goes before it has its answer, and when
 * `context.destroy` begins; what is answered within `closeTimeoutMs` from then on still leaves.
 *
 * Status and fields of the response are sent as they are, each `set-cookie` by itself; the status text is that of
 * the status. `date` is added, and the `content-length` of a body that is there all at once, in place of a wrong one.
 * Any other body is sent as it comes, a piece each time the last one has left; the connection breaks where it fails, or
 * has another length than it was said to have. `connection: close` is obeyed, and `transfer-encoding` passed over, as
 * framing is the library's. To HEAD the head of the response is sent, and its body is cancelled.
 *
 * What can't be sent (an error thrown, a rejection, `Response.error()`, the status 101, a body that was read already)
 * is answered 500 with a line in the log, and the connection goes on. What comes when the peer has gone is cancelled.
 * Where the program has answered by `wsi` itself, as by `wsi.serveHttpFile`, a response is not sent, which is logged.
 *
 * With `context.serviceSync` nothing is answered this way but by 500: no promise settles while it blocks the thread.
 *
 * @category Files and HTTP
 *
 * @param request The request. Of a method that no `Request` can have (TRACE, TRACK) there is none: it is answered 501.
 * @param wsi Its connection, whose `user` is that of the first protocol.
 */
export type FetchHandler = (request: Request, wsi: Wsi) => Response | Promise<Response>;
