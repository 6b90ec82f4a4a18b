/** Where a context listens and whom it takes its peers for: the members of the creation struct. */

import { type ProxyTrust, readProxyTrust, type TrustProxy } from "./core/forwarded_for.ts";
import { parseIpLiteral } from "./core/ip_address.ts";
import type { StreamListener } from "./transport/tcp.ts";

/** A {@linkcode ListenInfo.port} that makes a client-only context. */
export const CONTEXT_PORT_NO_LISTEN: -1 = -1;

/** Members of the creation struct for listening. */
export interface ListenInfo {
  /**
   * The port to listen on, 1 to 65,535; 0 takes a free one; {@linkcode CONTEXT_PORT_NO_LISTEN} makes
   * a client-only context. May be left out with `socketPath`, `listenFd` and `listener`, and is 0 then.
   */
  readonly port?: number;
  /**
   * The IP address to listen on (IPv6 also in brackets or with a zone), or a host name, or the name of a network interface such as `"eth0"`,
   * which is looked up with `--allow-sys=networkInterfaces` and listens on its first address, IPv4
   * before IPv6. `"::"` takes IPv4 as well. Clients of a context that does not listen connect from there;
   * it is an address or an interface then.
   *
   * @default {"0.0.0.0"}
   */
  readonly iface?: string | null;
  /**
   * A unix socket to listen on, by its path; with `@` in front it is a name of Linux's abstract
   * namespace. A file that nobody listens on any more is replaced. Needs `--allow-read` and
   * `--allow-write` for the file, and `--allow-net`. Peers have no address there, and
   * `maxConnectionsPerAddress` does not count them.
   */
  readonly socketPath?: string;
  /** The permissions of the unix socket's file, such as `0o660`. @default what the umask leaves */
  readonly socketMode?: number;
  /**
   * A listening socket that the program was started with, by its descriptor, as in systemd's socket
   * activation, whose first one is 3. Needs no permission.
   */
  readonly listenFd?: number;
  /** A listener that is open already, such as a `Deno.TcpListener`. The context closes it. */
  readonly listener?: StreamListener;
  /**
   * Whether every connection that is accepted begins with a header of HAProxy's PROXY protocol, version
   * 1 or 2, which says who the peer is from then on, to `filterNetworkConnection` and
   * `maxConnectionsPerAddress`, too. One that does not, or not within `headerTimeoutMs`, is dropped: turn
   * it on only where nobody but the proxy can connect.
   *
   * @default {false}
   */
  readonly proxyProtocol?: boolean;
  /**
   * Which proxies in front are believed when they say by `X-Forwarded-For` who the peer is: `true`
   * for all, a number of them counted from the socket (beside `proxyProtocol`: from whom its header
   * names, who may be the client), or their addresses and ranges, such as
   * `["10.0.0.0/8", "::1"]`, with `"unix:"` for who comes by a unix socket. It counts from each request
   * on: `filterNetworkConnection` and `maxConnectionsPerAddress` come before, and know the proxy alone.
   * By `X-Forwarded-Proto: https` they say that a browser's own origin is one with TLS.
   *
   * @default {false}
   */
  readonly trustProxy?: TrustProxy;
}

/** The members, for the check of unknown ones. */
export const LISTEN_FIELDS: ReadonlySet<string> = new Set<keyof ListenInfo>([
  "port",
  "iface",
  "socketPath",
  "socketMode",
  "listenFd",
  "listener",
  "proxyProtocol",
  "trustProxy",
]);

/** They, checked and complete. */
export interface CheckedListenInfo {
  readonly port: number;
  /** Undefined for all addresses. */
  readonly iface: string | undefined;
  readonly path: string | undefined;
  readonly mode: number | undefined;
  readonly fd: number | undefined;
  readonly listener: StreamListener | undefined;
  readonly proxyProtocol: boolean;
  /** Undefined when no proxy is believed. */
  readonly proxyTrust: ProxyTrust | undefined;
}

type Complain = (field: string, value: unknown, allowed: string) => void;

/** Checks and completes the members. */
export function checkListenInfo(info: ListenInfo, complain: Complain): CheckedListenInfo {
  const { socketPath, socketMode, listenFd, listener, proxyProtocol = false } = info;
  const others = { socketPath, listenFd, listener };
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const port = info.port ?? (given.length > 0 ? 0 : info.port);
  const isPort = Number.isInteger(port) && port! >= CONTEXT_PORT_NO_LISTEN && port! <= 65_535;
  if (!isPort) complain("port", port, "an integer from 0 to 65535, or CONTEXT_PORT_NO_LISTEN");
  for (const [index, [field, value]] of given.entries()) {
    if (index > 0) complain(field, value, `nothing beside ${given[0]![0]}`);
    else if (isPort && port !== 0) complain("port", port, `0 beside ${field}`);
  }
  const iface = info.iface ?? undefined;
  if (iface !== undefined && (typeof iface !== "string" || iface === "")) {
    complain("iface", iface, "an IP address, a host name or the name of an interface");
  } else if (iface !== undefined && given.length > 0) {
    complain("iface", iface, `nothing beside ${given[0]![0]}`);
  }
  if (socketPath !== undefined && (typeof socketPath !== "string" || socketPath === "")) {
    complain("socketPath", socketPath, "a path");
  }
  const isMode = Number.isInteger(socketMode) && socketMode! >= 0 && socketMode! <= 0o777;
  if (socketMode !== undefined && (!isMode || socketPath === undefined)) {
    complain("socketMode", socketMode, "0 to 0o777, beside socketPath");
  }
  if (listenFd !== undefined && (!Number.isInteger(listenFd) || listenFd < 0)) {
    complain("listenFd", listenFd, "a descriptor, from 0 on");
  }
  const methods = ["accept", "close"] as const;
  if (listener !== undefined && methods.some((each) => typeof listener?.[each] !== "function")) {
    complain("listener", listener, "an object with accept, close");
  }
  if (typeof proxyProtocol !== "boolean") complain("proxyProtocol", proxyProtocol, "true or false");
  return {
    port: port ?? CONTEXT_PORT_NO_LISTEN,
    iface: typeof iface === "string" ? parseIpLiteral(iface)?.host ?? iface : undefined,
    path: socketPath,
    mode: socketMode,
    fd: listenFd,
    listener,
    proxyProtocol,
    proxyTrust: checkTrust(info.trustProxy, complain),
  };
}

function checkTrust(trust: TrustProxy | undefined, complain: Complain): ProxyTrust | undefined {
  if (trust === undefined || trust === false) return undefined;
  const allowed = "a boolean, a number of proxies, or a list of addresses and ranges";
  const isKnown = trust === true || typeof trust === "number" ||
    (Array.isArray(trust) && trust.every((each) => typeof each === "string"));
  if (!isKnown) {
    complain("trustProxy", trust, allowed);
    return undefined;
  }
  try {
    return readProxyTrust(trust);
  } catch (error) {
    complain("trustProxy", trust, `${allowed} (${(error as Error).message})`);
    return undefined;
  }
}
