/**
 * The layouts of libc's structs, as Linux has them on x86-64 and arm64 (both little-endian). Each names
 * its C declaration; `verifyLayouts` of `libc` asks the kernel whether they are right.
 */

import { isIPv4 } from "node:net";
import type { Address } from "../../api/network.ts";
import type { Libc } from "./libc.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** `sizeof (struct sockaddr_un)`, the largest of the three. */
export const SOCKADDR_SIZE = 110;
/** `sizeof (struct sockaddr_in)`. */
const SOCKADDR_IN_SIZE = 16;
/** `sizeof (struct sockaddr_in6)`. */
const SOCKADDR_IN6_SIZE = 28;

/**
 * `struct epoll_event` in words of four bytes: packed on x86-64 (`__EPOLL_PACKED`), with `data` at a
 * multiple of eight elsewhere.
 */
export interface EpollEventLayout {
  readonly words: number;
  /** The first word of `data`; `events` is word 0. */
  readonly data: number;
}

export function epollEventLayout(arch: string): EpollEventLayout {
  return arch === "x86_64" ? { words: 3, data: 1 } : { words: 4, data: 2 };
}

/**
 * `struct addrinfo { int ai_flags, ai_family, ai_socktype, ai_protocol; socklen_t ai_addrlen;
 * struct sockaddr *ai_addr; char *ai_canonname; struct addrinfo *ai_next; }`
 */
export const ADDRINFO_SIZE = 48;
export const ADDRINFO_ADDRLEN = 16;
export const ADDRINFO_ADDR = 24;
export const ADDRINFO_NEXT = 40;

/** `struct pollfd`: `int fd; short events; short revents`. */
export const POLLFD_SIZE = 8;

/** `struct linger { int l_onoff; int l_linger; }`, on and without time: closing resets. */
export const LINGER_NOT: Uint8Array = new Uint8Array(Int32Array.of(1, 0).buffer);

/** An `int`, or a `socklen_t`. */
export function int(value: number): Uint8Array {
  return bytesOf(Int32Array.of(value));
}

/** The bytes of what libc writes numbers into. */
export function bytesOf(numbers: Int32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET) {
    return {
      hostname: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`,
      port: view.getUint16(2),
    };
  }
  if (family !== AF_INET6) return NO_ADDRESS;
  const scope = view.getUint32(24, true);
  const text = libc.inet_ntop(AF_INET6, bytes.subarray(8, 24));
  return { hostname: scope === 0 ? text : `${text}%${scope}`, port: view.getUint16(2) };
}

export const NO_ADDRESS: Address = Object.freeze({ hostname: "", port: 0 });

/** The text and a NUL. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
