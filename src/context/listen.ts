/** Where a context listens: the members of its creation struct for that, as a listener. */

import type { Listener, Network, StreamListener, TcpKeepAlive } from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import type { ProxyTrust } from "../proxy/forwarded_for.ts";
import { interfaceAddresses } from "../transport/interfaces.ts";
import { listen } from "../transport/listen.ts";
import { adoptListener } from "../transport/network.ts";

/** Those members, checked and complete. */
export interface CheckedListenInfo {
  readonly port: number;
  /** Undefined for all addresses. */
  readonly iface: string | undefined;
  readonly path: string | undefined;
  readonly mode: number | undefined;
  readonly fd: number | undefined;
  readonly listener: StreamListener | undefined;
  readonly reusePort: boolean;
  readonly ipv6Only: boolean;
  readonly proxyProtocol: boolean;
  /** Undefined when no proxy is believed. */
  readonly proxyTrust: ProxyTrust | undefined;
}

/** How the sockets of a context's listener are. */
export interface ListenOptions {
  readonly disableIpv6: boolean;
  readonly keepAlive: boolean | TcpKeepAlive;
}

/**
 * Listens where a creation struct says.
 *
 * @throws {LwsError} as {@linkcode listen}
 */
export function listenAs(
  network: Network,
  info: CheckedListenInfo,
  options: ListenOptions,
): Listener {
  const { port, path, mode, fd, reusePort, ipv6Only } = info;
  if (info.listener !== undefined) return adopt(info.listener, options);
  const hostname = hostnameOf(info, options);
  const place = { hostname, port, path, mode, fd };
  const listener = listen(network, { ...place, reusePort, ipv6Only, ...options });
  if (!ipv6Only || listener.address.hostname.includes(":")) return listener;
  listener.close();
  throw new LwsError(
    "invalid-option",
    `ipv6Only is true; allowed: false on ${hostname}, which is IPv4`,
  );
}

/**
 * Looks whether there is an interface to connect from.
 *
 * @throws {LwsError} `invalid-option` when there is none; `permission-denied`.
 */
export function checkSource(iface: string, disableIpv6: boolean): void {
  addressesOf(iface, disableIpv6);
}

function adopt(listener: StreamListener, { disableIpv6, keepAlive }: ListenOptions): Listener {
  const adopted = adoptListener(listener, keepAlive !== false);
  const { hostname } = adopted.address;
  if (!disableIpv6 || !hostname.includes(":") || hostname.startsWith("unix:")) return adopted;
  throw new LwsError(
    "invalid-option",
    `listener is on ${hostname}, which is IPv6, and options.disableIpv6 turns that off`,
  );
}

function hostnameOf({ iface }: CheckedListenInfo, { disableIpv6 }: ListenOptions): string {
  if (iface === undefined) return "0.0.0.0";
  try {
    return addressesOf(iface, disableIpv6)[0]!;
  } catch (error) {
    // Interfaces may have dots in their names, too, but most often it is a host then.
    if (iface === "localhost" || /^[^:]*\.[^:]*$/.test(iface)) return iface;
    throw error;
  }
}

function addressesOf(iface: string, disableIpv6: boolean): string[] {
  try {
    return interfaceAddresses(iface, { disableIpv6 });
  } catch (cause) {
    if (!(cause instanceof LwsError)) throw cause;
    throw new LwsError(cause.code, `iface: ${cause.message}`, { cause });
  }
}
