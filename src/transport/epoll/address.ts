/** Addresses as libc has them, and back. */

import { isIPv4 } from "node:net";
import type { Address } from "../../api/network.ts";
import type { Libc } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  cString,
  SOCKADDR_IN6_SIZE,
  SOCKADDR_IN_SIZE,
} from "./structs.ts";

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET) {
    return {
      hostname: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`,
      port: view.getUint16(2),
    };
  }
  if (family !== AF_INET6) return NO_ADDRESS;
  // Without its zone, as the runtime tells it.
  return { hostname: libc.inet_ntop(AF_INET6, bytes.subarray(8, 24)), port: view.getUint16(2) };
}

export const NO_ADDRESS: Address = Object.freeze({ hostname: "", port: 0 });
