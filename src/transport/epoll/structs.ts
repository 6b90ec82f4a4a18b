/**
 * The layouts of libc's structs, as Linux has them on x86-64 and arm64 (both little-endian). Each names
 * its C declaration; `verifyLayouts` of `libc` asks the kernel whether they are right.
 */

import type { PollFd } from "../../api/service.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** `sizeof (struct sockaddr_un)`, the largest of the three. */
export const SOCKADDR_SIZE = 110;
/** `sizeof (struct sockaddr_in)`. */
export const SOCKADDR_IN_SIZE = 16;
/** `sizeof (struct sockaddr_in6)`. */
export const SOCKADDR_IN6_SIZE = 28;

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

/** An array of `struct pollfd`s without what has happened. */
export function pollTable(pollFds: readonly PollFd[]): Uint8Array {
  const table = new DataView(new ArrayBuffer(pollFds.length * POLLFD_SIZE));
  pollFds.forEach(({ fd, events }, i) => {
    table.setInt32(i * POLLFD_SIZE, fd, true);
    table.setInt16(i * POLLFD_SIZE + 4, events, true);
  });
  return new Uint8Array(table.buffer);
}

/** Sets `revents` of each entry with a descriptor. */
export function takeRevents(table: Uint8Array, pollFds: readonly PollFd[]): void {
  const view = new DataView(table.buffer);
  pollFds.forEach((each, i) => {
    if (each.fd >= 0) each.revents = view.getInt16(i * POLLFD_SIZE + 6, true);
  });
}

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

/** The text and a NUL. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
