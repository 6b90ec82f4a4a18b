/** A UDP socket and poll(2) of the C library, as a program has them that was there before the library came. */

import type { lws_pollfd } from "@x/lws/compat";

const PATHS = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"];
const AF_INET = 2;
const SOCK_DGRAM = 2;
/** `sizeof (struct sockaddr_in)`, and `sizeof (struct pollfd)`. */
const SOCKADDR_IN = 16;
const POLLFD = 8;

const path = PATHS.find((each) => each.includes(Deno.build.arch)) ?? PATHS[0]!;
const c = Deno.dlopen(path, {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
}).symbols;

/** Opens the socket on a free port of 127.0.0.1. */
export function open_udp(): { fd: number; port: number } {
  const fd = c.socket(AF_INET, SOCK_DGRAM, 0);
  const address = new Uint8Array(SOCKADDR_IN);
  address.set([AF_INET, 0, 0, 0, 127, 0, 0, 1]);
  const length = Uint32Array.of(SOCKADDR_IN);
  if (fd < 0 || c.bind(fd, address, SOCKADDR_IN) < 0) throw new Error("no UDP socket");
  c.getsockname(fd, address, new Uint8Array(length.buffer));
  return { fd, port: address[2]! * 256 + address[3]! };
}

/** Sends what has come back to where it came from. */
export function echo_udp(fd: number): void {
  const bytes = new Uint8Array(2048);
  const from = new Uint8Array(SOCKADDR_IN);
  const length = new Uint8Array(Uint32Array.of(SOCKADDR_IN).buffer);
  const count = c.recvfrom(fd, bytes, BigInt(bytes.length), 0, from, length);
  if (count > 0n) c.sendto(fd, bytes, count, 0, from, SOCKADDR_IN);
}

/** poll(2), which blocks the thread. */
export function blocking_poll(fds: lws_pollfd[], nfds: number, timeout: number): number {
  const table = new DataView(new ArrayBuffer(nfds * POLLFD));
  for (let i = 0; i < nfds; i++) {
    table.setInt32(i * POLLFD, fds[i]!.fd, true);
    table.setInt16(i * POLLFD + 4, fds[i]!.events, true);
  }
  const n = c.poll(new Uint8Array(table.buffer), BigInt(nfds), timeout);
  for (let i = 0; i < nfds; i++) fds[i]!.revents = table.getInt16(i * POLLFD + 6, true);
  return n;
}
