/** Making sockets, and their addresses: what listening and connecting have in common. */

import { isIPv4, isIPv6 } from "node:net";
import type { Address, NetworkTarget } from "../../api/network.ts";
import {
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "./constants.ts";
import { must } from "./failure.ts";
import type { Libc } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  cString,
  int,
  LINGER_NOT,
  SOCKADDR_IN6_SIZE,
  SOCKADDR_IN_SIZE,
} from "./structs.ts";

/**
 * A stream socket of a family, non-blocking.
 *
 * @throws {Error} such as `EMFILE`
 */
export function openSocket(libc: Libc, family: number): number {
  return must(
    libc,
    "socket",
    libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
  );
}

/** Runs `work` with a descriptor; when that throws, the descriptor is closed. */
export function orClose<T>(libc: Libc, fd: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Sets an option whose value is an `int`. @throws {Error} when the system refuses */
export function setOption(
  libc: Libc,
  fd: number,
  level: number,
  name: number,
  value: number,
): void {
  must(libc, "setsockopt", libc.setsockopt(fd, level, name, int(value), 4));
}

/** What every connection over TCP has; one that was reset before fails in its first read, too. */
export function tune(
  libc: Libc,
  fd: number,
  { keepAlive }: Pick<NetworkTarget, "keepAlive">,
): void {
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, ON.length);
  if (keepAlive === undefined || keepAlive === false) return;
  libc.setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, ON, ON.length);
  if (keepAlive === true) return;
  const times = [
    [TCP_KEEPIDLE, keepAlive.idleSeconds],
    [TCP_KEEPCNT, keepAlive.probes],
    [TCP_KEEPINTVL, keepAlive.intervalSeconds],
  ] as const;
  for (const [name, value] of times) libc.setsockopt(fd, IPPROTO_TCP, name, int(value), 4);
}

const ON = int(1);

/** Has closing it reset the connection, whatever is unsent. */
export function resetAtClose(libc: Libc, fd: number): void {
  libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, LINGER_NOT, LINGER_NOT.length);
}

export function familyOf(ip: string): number {
  return isIPv6(ip) ? AF_INET6 : AF_INET;
}

/**
 * `struct sockaddr_in` or `struct sockaddr_in6` of an IP address, which may have a zone (RFC 4007 section 11)
 * behind a `%`.
 *
 * @throws {Error} when the zone is no interface
 */
export function inetAddress(libc: Libc, ip: string, port: number): Uint8Array {
  if (isIPv4(ip)) {
    const bytes = new Uint8Array(SOCKADDR_IN_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    ip.split(".").forEach((part, i) => bytes[4 + i] = Number(part));
    return bytes;
  }
  const [address, zone] = ip.split("%");
  const bytes = new Uint8Array(SOCKADDR_IN6_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  const parsed = new Uint8Array(16);
  if (libc.inet_pton(AF_INET6, cString(address!), parsed) !== 1) {
    throw new TypeError(`${ip} is no IP address`);
  }
  bytes.set(parsed, 8);
  if (zone !== undefined) view.setUint32(24, scopeOf(libc, zone), true);
  return bytes;
}

function scopeOf(libc: Libc, zone: string): number {
  const scope = /^\d+$/.test(zone) ? Number(zone) : libc.if_nametoindex(cString(zone));
  if (scope === 0) throw new Error(`there is no interface ${zone}`);
  return scope;
}

/** `struct sockaddr_un`: of a file, with a NUL behind it, or of an abstract name, whose length counts. */
export function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  const isAbstract = name[0] === 0;
  const bytes = new Uint8Array(2 + name.length + (isAbstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  return bytes;
}

/** The end of a connection that the kernel has written; empty for a unix socket. */
export function addressFrom(libc: Libc, bytes: Uint8Array): Address {
  const ip = ipv4From(bytes);
  if (ip !== undefined) return ipv4Address(ip, portFrom(bytes));
  if (familyFrom(bytes) !== AF_INET6) return NO_ADDRESS;
  // Without its zone, as the runtime tells it.
  return { hostname: libc.inet_ntop(AF_INET6, bytes.subarray(8, 24)), port: portFrom(bytes) };
}

/** The same of an IPv4 address as a number, with a sign; undefined for others. */
export function ipv4From(bytes: Uint8Array): number | undefined {
  if (familyFrom(bytes) !== AF_INET) return undefined;
  return bytes[4]! << 24 | bytes[5]! << 16 | bytes[6]! << 8 | bytes[7]!;
}

/** An IPv4 address from its number. */
export function ipv4Address(ip: number, port: number): Address {
  return { hostname: `${ip >>> 24}.${ip >> 16 & 255}.${ip >> 8 & 255}.${ip & 255}`, port };
}

export function portFrom(bytes: Uint8Array): number {
  return bytes[2]! << 8 | bytes[3]!;
}

function familyFrom(bytes: Uint8Array): number {
  return bytes[0]! | bytes[1]! << 8;
}

export const NO_ADDRESS: Address = Object.freeze({ hostname: "", port: 0 });
