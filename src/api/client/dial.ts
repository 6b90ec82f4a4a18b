/** A client's connection by a promise. */

import type { ClientConnectInfo, ClientConnectOptions } from "../client_info.ts";
import type { Wsi } from "../wsi.ts";

/**
 * What a server or a proxy has answered a client's handshake that refused it: the `cause` of an error
 * `handshake-refused`, where there was an answer.
 *
 * @category Server and client
 */
export interface RefusedHandshake {
  /** From 200 to 599. */
  readonly status: number;
  /** The fields of its head. */
  readonly headers: Headers;
  /** As much of its body as `clientConnectionError` can read, as UTF-8; empty for none. */
  readonly body: string;
}

/**
 * Connecting by a promise: a member of {@linkcode Context}.
 *
 * @category Server and client
 */
export interface DialMember {
  /**
   * Connects as `clientConnect`, and resolves with the established connection. Callbacks come as ever,
   * `clientEstablished` before it resolves. What the server sends waits, pings included, for one macrotask behind that:
   * a loop over {@linkcode Wsi.messages} that is begun by then, so before anything else is awaited, misses nothing, even
   * what came along with the server's answer. With `service: "manual"` and `"external"` it goes on in service.
   *
   * `signal` and `retry` are for the dial alone: once it has resolved, the connection goes on whatever the signal says,
   * and no other one follows it. With `retry` it rejects when that has ended.
   *
   * A context that only dials needs no protocols: of one without, `wsi.protocol.name` is the subprotocol that the
   * server chose, or `"websocket"`, and what no loop takes is dropped.
   *
   * Needs `--allow-net` for the address.
   *
   * @throws {LwsError} By a rejection: `handshake-refused`, with a {@linkcode RefusedHandshake} as its `cause` where an
   *   answer said so; `connect-failed` when there was no way to the server, or no answer in time; one of the
   *   `certificate-…` codes and `tls-handshake-failed`; `aborted`, whose `cause` is the signal's reason;
   *   `connection-closed` when a callback ends it before it resolves; `destroyed`; `invalid-argument`. The messages
   *   are those of `clientConnectionError`.
   *
   * @example
   * ```ts
   * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "@x/lws";
   *
   * await using server = createContext({
   *   port: 0,
   *   iface: "127.0.0.1",
   *   protocols: [{
   *     name: "count",
   *     callback: handlers({
   *       established(wsi) {
   *         for (let i = 1; i <= 3; i++) wsi.write(`${i}`);
   *         wsi.close(1000);
   *       },
   *     }),
   *   }],
   * });
   * await using client = createContext({ port: CONTEXT_PORT_NO_LISTEN });
   * const wsi = await client.dial(`ws://127.0.0.1:${server.port}`, { protocol: "count" });
   * const heard: unknown[] = [];
   * for await (const message of wsi.messages()) heard.push(message);
   * if (heard.join() !== "1,2,3") throw new Error("missed some");
   * ```
   */
  dial(url: string | URL, options?: ClientConnectOptions): Promise<Wsi>;
  /**
   * The same by `struct lws_client_connect_info`.
   *
   * @throws {LwsError} As above, by a rejection.
   */
  dial(info: ClientConnectInfo): Promise<Wsi>;
}
