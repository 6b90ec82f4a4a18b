/**
 * The WebSockets of servers of `node:http` and `node:https`, as Express's are, in Node, Bun and Deno.
 *
 * @example
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, protocol } from "@x/lws";
 * import { handleUpgrade } from "@x/lws/node";
 * import { createServer } from "node:http";
 *
 * const context = createContext({
 *   port: CONTEXT_PORT_NO_LISTEN,
 *   protocols: [protocol({ name: "echo", message: (wsi, _user, data) => void wsi.write(data) })],
 * });
 * const server = createServer((_request, response) => response.end("hello"));
 * server.on("upgrade", (request, socket, head) => handleUpgrade(context, request, socket, head));
 * await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 *
 * const { port } = server.address() as { port: number };
 * const wsi = await context.dial(`ws://127.0.0.1:${port}/`, { protocol: "echo" });
 * const messages = wsi.messages();
 * await wsi.send("anybody there?");
 * for await (const message of messages) {
 *   if (message !== "anybody there?") throw new Error("not what was sent");
 *   break;
 * }
 * const text = await (await fetch(`http://127.0.0.1:${port}/`)).text();
 * if (text !== "hello") throw new Error("not the server's own");
 * await context.destroy();
 * server.close();
 * ```
 *
 * @module
 */

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Context } from "../api/context.ts";
import type { Wsi } from "../api/wsi.ts";
import { refuseArgument } from "../base/check.ts";
import { behind } from "../base/face.ts";
import { line, log } from "../base/log.ts";
import type { ServingContext } from "../context/context.ts";
import { describeAccepted } from "../tls/info.ts";
import { type NodeSocket, NodeStream } from "../transport/node_stream.ts";
import { transportOver } from "../transport/stream_transport.ts";

const CALL = "handleUpgrade";
const CR = 0x0d;
const LF = 0x0a;
const NO_PLACE =
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/**
 * The head of a request: what is asked of an `IncomingMessage` of `node:http`.
 *
 * @category Server and client
 */
export interface UpgradeRequest {
  /** As `GET`. */
  readonly method?: string | undefined;
  /** The target, as it was sent. */
  readonly url?: string | undefined;
  /** As `1.1`. */
  readonly httpVersion: string;
  /** Names and values of the fields in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
}

/**
 * Serves a connection whose request for an upgrade a server of `node:http` or `node:https` has read: call it with
 * what the event `upgrade` gives. From then on the connection is the context's, which looks at the request as at its
 * own, by paths, subprotocols, filters, origins and limits, and closes it behind an answer that is no 101. TLS is the
 * server's, and `wsi.tls` what its socket tells.
 *
 * The context sees one field more, `Connection: close`. It needs no port: `port: CONTEXT_PORT_NO_LISTEN`.
 *
 * @param request the request
 * @param socket its connection, nothing of which was read or written since
 * @param head what has come of it behind the request
 * @returns The connection, or undefined when a filter or a limit refused it; or when `filterNetworkConnection` returned
 *   a promise, and it is served once that lets it in. With `maxConnections` there, and once the context is
 *   destroyed, it is answered 503.
 * @throws {LwsError} `invalid-argument`, which names the argument. Nothing that a peer sends makes it throw.
 * @category Server and client
 */
export function handleUpgrade(
  context: Context,
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
): Wsi | undefined {
  const serving = behind<ServingContext>(context);
  check(request, socket, head);
  const { admission, counters, hasTcpKeepAlive } = serving;
  if (serving.isDestroyed || !admission.hasPlace) {
    if (serving.isDestroyed) counters.refusedFor("destroy");
    else counters.hit("maxConnections");
    counters.turnAway("503");
    log("info", () => line`an upgrade was answered 503: there is no place`);
    socket.on("error", () => {});
    socket.end(NO_PLACE, () => socket.destroy());
    return undefined;
  }
  const own: NodeSocket = socket;
  // Those of the server's requests, and what would be written behind the peer's end would throw.
  own.setTimeout?.(0);
  own.allowHalfOpen = true;
  const tls = isTls(socket) ? describeAccepted(socket) : undefined;
  const stream = new NodeStream(own, bytesOf(request, head));
  return admission.serve(transportOver(stream, hasTcpKeepAlive), { tls })?.wsi;
}

function check(request: unknown, socket: unknown, head: unknown): void {
  const { rawHeaders } = (request ?? {}) as Partial<UpgradeRequest>;
  if (!Array.isArray(rawHeaders)) {
    refuseArgument(CALL, "request", request, "a request, with its rawHeaders");
  }
  const { read, write } = (socket ?? {}) as Partial<Duplex>;
  if (typeof read !== "function" || typeof write !== "function") {
    refuseArgument(CALL, "socket", socket, "a socket, with the methods read and write");
  }
  if (!(head instanceof Uint8Array)) refuseArgument(CALL, "head", head, "a Uint8Array");
}

function isTls(socket: Duplex): socket is TLSSocket {
  return (socket as Partial<TLSSocket>).encrypted === true;
}

/**
 * The request as it came, with what has come behind it. It is the only one that this end answers: what follows would
 * be for the server that accepted the connection.
 */
function bytesOf(
  { method = "", url = "", httpVersion, rawHeaders }: UpgradeRequest,
  head: Uint8Array,
): Uint8Array {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  lines.push("Connection: close", "");
  const length = lines.reduce((sum, line) => sum + line.length + 2, 0);
  const bytes = new Uint8Array(length + head.length);
  let at = 0;
  for (const line of lines) {
    for (let i = 0; i < line.length; i++) bytes[at++] = octetOf(line.charCodeAt(i));
    bytes[at++] = CR;
    bytes[at++] = LF;
  }
  bytes.set(head, at);
  return bytes;
}

/** What can't be in a line stays so, as a NUL, for which the request is refused: a break would make two lines of it. */
function octetOf(code: number): number {
  return code > 0xff || code === CR || code === LF ? 0 : code;
}
