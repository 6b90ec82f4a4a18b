/** The public face of a context. */

import type { ClientConnectInfo } from "./client_info.ts";
import type { Limits } from "./limits.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";
import type { ReasonData, UserReason } from "./reasons.ts";
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
   * Stops listening, closes every WebSocket with 1001 and every other connection, and resolves as
   * {@linkcode closed} does. Harmless when repeated.
   */
  destroy(): Promise<void>;
}
