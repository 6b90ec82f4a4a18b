/** The public face of a context. */

import type { DialMember } from "./client/dial.ts";
import type { ClientConnectInfo, ClientConnectOptions } from "./client_info.ts";
import type { FileOps } from "./file_ops.ts";
import type { Limits } from "./limits.ts";
import type { StreamConn } from "./network.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";
import type { ReasonData, UserReason } from "./reasons.ts";
import type { PollFd } from "./service.ts";
import type { Stats } from "./stats/stats.ts";
import type { CertificateInfo } from "./tls.ts";
import type { PeerAddresses } from "./network.ts";
import type { Presence } from "./topics/presence.ts";
import type { TopicPublisher } from "./topics/topics.ts";
import type { Wsi } from "./wsi.ts";

/**
 * Reasons without data, which `callbackAllProtocol` can call with.
 *
 * @category Protocols
 */
export type DatalessReason =
  | UserReason
  | { [R in keyof ReasonData]: ReasonData[R] extends undefined ? R : never }[keyof ReasonData];

/**
 * Everything that shares one listener, one set of protocols and one service (`struct lws_context`). Made
 * by {@linkcode createContext}. Once it is destroyed, `clientConnect`, `dial`, `adopt` and `openPort` throw
 * `destroyed`; the other calls find no connections any more. `publish` and `subscriberCount` are members of
 * {@linkcode TopicPublisher}.
 *
 * @category Server and client
 */
export interface Context extends AsyncDisposable, DialMember, TopicPublisher {
  /** The port it listens on; 0 on a unix socket, −1 when it does not listen. */
  readonly port: number;
  /** What was given at creation (`lws_context_user`). */
  readonly user: unknown;
  /** The protocols, in order. */
  readonly protocols: readonly ActiveProtocol[];
  /** The limits in force. */
  readonly limits: Limits;
  /**
   * The file operations in use (`lws_get_fops`): the table that was given at creation, or the one of
   * `hostFileOps()`. An entry that a program puts in place of another counts from the next call on, so
   * that one may be wrapped:
   *
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{ name: "http", callback: handlers({ http: (wsi) => wsi.serveHttpFile("/x") }) }],
   * });
   * const { fileOps } = context;
   * const open = fileOps.open.bind(fileOps);
   * fileOps.open = (wsi, path, flags) => {
   *   if (wsi.peerAddresses.ip !== "127.0.0.1") throw new Error(`${path} is for this host only`);
   *   return open(wsi, path, flags);
   * };
   * ```
   */
  readonly fileOps: FileOps;
  /**
   * This host's own name (`lws_canonical_hostname`), at most 127 characters. `"unknown"` without
   * `--allow-sys=hostname`, for which no prompt is shown, and with `options.skipServerCanonicalName`.
   */
  readonly canonicalHostname: string;
  /** Which connections are in which topics. */
  readonly presence: Presence;
  /** Whether {@linkcode destroy} was called. */
  readonly isDestroyed: boolean;
  /**
   * Resolves when the context is destroyed, every connection has ended, and its port is free again; never
   * rejects.
   */
  readonly closed: Promise<void>;

  /**
   * Connects to a server (`lws_client_connect`). Exactly one of `clientEstablished` and
   * `clientConnectionError` follows, never before this call has returned.
   *
   * Needs `--allow-net` for the address.
   *
   * @param url `ws:` or `wss:`, or `http:` or `https:`, which mean the same, without a fragment. User and password
   *   are sent as `Authorization: Basic` (RFC 7617), as UTF-8.
   * @throws {LwsError} `invalid-argument`, which names the field; `aborted` when `signal` has aborted before;
   *   `destroyed`.
   */
  clientConnect(url: string | URL, options?: ClientConnectOptions): Wsi;
  /**
   * The same by `struct lws_client_connect_info`.
   *
   * @throws {LwsError} As above.
   */
  clientConnect(info: ClientConnectInfo): Wsi;
  /**
   * Serves a connection that the program has accepted, as if this context had: with TLS, if it listens
   * with TLS. But no header of the PROXY protocol is read off it, `proxyProtocol` or not. One whose request a server
   * of `node:http` has read already is for `handleUpgrade` of `@x/lws/node`.
   *
   * @returns The connection, or undefined when a filter or a limit refused it, and it is closed then; or
   *   when `filterNetworkConnection` returned a promise, and it is served once that lets it in.
   * @throws {LwsError} `invalid-argument` when it can't be read and written; `destroyed`.
   *
   * @example
   * ```ts
   * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "@x/lws";
   *
   * const callback = handlers({ http: (wsi) => void wsi.respond(200, "hello") });
   * await using context = createContext({
   *   port: CONTEXT_PORT_NO_LISTEN,
   *   protocols: [{ name: "http", callback }],
   * });
   * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
   * const answer = fetch(`http://127.0.0.1:${listener.addr.port}/`);
   * context.adopt(await listener.accept());
   * if (await (await answer).text() !== "hello") throw new Error("not served");
   * ```
   */
  adopt(conn: StreamConn): Wsi | undefined;
  /**
   * The peer's address of a connection (`lws_get_peer_addresses`); also for the descriptor that
   * `filterNetworkConnection` gets. Empty for one that is unknown. The name is there once
   * {@linkcode resolvePeerAddresses} has found it.
   *
   * @throws {LwsError} `invalid-argument` when it is no whole number.
   */
  peerAddresses(socketFd: number): PeerAddresses;
  /**
   * As {@linkcode peerAddresses}, with the peer's name by reverse lookup in the hosts file and the DNS;
   * also for the descriptor that `filterNetworkConnection` gets. The name stays empty when there is none,
   * and without `--allow-net` for the address, for which no prompt is shown. It never rejects for want
   * of a name.
   *
   * @throws {LwsError} `invalid-argument`, by a rejection, when it is no whole number.
   */
  resolvePeerAddresses(socketFd: number): Promise<PeerAddresses>;
  /**
   * Ends a connection by its descriptor (`libwebsockets_hangup_on_client`): no close frame, and what is
   * unsent may be lost. Its last reason, `closed` for a WebSocket, comes later, never from inside this
   * call. For a descriptor that no connection has nothing happens.
   *
   * @returns 0.
   * @throws {LwsError} `invalid-argument` when it is no whole number.
   */
  hangupOnClient(socketFd: number): number;
  /**
   * Shows another certificate from the next handshake on, and others by host name; open connections go
   * on as they are.
   *
   * @param others in place of the `certificates` of creation
   * @throws {LwsError} `invalid-argument`, which names what can't be used, and all stays as it was;
   *   `permission-denied` when a file may not be read; `invalid-state` when the context does not listen with TLS; `destroyed`.
   */
  setCertificate(certificate: CertificateInfo, others?: readonly CertificateInfo[]): void;
  /**
   * Sets the HTTP proxy for client connections, before the first of them (`lws_set_proxy`): `host:port`,
   * `user:password@host:port` or an `http://` URL. It goes before `httpProxyAddress` and before what
   * the environment says.
   *
   * @returns 0.
   * @throws {LwsError} `invalid-argument` when it names no proxy; `invalid-state` after the first
   *   `clientConnect`; `destroyed`.
   */
  setProxy(proxy: string): number;
  /**
   * What the context has counted since it was made, and what there is now: a new frozen object for each call,
   * which goes over all connections once.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{ name: "chat", callback: handlers({}) }],
   * });
   * const { servers, closesByCause, limitsHit, protocols } = context.stats();
   * console.log(`${servers.now} of ${servers.ever} WebSockets`, closesByCause, limitsHit);
   * console.log(`${protocols.chat?.received.messages} messages`);
   * ```
   */
  stats(): Stats;
  /**
   * The WebSockets that are established now, a server's and clients' alike, of one protocol or of all:
   * protocol by protocol, each one's in the order of their handshakes. HTTP connections and those that are
   * closing are none of them.
   *
   * It is settled by the call what a loop can come to: whatever comes later it does not see, and what has
   * gone or begun to close by its turn is left out, also when the loop awaits something. So nothing comes twice.
   *
   * @throws {LwsError} `invalid-argument`, at the call, when the context has no such protocol.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{ name: "chat", perSessionData: () => ({ isGuest: true }), callback: handlers({}) }],
   * });
   * for (const wsi of context.connections("chat")) {
   *   if ((wsi.user as { isGuest: boolean }).isGuest) wsi.close(1008, "members only from now on");
   * }
   * ```
   */
  connections(protocol?: Protocol | string): IterableIterator<Wsi>;
  /**
   * `wsi.callbackOnWritable()` for every connection that uses a protocol now. Returns 0.
   *
   * @throws {LwsError} `invalid-argument` when the context has no such protocol.
   */
  callbackOnWritableAllProtocol(protocol: Protocol | string): number;
  /**
   * `wsi.rxFlowControl(true)` for every connection that uses a protocol now
   * (`lws_rx_flow_allow_all_protocol`).
   *
   * @throws {LwsError} `invalid-argument` when the context has no such protocol.
   */
  rxFlowAllowAllProtocol(protocol: Protocol | string): void;
  /**
   * Calls the protocol's callback, before it returns, for every connection that uses the protocol
   * now. What the callbacks return is ignored. Returns 0.
   *
   * @throws {LwsError} `invalid-argument` when the context has no such protocol, or the reason is none.
   */
  callbackAllProtocol(protocol: Protocol | string, reason: DatalessReason): number;
  /**
   * Calls the protocol's callback with `broadcast` and `data`, before it returns, for every
   * established WebSocket that this context serves with the protocol, in the order in which they were
   * accepted (`libwebsockets_broadcast`). Nothing is sent by itself: the callback decides, and it may
   * write or close. What it returns is ignored. Client connections, connections that are not
   * WebSockets yet and those that are closing are left out.
   *
   * Other workers do the same through {@linkcode openPort}, other processes through
   * {@linkcode connectBroadcast}.
   *
   * @param data A string is given as its UTF-8, of a view its bytes, of a buffer all of them; of any
   *   length, 0 included. All connections are given the same bytes.
   * @returns 0, or −1 when the context is destroyed.
   * @throws {LwsError} `invalid-argument` when the context has no such protocol, or `data` is neither
   *   a string, a view nor a buffer, or a detached or out-of-bounds one.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{
   *     name: "news",
   *     callback: handlers({
   *       broadcast: (wsi, _user, data) => void wsi.write(data, "text"),
   *     }),
   *   }],
   * });
   * context.broadcast("news", "It has begun.");
   * ```
   */
  broadcast(protocol: Protocol | string, data: string | ArrayBufferView | ArrayBufferLike): number;
  /**
   * Opens a port for another worker: transfer it there, and give it to {@linkcode remoteContext}. Each
   * worker wants a port of its own. They are closed with the context. A worker that ends sooner has to
   * close its end: the runtime doesn't tell the other end of a port that its worker is gone.
   *
   * @throws {LwsError} `destroyed`.
   */
  openPort(): MessagePort;
  /**
   * Delivers what is pending, in the order in which it came, at most one event of a kind for each
   * connection; when nothing is, waits for the first (`lws_service`). Between two calls nothing is
   * delivered. Only with the service policies `"manual"` and `"external"`.
   *
   * @param timeoutMs How long to wait, from 0 milliseconds; `Infinity` waits without an end.
   * @returns 0, or a negative number once the context is destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself; `invalid-argument`.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   iface: "127.0.0.1",
   *   service: "manual",
   *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
   * });
   * const peer = new WebSocket(`ws://127.0.0.1:${context.port}`, "echo");
   * let answer: unknown;
   * peer.onopen = () => peer.send("hello");
   * peer.onmessage = ({ data }) => answer = data;
   * while (answer === undefined) await context.service(50);
   * if (answer !== "hello") throw new Error("no echo");
   * peer.close();
   * ```
   */
  service(timeoutMs: number): Promise<number>;
  /**
   * As {@linkcode service}, by blocking the thread until the first event or the timeout, as `lws_service` does in
   * C; for contexts with `service: "manual"` or `"external"` over a network with real descriptors, as of
   * `@x/lws/epoll`. Accepting, reading, writing, closing, timeouts, writeable callbacks, TLS by OpenSSL and connecting to an IP
   * address need nothing else. Meanwhile the runtime does nothing: no timer, promise, signal listener, file or
   * stream of the program goes on, nor connecting to a name or through a proxy, before the program awaits
   * something, such as `await context.service(0)`. A callback that returns a promise where one is awaited has
   * failed, as by a throw, and the log names it: it could never settle.
   *
   * @param timeoutMs How long to block, from 0 milliseconds; `Infinity` blocks without an end.
   * @returns 0, or a negative number once the context is destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself, or its network has no real descriptors;
   *   `unsupported` with TLS other than by `epollNetwork({ tls: "openssl" })`, with `providedClientTls` and with the
   *   PROXY protocol, which need the runtime; `invalid-argument`.
   */
  serviceSync(timeoutMs: number): number;
  /**
   * Ends each {@linkcode service} and {@linkcode poll} that has begun and waits, or else the next one that would
   * (`lws_cancel_service`).
   *
   * @throws {LwsError} `invalid-state` when the context serves by itself.
   */
  cancelService(): void;
  /**
   * Serves one descriptor for which the program's own loop has seen `revents`, and runs what timeouts
   * are due (`lws_service_fd`). A descriptor of the context gets `revents` 0; a foreign one is left
   * as it is. `null` only runs timeouts.
   *
   * @returns 0, 1 when that connection is gone now, or a negative number once the context is
   *   destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself; `invalid-argument`.
   */
  serviceFd(pollFd: PollFd | null): number;
  /**
   * Waits until one of the descriptors is ready for what its `events` ask, as poll(2) does, and puts
   * that into `revents`. Entries of foreign descriptors are left as they are: a program that sets
   * `revents` of one calls {@linkcode cancelService} so that the loop sees it. When timeouts are due it
   * returns early; `serviceFd` runs them. Over a network with real descriptors, as of `@x/lws/epoll`, this is
   * poll(2) itself, on another thread, over any descriptors of the process; what has a number below 0 is left as it
   * is.
   *
   * @param timeoutMs How long to wait, from 0 milliseconds; `Infinity` waits without an end.
   * @returns The number of entries with `revents`, or a negative number once the context is destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself; `invalid-argument`.
   */
  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number>;
  /**
   * As {@linkcode poll} without waiting: tells what had come by the last turn of the runtime's event
   * loop. Nothing more comes until the program awaits something that takes a turn, such as `poll`. Over a network
   * with real descriptors it asks the kernel.
   *
   * @returns The number of entries with `revents`, or a negative number once the context is destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself; `invalid-argument`.
   */
  pollNow(pollFds: readonly PollFd[]): number;
  /**
   * Stops listening, answers new requests on open connections with 503, closes every WebSocket with
   * 1001 and every other connection, and resolves as {@linkcode closed} does. Harmless when repeated.
   * Whatever the service policy was, the rest is served by itself.
   *
   * @param options How to drain a busy server, which clients are to leave one by one.
   * @throws {LwsError} `invalid-argument`, which names the option.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * const context = createContext({ port: 0, protocols: [{ name: "p", callback: handlers({}) }] });
   * // Clients are told to leave over ten seconds, and are gone after fifteen.
   * await context.destroy({ spreadMs: 10_000, graceMs: 15_000 });
   * ```
   */
  destroy(options?: DestroyOptions): Promise<void>;
}

/**
 * How {@linkcode Context.destroy} ends its connections.
 *
 * @category Server and client
 */
export interface DestroyOptions {
  /**
   * Milliseconds from the call after which whatever is still open is cut, from 0; at least
   * {@linkcode spreadMs}.
   *
   * Default: `Infinity`: each connection has the time of its own limits.
   */
  readonly graceMs?: number;
  /**
   * Milliseconds over which the closing is spread, so that a crowd of clients does not come back in
   * one instant, from 0. HTTP connections that are idle end at once: what is asked on others
   * meanwhile is answered 503.
   *
   * Default: `0`.
   */
  readonly spreadMs?: number;
}
