/** Listening, and what went wrong in the library's own words. */

import type { CheckedListenInfo } from "./listen_info.ts";
import { adoptListener, type StreamListener } from "./transport/tcp.ts";
import { interfaceAddresses } from "./transport/interfaces.ts";
import { LwsError } from "./errors.ts";
import type { Listener, Network, NetworkTarget } from "./transport/transport.ts";
import { TransportError } from "./transport/transport_error.ts";

/**
 * Listens.
 *
 * @throws {LwsError} `address-in-use`, `permission-denied`, `invalid-option` or `listen-failed`.
 */
export function listen(network: Network, target: NetworkTarget): Listener {
  try {
    return network.listen(target);
  } catch (cause) {
    // It has said what is wrong already, and to whom.
    if (cause instanceof TransportError) throw new LwsError(cause.code, cause.message, { cause });
    const where = describe(target);
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "AddrInUse" || code === "address-in-use") {
      throw new LwsError("address-in-use", `${where} is in use; free it or listen on another`, {
        cause,
      });
    }
    if (isPermissionError(cause)) {
      const file = target.path === undefined ? "" : ", --allow-read and --allow-write for the file";
      throw new LwsError(
        "permission-denied",
        `may not listen on ${where}; run with --allow-net${file}`,
        { cause },
      );
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LwsError("listen-failed", `can't listen on ${where}: ${why}`, { cause });
  }
}

/** How the sockets of a context's listener are. */
export interface ListenOptions {
  readonly disableIpv6: boolean;
  readonly keepAlive: boolean;
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
  const { port, path, mode, fd, listener } = info;
  if (listener !== undefined) return adopt(listener, options);
  return listen(network, { hostname: hostnameOf(info, options), port, path, mode, fd, ...options });
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
  const adopted = adoptListener(listener, keepAlive);
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
    if (!(cause instanceof TransportError)) throw cause;
    throw new LwsError(cause.code, `iface: ${cause.message}`, { cause });
  }
}

function describe({ hostname, port, path, fd }: NetworkTarget): string {
  if (fd !== undefined) return `descriptor ${fd}`;
  return path === undefined ? `${hostname} port ${port}` : `the unix socket ${path}`;
}

/** Whether the runtime or the system has denied something. */
export function isPermissionError(error: unknown): boolean {
  const { name } = error as { name?: string };
  return name === "NotCapable" || name === "PermissionDenied";
}
