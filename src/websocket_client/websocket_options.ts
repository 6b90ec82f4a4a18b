/** The types of what a WebSocket can be told beyond the standard. */

import type { Network } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import type { PermessageDeflateOptions } from "../extensions/permessage_deflate_params.ts";

/**
 * What {@linkcode WebSocket} takes as its second argument in place of subprotocols. An option that is
 * none, or has a value that can't be honoured, is refused by its name, with an {@linkcode LwsError}
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { WebSocket } from "@x/lws/websocket";
 *
 * await using server = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{
 *     name: "chat",
 *     callback: handlers({
 *       filterProtocolConnection: (wsi) => wsi.hdrCopy("authorization") === "Bearer 42" ? 0 : 1,
 *       established: (wsi) => void wsi.write("welcome"),
 *     }),
 *   }],
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, {
 *   protocols: ["chat"],
 *   headers: { authorization: "Bearer 42" },
 * });
 * const { promise, resolve, reject } = Promise.withResolvers<string>();
 * socket.onmessage = ({ data }) => resolve(data);
 * socket.addEventListener("error", ({ error }) => reject(error));
 * if (await promise !== "welcome") throw new Error("not welcome");
 * socket.close();
 * ```
 */
export interface WebSocketOptions {
  /**
   * The subprotocols to ask for, the best first. The connection fails when the server chooses none of them.
   *
   * Default: none.
   */
  readonly protocols?: string | readonly string[];
  /**
   * More header fields of the handshake, such as `authorization` or `cookie`. An `authorization` here counts
   * in place of the URL's user and password.
   *
   * Default: none.
   */
  readonly headers?: HeadersInit;
  /** What goes into the `Origin` header. Default: no such header. */
  readonly origin?: string;
  /**
   * The HTTP proxy to connect through, by CONNECT: `host:port`, `user:password@host:port` or an `http://`
   * URL. It goes before the environment's `http_proxy` and `no_proxy`, which count where
   * `--allow-env=http_proxy,no_proxy` or more is given.
   *
   * Default: none but those.
   */
  readonly proxy?: string;
  /** How `wss:` is secured. Default: by the authorities that the runtime trusts. */
  readonly tls?: WebSocketTlsOptions;
  /**
   * Whether compression (RFC 7692) is offered, and how; as {@linkcode PermessageDeflateOptions} says.
   *
   * Default: `true`.
   */
  readonly perMessageDeflate?: boolean | PermessageDeflateOptions;
  /**
   * Whether a silent server is probed by pings, whose pongs the program doesn't see, and when. One that
   * answers none of them has gone: `error` and `close` with 1006 follow.
   *
   * Default: `true`, after 60 seconds.
   */
  readonly keepAlive?: boolean | WebSocketKeepAlive;
  /** Bytes of a message that comes in; a longer one fails the connection with 1009. Default: `67108864`. */
  readonly maxMessageSize?: number;
  /** Milliseconds that each step of connecting may take, from 0 to 2,147,483,647. Default: `5000`. */
  readonly clientTimeoutMs?: number;
  /**
   * Milliseconds that the closing handshake may take, and then, once more, that the server may take to
   * close the connection; from 0 to 2,147,483,647.
   *
   * Default: `5000`.
   */
  readonly closeTimeoutMs?: number;
  /**
   * The network, as that of `@x/lws/testing` or `@x/lws/epoll`. Default: the operating system's TCP.
   */
  readonly network?: Network;
  /** The clock; tests use the one of `@x/lws/testing`. Default: the runtime's. */
  readonly clock?: Clock;
  /**
   * Ends it when it aborts, as `close()` does: a connection that is not open yet fails, an open one begins
   * the closing handshake. Default: none.
   */
  readonly signal?: AbortSignal;
}

/**
 * How a `wss:` connection is secured: {@linkcode WebSocketOptions.tls}. Files need `--allow-read`, and are
 * read by the constructor, which throws an {@linkcode LwsError} where they can't be.
 *
 * @example
 * ```ts
 * import type { WebSocketTlsOptions } from "@x/lws/websocket";
 *
 * const tls: WebSocketTlsOptions = { ca: "/etc/tls/house.pem", serverName: "gate.example.com" };
 * ```
 */
export interface WebSocketTlsOptions {
  /** Authorities to trust beside the runtime's, as PEM text or the path of a PEM file. Default: none. */
  readonly ca?: string;
  /** Whether those of `ca` are the only ones. Default: `false`. */
  readonly onlyCa?: boolean;
  /** The certificate to show, and the intermediate ones behind it, likewise. Default: none. */
  readonly cert?: string;
  /** Its private key, likewise. Default: none. */
  readonly key?: string;
  /** The passphrase of that key, if it is encrypted. Default: none. */
  readonly passphrase?: string;
  /** The host that the server's certificate has to be for, and that is asked for. Default: the URL's. */
  readonly serverName?: string;
  /** Whether a self-signed certificate is forgiven, and nothing else about it. Default: `false`. */
  readonly allowSelfSigned?: boolean;
}

/**
 * When a silent server is probed: {@linkcode WebSocketOptions.keepAlive}. The members are `kaTime`,
 * `kaProbes` and `kaInterval` of `createContext`, with their ranges.
 *
 * @example
 * ```ts
 * import type { WebSocketKeepAlive } from "@x/lws/websocket";
 *
 * const keepAlive: WebSocketKeepAlive = { time: 25, probes: 2, interval: 5 };
 * ```
 */
export interface WebSocketKeepAlive {
  /** Seconds without a sign of life from the server until it is pinged. Default: `60`. */
  readonly time?: number;
  /** Pings without an answer that end the connection. Default: `3`. */
  readonly probes?: number;
  /** Seconds from ping to ping, and from the last one to the end. Default: `10`. */
  readonly interval?: number;
}
