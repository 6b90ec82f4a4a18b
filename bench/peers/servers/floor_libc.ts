/** The C library, as the bare epoll loop calls it. */

export const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
});

const [AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_NODELAY, MSG_NOSIGNAL] = [2, 1, 6, 1, 0x4000];
const BACKLOG = 511;
const ON = new Uint8Array(Int32Array.of(1).buffer);

/** Listens on a port of 127.0.0.1, any if it is 0; returns the socket, and the port that it has. */
export function listenOn(port: number): { listener: number; port: number } {
  const listener = libc.socket(AF_INET, SOCK_STREAM, 0);
  // `struct sockaddr_in`
  const address = Uint8Array.of(
    AF_INET,
    0,
    port >> 8,
    port & 255,
    127,
    0,
    0,
    1,
    ...new Uint8Array(8),
  );
  libc.bind(listener, address, address.length);
  libc.listen(listener, BACKLOG);
  libc.getsockname(listener, address, new Uint8Array(Int32Array.of(address.length).buffer));
  return { listener, port: address[2]! << 8 | address[3]! };
}

/** The next connection's socket, which blocks. */
export function accept(listener: number): number {
  const fd = libc.accept(listener, null, null);
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, ON.length);
  return fd;
}

/** Sends all of it, for sockets block here. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>, length: number): void {
  libc.send(fd, bytes, length, MSG_NOSIGNAL);
}
