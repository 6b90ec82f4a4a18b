/** The public face of a context. */

import type { ClientConnectInfo } from "./client_info.ts";
import type { Limits } from "./limits.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";
import type { ReasonData, UserReason } from "./reasons.ts";
import type { PollFd } from "./service/polling.ts";
import type { StreamConn } from "./transport/tcp.ts";
import type { PeerAddresses, Wsi } from "./wsi.ts";

/** Reasons without data, which `callbackAllProtocol` can call with. */
export type DatalessReason =
  | UserReason
  | { [R in keyof ReasonData]: ReasonData[R] extends undefined ? R : never }[keyof ReasonData];

/** Everything that shares one listener, one set of protocols and one service (`struct lws_context`). */
export interface Context extends AsyncDisposable {
  /** The port it listens on; −1 when it does not. */
  readonly port: number;
  /** What was given at creation (`lws_context_user`). */
  readonly user: unknown;
  /** The protocols, in order. */
  readonly protocols: readonly ActiveProtocol[];
  /** The limits in force. */
  readonly limits: Limits;
  /** Whether {@linkcode destroy} was called. */
  readonly isDestroyed: boolean;
  /** Resolves when the context is destroyed and every connection has ended; never rejects. */
  readonly closed: Promise<void>;

  /**
   * Connects to a server (`lws_client_connect`). Exactly one of `clientEstablished` and
   * `clientConnectionError` follows, never before this call has returned.
   *
   * Needs `--allow-net` for the address.
   *
   * @throws {LwsError} `invalid-argument`, which names the field; `destroyed`.
   */
  clientConnect(info: ClientConnectInfo): Wsi;
  /**
   * Serves a connection that somebody else accepted, as if this context had.
   *
   * @returns The connection, or undefined when a filter or a limit refused it; it is closed then.
   * @throws {LwsError} `destroyed`.
   */
  adopt(conn: StreamConn): Wsi | undefined;
  /**
   * The peer's address of a connection (`lws_get_peer_addresses`); also for the descriptor that
   * `filterNetworkConnection` gets. Empty for one that is unknown.
   */
  peerAddresses(socketFd: number): PeerAddresses;
  /** `wsi.callbackOnWritable()` for every connection that uses a protocol now. Returns 0. */
  callbackOnWritableAllProtocol(protocol: Protocol | string): number;
  /**
   * Calls the protocol's callback, before it returns, for every connection that uses the protocol
   * now. What the callbacks return is ignored. Returns 0.
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
   * @param data A string is given as its UTF-8; of any length, 0 included. All connections are given
   *   the same bytes.
   * @returns 0, or −1 when the context is destroyed.
   * @throws {LwsError} `invalid-argument` when the context has no such protocol, or `data` is neither
   *   a string nor a `Uint8Array`.
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
   * context.broadcast("news", "Everybody hears this.");
   * ```
   */
  broadcast(protocol: Protocol | string, data: Uint8Array | string): number;
  /**
   * Opens a port for another worker: transfer it there, and give it to {@linkcode remoteContext}. Each
   * worker wants a port of its own. They are closed with the context.
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
   * Ends a {@linkcode service} or {@linkcode poll} that waits, or the next one that would
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
   * that into `revents`. Entries of foreign descriptors are left as they are: who sets `revents` of
   * one calls {@linkcode cancelService} so that the loop sees it. When timeouts are due it returns
   * early; `serviceFd` runs them.
   *
   * @param timeoutMs How long to wait, from 0 milliseconds; `Infinity` waits without an end.
   * @returns The number of entries with `revents`, or a negative number once the context is destroyed.
   * @throws {LwsError} `invalid-state` when the context serves by itself; `invalid-argument`.
   */
  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number>;
  /**
   * Stops listening, closes every WebSocket with 1001 and every other connection, and resolves as
   * {@linkcode closed} does. Harmless when repeated. Whatever the service policy was, the rest is
   * served by itself.
   */
  destroy(): Promise<void>;
}
