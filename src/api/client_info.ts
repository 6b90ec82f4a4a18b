/** What `clientConnect` is given: a URL and options, or `struct lws_client_connect_info`. */

import type { RetryOptions } from "./client/retry.ts";
import type { Draft04Masking, WireVersion } from "../core/websocket/wire_version.ts";

/**
 * What goes with the URL that {@linkcode Context.clientConnect} is given.
 *
 * @category Server and client
 * @example
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "@x/lws";
 *
 * await using server = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
 * });
 * const answer = Promise.withResolvers<string>();
 * await using client = createContext({
 *   port: CONTEXT_PORT_NO_LISTEN,
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({
 *       clientEstablished: (wsi) => void wsi.write("hello"),
 *       message: (_wsi, _user, message) => answer.resolve(String(message)),
 *       clientConnectionError: (_wsi, _user, why) => answer.reject(new Error(why)),
 *     }),
 *   }],
 * });
 * client.clientConnect(`ws://127.0.0.1:${server.port}/room?a=b`, {
 *   protocol: "echo",
 *   headers: { "x-token": "42" },
 *   signal: AbortSignal.timeout(10_000),
 * });
 * if (await answer.promise !== "hello") throw new Error("no echo");
 * ```
 */
export interface ClientConnectOptions {
  /** The unix socket to connect to, in place of address and port, or of those in the URL. */
  readonly socketPath?: string;
  /**
   * The IP address or the network interface of this machine to connect from; for a name see the
   * `iface` of `createContext`.
   *
   * Default: the context's, if that does not listen; else the system's choice.
   */
  readonly iface?: string;
  /**
   * What goes into the `Host` header, as it is, but that IPv6 has brackets there and no zone.
   *
   * Default: the address, and the port unless it is 80, or 443 with TLS.
   */
  readonly host?: string;
  /**
   * What goes into the `Origin` header, which is called `Sec-WebSocket-Origin` in the versions 4 to 8.
   *
   * Default: no such header; in version 0, which can't do without, `http://` or `https://` and the `host`.
   */
  readonly origin?: string;
  /**
   * Whether `wsi.tls` tells the server's certificate, version and cipher, which takes
   * `node:tls`. Without an effect where that is used anyway, and without TLS.
   *
   * Default: `false`.
   */
  readonly peerCertificate?: boolean;
  /**
   * The host that the server's certificate has to be for, and that is asked for (SNI).
   *
   * Default: the host name of `host`.
   */
  readonly serverName?: string;
  /**
   * The subprotocols to ask for, as a list or joined by commas, the best first. One that the server
   * chooses must be a protocol of the context; if it chooses none, the first protocol is used.
   *
   * Default: none.
   */
  readonly protocol?: string | readonly string[] | null;
  /** The connection's `user`, in place of the protocol's per-session data. */
  readonly userdata?: unknown;
  /** More header fields of the request: a `Headers`, an object, or pairs of a name and a value. */
  readonly headers?: Iterable<readonly [string, string]> | Readonly<Record<string, string>>;
  /**
   * The version of the protocol to speak, whatever the context's own servers do: 13, which is RFC 6455, or one
   * of the drafts 0 and 4 to 8; −1 is the newest. `docs/guide/old-wire-versions.md` tells what these lack.
   * `"hixie-75"` is for servers only. Version 0 asks for one subprotocol at most, and for no extension.
   *
   * Default: `13`.
   */
  readonly version?: Exclude<WireVersion, "hixie-75"> | -1;
  /**
   * How a client of version 4 masks, as {@linkcode WireInfo.draft04Masking} says it for servers. Without an
   * effect with other versions.
   *
   * Default: `"draft"`.
   */
  readonly draft04Masking?: Draft04Masking;
  /**
   * Ends the client when it aborts: one that is connecting gets `clientConnectionError`, a WebSocket is closed with
   * 1000 as by `wsi.close`. When it has aborted before, `clientConnect` throws `aborted`.
   *
   * Default: none.
   */
  readonly signal?: AbortSignal;
  /**
   * How many redirects to follow: 301, 302, 303, 307 and 308 with a `Location`, whose `http:` and `https:` mean
   * `ws:` and `wss:`; 0 to 20, and one more fails the connection. The connection stays the same one, whose requests
   * have a `clientAppendHandshakeHeader` and the time of `clientTimeoutMs` each. None leads from `wss:` to `ws:`,
   * nor away from a `socketPath`. Another origin gets neither the user of the URL nor the fields `authorization`,
   * `cookie` and `proxy-authorization`, and `host`, `serverName` and `ssl: 2` count for the first one alone.
   *
   * Default: `5` with a URL, `0` with the struct.
   */
  readonly redirects?: number;
  /**
   * Connects again whenever the connection has ended, or was not established: true for the defaults of
   * {@linkcode RetryOptions}. Each attempt is a connection of its own, with reasons as any, and `user` goes on from
   * one to the next: `perSessionData` is called once, unless a server chooses another protocol. Between them the
   * program hears `clientRetry`, which may say no. Everything starts from the URL again, redirects included.
   *
   * Not tried again: what this end has closed or refused itself (`wsi.close`, `signal`, what a callback returned or
   * threw, `context.destroy`), a close with 1008, and an answer from 400 to 499 but for 408, 425 and 429. `Retry-After`
   * of an answer is waited for, up to an hour; after 1013 the delay is the last of the list.
   *
   * `wsi.close()` on a connection of the client that has ended returns 0 and ends the client, while it waits or
   * connects; so does `signal`. Of that nothing more is told where it waits, as the connection before has ended.
   *
   * Default: `false`.
   */
  readonly retry?: boolean | RetryOptions;
  /**
   * With `wss:` alone: 2 forgives a self-signed certificate, and nothing else about it; see
   * {@linkcode ClientConnectInfo.ssl}.
   *
   * Default: 1 with `wss:`.
   */
  readonly ssl?: 1 | 2;
}

/**
 * Where a client connects and what it asks for (`struct lws_client_connect_info`), in place of a URL for
 * {@linkcode Context.clientConnect}.
 *
 * @category Server and client
 * @example
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "@x/lws";
 *
 * await using server = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
 * });
 * const answer = Promise.withResolvers<string>();
 * await using client = createContext({
 *   port: CONTEXT_PORT_NO_LISTEN,
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({
 *       clientEstablished: (wsi) => void wsi.write("hello"),
 *       message: (_wsi, _user, message) => answer.resolve(String(message)),
 *       clientConnectionError: (_wsi, _user, why) => answer.reject(new Error(why)),
 *     }),
 *   }],
 * });
 * client.clientConnect({ address: "127.0.0.1", port: server.port, protocol: "echo" });
 * if (await answer.promise !== "hello") throw new Error("no echo");
 * ```
 */
export interface ClientConnectInfo extends Omit<ClientConnectOptions, "ssl"> {
  /**
   * The host name or IP address to connect to. IPv6 may be in brackets, as `URL.hostname` has it, and
   * may have a zone (`fe80::1%eth0`, in brackets also with `%25` as in RFC 6874). The addresses of a name
   * are tried as RFC 8305 says, 250 ms apart. May be left out with `socketPath`.
   */
  readonly address?: string;
  /** 1 to 65,535. May be left out with `socketPath`. */
  readonly port?: number;
  /** Path and query of the request. Default: `"/"`. */
  readonly path?: string;
  /**
   * 0 connects with `ws`, 1 with `wss`, 2 with `wss` that forgives a self-signed certificate, and
   * nothing else about it.
   *
   * 1 is the runtime's own TLS, the faster one, where the context has no authorities of its own, no
   * certificate, no `disableOsCaCerts` and no `network`, and neither `iface`, `socketPath` nor
   * `peerCertificate` is given; everything else is `node:tls`. Both trust the runtime's authorities, and
   * check the same; only `node:tls` takes a certificate as its own authority, by `sslCaFilepath`.
   *
   * Default: `0`.
   */
  readonly ssl?: 0 | 1 | 2;
}
