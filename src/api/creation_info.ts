/** What `createContext` is given (`struct lws_context_creation_info`). */

import type { FetchInfo } from "./creation/fetch_info.ts";
import type { RateInfo } from "./creation/rate_info.ts";
import type { TokenLimits } from "./creation/token_limits.ts";
import type { WireInfo } from "./creation/wire_info.ts";
import type { Extension, ExtensionStruct } from "./extension.ts";
import type { FileOps } from "./file_ops.ts";
import type { KeepAliveKind, Limits } from "./limits.ts";
import type { Network, StreamListener } from "./network.ts";
import type { Protocol } from "./protocol.ts";
import type { Clock } from "./service.ts";
import type { TlsMembers } from "./tls.ts";
import type { TopicInfo } from "./topics/limits.ts";

/**
 * What runs the callbacks of a context; see {@linkcode ContextCreationInfo.service}.
 *
 * @category Service
 */
export type ServicePolicy = "automatic" | "manual" | "external";

/**
 * How a context is made (`struct lws_context_creation_info`). Beside the members below it has those of
 *
 * - {@linkcode ListenInfo}, where it listens and which proxies it believes: `port`, `iface`,
 *   `socketPath`, `socketMode`, `listenFd`, `listener`, `reusePort`, `ipv6Only`, `proxyProtocol`,
 *   `trustProxy`;
 * - {@linkcode TlsMembers}: `sslCertFilepath`, `sslPrivateKeyFilepath`, `sslPrivateKeyPassword`,
 *   `sslCaFilepath`, `sslCipherList`, `sslTls13Ciphers`, `sslMinVersion`, `sslMaxVersion`,
 *   `sslGroups`, `certificates`, `providedClientTls`;
 * - {@linkcode PlatformInfo}, switches, the way out through a proxy, rights and pings: `options`,
 *   `httpProxyAddress`, `httpProxyPort`, `gid`, `uid`, `kaTime`, `kaProbes`, `kaInterval`,
 *   `keepAlive`;
 * - {@linkcode FetchInfo}, the web's own way to answer: `fetch`;
 * - {@linkcode WireInfo}, what servers speak: `versions`, `draft04Masking`, `subprotocols`;
 * - {@linkcode TopicInfo}, topics: `topics`, `broker`;
 * - {@linkcode Limits}, all that a peer can do, each with a default: `maxHeaderBytes`,
 *   `maxHeaderFields`, `headerTimeoutMs`, `contentTimeoutMs`, `minBodyRate`, `sendTimeoutMs`,
 *   `keepAliveTimeoutMs`, `maxBodySize`, `maxDrainBytes`, `maxFramePayload`, `maxMessageSize`,
 *   `maxFragments`, `maxEmptyFragments`, `softUnsentBytes`, `maxUnsentBytes`, `closeTimeoutMs`,
 *   `maxBufferedBytes`, `clientTimeoutMs`, `maxConnections`, `maxConnectionsPerAddress`,
 *   `maxPendingHandshakes`, `maxLoopLagMs`, `maxMessagesPerSecond`, `maxBytesPerSecond`,
 *   `maxHandshakesPerSecond`, `idleTimeoutMs`, `messageTimeoutMs`, `maxLifetimeMs`,
 *   `spreadMs`;
 * - {@linkcode RateInfo}, what becomes of a peer that sends too fast: `rateExcess`.
 *
 * @category Server and client
 */
export interface ContextCreationInfo
  extends FetchInfo, Partial<Limits>, ListenInfo, PlatformInfo, RateInfo, TopicInfo, WireInfo {
  /**
   * The protocols, the first of which gets all of HTTP. The list ends at the first entry whose
   * callback is null, if there is one. With {@linkcode mounts} or `fetch` it may be left out or empty: then there
   * are no WebSockets, which `fetch` answers or are refused with 403, and what no mount has is for `fetch` or is 404. It
   * may be as well where `port` is {@linkcode CONTEXT_PORT_NO_LISTEN}: then whatever a server chooses is taken.
   */
  readonly protocols?: readonly Protocol[];
  /**
   * Folders that are served without a callback, to GET and HEAD, behind `filterHttpConnection` and before
   * `http`. Of several whose paths a request is below, the longest one counts. It answers with a file, or
   * with the index of a folder; a folder without a slash at its end is redirected to it with 301. Types go by the
   * ending of the name, and each file has an `ETag`, a date and ranges, as with `wsi.serveHttpFile`;
   * `httpFileCompletion` follows. A request that it has nothing for goes on to the first protocol's `http`, as all
   * do with other methods. Where `handlers` without `http` are, or no protocol, those are answered
   * 404 and 405.
   *
   * There is nothing for paths with `..`, an encoded slash or a backslash, in whatever form, for names that
   * begin with a dot, for symbolic links that lead out of the folder, and for what is no regular file. Needs
   * `--allow-read` for the folders.
   *
   * Default: none.
   *
   * @example
   * ```ts
   * import { createContext } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   mounts: [{ path: "/", folder: "examples/demo/public" }],
   * });
   * ```
   */
  readonly mounts?: readonly Mount[];
  /**
   * Whether files of text types, from 1 KiB on, are compressed on the way to clients that accept it, with gzip or,
   * for those that want it more, Brotli: what {@linkcode mounts} and `wsi.serveHttpFile` send, but no range of
   * it, and nothing with a `Cache-Control` of `no-transform`. Up to 64 are at a time, as each takes 0.5
   * MiB with gzip and 1 MiB with Brotli while it is sent; others leave as they are. What is sent often costs less with
   * {@linkcode Mount.precompressed}. Other answers are the program's own: compressing a secret together with what
   * a client has sent gives it away (BREACH).
   *
   * Default: `false`.
   */
  readonly compression?: boolean;
  /**
   * Origins other than the server's own from which browsers may connect, such as
   * `"https://example.com"`; `"*"` allows all.
   *
   * Default: none.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Whether a client that closes its sending half still gets what has not been answered yet. A client
   * that has gone looks the same, so that by default a request whose program is not done with it, or
   * whose answer has come to rest, ends there with `closedHttp`; what is on its way is still sent. A
   * stream that `respond` sends is at rest when its source has given nothing for a second.
   *
   * Default: `false`.
   */
  readonly halfOpenHttp?: boolean;
  /**
   * The extensions that servers accept and clients offer, such as {@linkcode permessageDeflate} or the
   * structs of {@linkcode callbackExtension}. A connection uses all that both sides have and that go
   * together; a server that sends applies the first one first. Of several that compress it uses one,
   * so list the most wanted first. The list ends at the first struct whose callback is null, if there
   * is one.
   *
   * Default: none.
   */
  readonly extensions?: readonly (Extension | ExtensionStruct)[] | null;
  /**
   * How many characters of which headers the program gets to see, by token. A longer value is cut
   * there, with a "warn" line in the log, and the connection goes on; 0 empties the header. It counts
   * for what programs read: `hdrCopy`, `hdrCopyFragment`, `hdrValues`, `hdrTotalLength`, `hdrSnapshot`,
   * `rawUri`, `cookie`, `uriArg` and `uriArgs`; the library itself sees whole values, and so are `wsi.uri`
   * and the `data` of `http`.
   *
   * Default: none is limited.
   */
  readonly tokenLimits?: TokenLimits | null;
  /**
   * The methods of requests that reach the program; any other one is answered 501, before a callback hears
   * of it. A list has all of them, so that it may also be shorter than the default; names are
   * case-sensitive tokens of at most 32 characters. `"GET"` has to be among them, as WebSockets begin with
   * it. With `"any"` the program itself answers what it doesn't know, as with 405 or 501.
   *
   * CONNECT never gets through, since behind its answer a tunnel would begin: with `"any"` it is 501, in a
   * list it is refused. The target `*` is for OPTIONS alone (RFC 9112 section 3.2.4). Methods outside the
   * default have no token such as `"get uri"`: `wsi.method` and `wsi.uri` say what was asked for. A body
   * comes to `httpBody`, whatever the method.
   *
   * Default: `["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]`.
   */
  readonly methods?: "any" | readonly string[];
  /**
   * Whether other processes may broadcast, with {@linkcode connectBroadcast}: every protocol gets a
   * listener on 127.0.0.1 with a port and a token of its own, which the context's `protocols` tell.
   * A connection that does not send the token within `headerTimeoutMs` is dropped, and so is one that
   * sends a message above `maxMessageSize`.
   *
   * Default: `false`.
   */
  readonly broadcastSockets?: boolean;
  /** How `serveHttpFile` gets at files. Default: `hostFileOps()`. */
  readonly fileOps?: FileOps;
  /** Free for the program; `context.user` gives it back. */
  readonly user?: unknown;
  /**
   * What runs the callbacks, and when. `"automatic"`: the runtime, as soon as there is something.
   * `"manual"`: only calls of `context.service`. `"external"`: the same, and the program's own event
   * loop is told what to watch by `addPollFd` and its like; bytes, too, leave only when it says so. The
   * PROXY protocol's header and a CONNECT with its answer are read and written without service.
   *
   * Default: `"automatic"`.
   */
  readonly service?: ServicePolicy;
  /** Destroys the context when it aborts. Default: none. */
  readonly signal?: AbortSignal;
  /** The network; tests use the one of `@x/lws/testing`. Default: the operating system's TCP. */
  readonly network?: Network;
  /** The clock; tests use the one of `@x/lws/testing`. Default: the runtime's. */
  readonly clock?: Clock;
}

/**
 * Switches of a context (the `LWS_SERVER_OPTION_…` bits); all are off by default.
 *
 * @category Server and client
 */
export interface ContextOptions {
  /**
   * Clients send their frames without masking, and servers take them either way. It breaks RFC 6455
   * section 5.1 and is for debugging and tests only. Default: `false`.
   */
  readonly defeatClientMask?: boolean;
  /**
   * A TLS server demands a client certificate that an authority of `sslCaFilepath`, or one that
   * `opensslLoadExtraServerVerifyCerts` adds, vouches for; `opensslPerformClientCertVerification` has the
   * last word. The runtime's own authorities vouch for servers only: without one of the context's own no
   * client's certificate is trusted, which the log says. Default: `false`.
   */
  readonly requireValidClientCert?: boolean;
  /** `context.canonicalHostname` is `"unknown"`. Default: `false`. */
  readonly skipServerCanonicalName?: boolean;
  /**
   * A TLS port takes plain HTTP and WebSockets as well; the first byte tells. A client without TLS is not
   * asked for a certificate. Default: `false`.
   */
  readonly allowNonSslOnSslPort?: boolean;
  /** Taken, with a line in the log: there is one event loop, the runtime's. Default: `false`. */
  readonly libev?: boolean;
  /** As {@linkcode libev}. Default: `false`. */
  readonly libuv?: boolean;
  /** IPv4 only: names stand for their IPv4 addresses, and IPv6 addresses are refused. Default: `false`. */
  readonly disableIpv6?: boolean;
  /** Clients trust no authorities but `sslCaFilepath` and those that callbacks load. Default: `false`. */
  readonly disableOsCaCerts?: boolean;
  /**
   * Beside `requireValidClientCert`: a certificate is asked for, and clients with none or a bad one are
   * let in, too; `wsi.tls.authorized` tells. Default: `false`.
   */
  readonly peerCertNotRequired?: boolean;
}

/**
 * Members of the creation struct for TLS, proxies, privileges and TCP keep-alive.
 *
 * @category Server and client
 */
export interface PlatformInfo extends TlsMembers {
  /** Switches. Default: all are off. */
  readonly options?: ContextOptions | null;
  /**
   * The HTTP proxy through which clients connect, by CONNECT: `host:port`, `user:password@host:port` or
   * an `http://` URL. IPv6 is in brackets, and may have a zone. `context.setProxy` goes before it, and it
   * goes before the environment's `http_proxy`, which counts only where
   * `--allow-env=http_proxy,no_proxy` or more is given (no prompt is shown), spares what `no_proxy` lists
   * and this machine itself, and is not for a `network` of the program's own.
   *
   * Default: `null`.
   */
  readonly httpProxyAddress?: string | null;
  /** The port where that address, or what `setProxy` is given, has none; 0 is none. Default: `0`. */
  readonly httpProxyPort?: number | null;
  /**
   * The group to change to once the context listens, for the whole process and for good; −1 stays.
   * Needs `--allow-sys`, and root. Supplementary groups stay; clear them before the program starts, as by
   * `setpriv --clear-groups`.
   *
   * Default: `-1`.
   */
  readonly gid?: number | null;
  /** The user to change to, behind the group. Default: `-1`. */
  readonly uid?: number | null;
  /**
   * Seconds without a sign of life from the peer until it is probed, from 0 to 2,147,483; 0 never probes.
   * An established WebSocket, of a server or of a client, is probed by pings, whose pongs the program
   * doesn't see. Life is any byte that comes, and progress of a write that had to wait; a peer that takes
   * nothing for long is no matter of this, but of `maxUnsentBytes` and of the system's retransmissions.
   * The time rests while the program has stopped receiving. A time that is given, unlike the default,
   * switches TCP's own keep-alive on as well, with the system's times. (`ka_time` of
   * `lws_context_creation_info`, which is 0 by default.)
   *
   * Default: `60`.
   */
  readonly kaTime?: number | null;
  /**
   * Probes without an answer that end a connection, with the cause `"keepAlive"`; from 1 to 2,147,483
   * when `kaTime` is above 0. Without an effect while that is 0.
   *
   * Default: `3`.
   */
  readonly kaProbes?: number | null;
  /**
   * Seconds from probe to probe, and from the last one to the end, each counted from when the probe has
   * left; from 1 to 2,147,483 when `kaTime` is above 0. Without an effect while that is 0.
   *
   * Default: `10`.
   */
  readonly kaInterval?: number | null;
  /**
   * What probes: `"ping"`, as `kaTime` says; `"tcp"`, the system, by `SO_KEEPALIVE` with the three numbers as
   * its times, on every socket over TCP, whatever is spoken over it; `"both"`. A connection whose peer answers
   * none of TCP's probes breaks as by any fault of the network. The other two are refused over a network whose
   * `features` have no `"keepAliveTimes"` (only `@x/lws/epoll` can set them), beside a `listener`, and with
   * a `kaTime` or a `kaInterval` above 32,767 or `kaProbes` above 127, which TCP can't have. What
   * `context.adopt` is given has the system's own times.
   *
   * Default: `"ping"`.
   */
  readonly keepAlive?: KeepAliveKind;
}

/** The options, all of them there. */
export type CheckedOptions = Required<ContextOptions>;

/**
 * A folder that is served without a callback (`struct lws_http_mount`): see
 * {@linkcode ContextCreationInfo.mounts}. A member that is none is refused by name.
 *
 * @category Files and HTTP
 */
export interface Mount {
  /**
   * Where in the server's paths the folder is, as `/static`: `/static` itself and all below it, but not
   * `/staticfoo`. Written as it is read: decoded, without `%`. A slash at its end makes no difference.
   */
  readonly path: string;
  /**
   * The folder: a path, which is relative to the working directory, or a `file:` URL. It has to be there
   * when the context is made, and `--allow-read` has to cover it. It may be a symbolic link, and turned
   * round later; links inside of it can't lead out.
   */
  readonly folder: string | URL;
  /** What a folder is answered with, if it has a file of that name; `false` for nothing. Default: `"index.html"`. */
  readonly index?: string | false;
  /** The `Cache-Control` of the files, as `"max-age=3600"`. Default: none is sent. */
  readonly cacheControl?: string;
  /**
   * Whether a folder without an index is answered with a page that lists what is in it: up to 10,000
   * files and folders, each with its size and date. Default: `false`.
   */
  readonly listing?: boolean;
  /**
   * Whether names that begin with a dot are served and listed. Without it they are as if they weren't there,
   * but for those below `/.well-known/` (RFC 8615), which are meant to be found. Default: `false`.
   */
  readonly dotfiles?: boolean;
  /**
   * Which files are there compressed already: with `"gz"`, `app.js.gz` beside `app.js` is sent in its place to
   * clients that accept it, with `"br"` a `.br`. Among those that a client wants equally the first one of this
   * list is. Neither their age nor their content is compared. Default: `[]`.
   */
  readonly precompressed?: readonly ("br" | "gz")[];
  /**
   * Whether files of this mount are compressed on the way; see {@linkcode ContextCreationInfo.compression}.
   *
   * Default: what the context's option says.
   */
  readonly compression?: boolean;
}

/**
 * A {@linkcode ListenInfo.port} that makes a client-only context (`CONTEXT_PORT_NO_LISTEN`).
 *
 * @category Server and client
 */
export const CONTEXT_PORT_NO_LISTEN: -1 = -1;

/**
 * Members of the creation struct for listening.
 *
 * @category Server and client
 */
export interface ListenInfo {
  /**
   * The port to listen on, 1 to 65,535; 0 takes a free one; {@linkcode CONTEXT_PORT_NO_LISTEN} makes
   * a client-only context. May be left out with `socketPath`, `listenFd` and `listener`, and is 0 then.
   */
  readonly port?: number;
  /**
   * The IP address to listen on (IPv6 also in brackets or with a zone), or a host name, or the name of a
   * network interface such as `"eth0"`, which is looked up with `--allow-sys=networkInterfaces` and listens
   * on its first address, IPv4 before IPv6. `"::"` takes IPv4 as well, but with `ipv6Only`. Clients of a context that does not
   * listen connect from there; it is an address or an interface then.
   *
   * Default: `"0.0.0.0"`.
   */
  readonly iface?: string | null;
  /**
   * A unix socket to listen on, by its path; with `@` in front it is a name of Linux's abstract
   * namespace. The file of a socket on which no process listens any more is replaced. Needs `--allow-read` and
   * `--allow-write` for the file, and `--allow-net`. Peers have no address there, and
   * `maxConnectionsPerAddress` does not count them.
   */
  readonly socketPath?: string;
  /** The permissions of the unix socket's file, such as `0o660`. Default: what the umask leaves. */
  readonly socketMode?: number;
  /**
   * A listening socket that the program was started with, by its descriptor, as in systemd's socket
   * activation, where 3 is the first. Needs no permission.
   */
  readonly listenFd?: number;
  /** A listener that is open already, such as a `Deno.TcpListener`. The context closes it. */
  readonly listener?: StreamListener;
  /**
   * Whether other contexts, in workers and processes of the same user, may listen on the same port if they
   * have this as well (`SO_REUSEPORT`): Linux then spreads connections over all of them, and over those that
   * are left when one ends. See {@linkcode forkServiceLoop}, which can start as many.
   *
   * Over the network of `@x/lws/epoll` and, with `--unstable-net`, over the runtime's own TCP that costs
   * nothing. Without that flag connections are those of `node:net`, which are 20 to 30 % slower, and `iface`
   * is no host name. Refused where nothing is listened on, beside `socketPath`, `listenFd` and `listener`, over
   * a network that doesn't name it in `Network.features`, and by systems that can't.
   *
   * Default: `false`.
   */
  readonly reusePort?: boolean;
  /**
   * Whether an `iface` of IPv6, such as `"::"`, keeps IPv4 out (`IPV6_V6ONLY`), so that another context may
   * listen on the same port of IPv4. Refused for IPv4, beside `socketPath`, `listenFd` and `listener`, and over a
   * network that doesn't name it in `Network.features`, as the runtime's own TCP; that of `@x/lws/epoll` does.
   *
   * Default: `false`.
   */
  readonly ipv6Only?: boolean;
  /**
   * Whether every connection that is accepted begins with a header of HAProxy's PROXY protocol, version
   * 1 or 2. The address in it is the peer's from then on, for `filterNetworkConnection` and
   * `maxConnectionsPerAddress`, too. A connection without one, or not within `headerTimeoutMs`, is
   * dropped: turn it on only where no client can connect but by the proxy.
   *
   * Default: `false`.
   */
  readonly proxyProtocol?: boolean;
  /**
   * Which proxies in front are believed when they tell the client's address by `X-Forwarded-For`: `true`
   * for all, a number of them counted from the socket (beside `proxyProtocol`: from the address in its
   * header, which may be the client's), or their addresses and ranges, such as
   * `["10.0.0.0/8", "::1"]`, with `"unix:"` for peers on a unix socket. It counts from each request
   * on: `filterNetworkConnection` and `maxConnectionsPerAddress` come before, and know the proxy alone.
   * By `X-Forwarded-Proto: https` they tell that a browser's own origin is one with TLS.
   *
   * Default: `false`.
   */
  readonly trustProxy?: TrustProxy;
}

/**
 * Which proxies are believed: none; all; so many, counted from the socket; or those of these
 * addresses and ranges (`10.0.0.0/8`, `fd00::/8`, `::1`; `unix:` for peers on a unix socket). A field that
 * names more than 64 of them is not believed.
 *
 * @category Server and client
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * const callback = handlers({ http: (wsi) => void wsi.respond(200, wsi.peerAddresses.ip) });
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   trustProxy: ["127.0.0.0/8"],
 *   protocols: [{ name: "http", callback }],
 * });
 * const answer = await fetch(`http://127.0.0.1:${context.port}/`, {
 *   headers: { "x-forwarded-for": "203.0.113.7" },
 * });
 * if (await answer.text() !== "203.0.113.7") throw new Error("not believed");
 * ```
 */
export type TrustProxy = boolean | number | readonly string[];
