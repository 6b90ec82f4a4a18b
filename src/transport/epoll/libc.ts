/** The functions of libc that sockets need, as the runtime's foreign functions. */

import { LwsError } from "../../base/errors.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLIN,
  SOCK_CLOEXEC,
  SOCK_STREAM,
} from "./constants.ts";
import {
  ADDRINFO_ADDR,
  ADDRINFO_ADDRLEN,
  ADDRINFO_NEXT,
  ADDRINFO_SIZE,
  AF_INET,
  bytesOf,
  cString,
  epollEventLayout,
  int,
  POLLFD_SIZE,
  SOCKADDR_SIZE,
} from "./structs.ts";

/** Where Linux has the C library; the permission is for a path, and not for a name. */
const PATHS: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/usr/lib64/libc.so.6",
];

/** Architectures whose structs {@linkcode epollEventLayout} and its neighbours know. */
const ARCHITECTURES: readonly string[] = ["x86_64", "aarch64"];

// A length of 32 bits is extended to size_t's 64 by both calling conventions, and keeps a call a fast one.
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  poll_elsewhere: {
    name: "poll",
    parameters: ["pointer", "u32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  epoll_wait_elsewhere: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  inet_ntop: { parameters: ["i32", "buffer", "buffer", "u32"], result: "pointer" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  getaddrinfo: { parameters: ["buffer", "pointer", "buffer", "buffer"], result: "i32" },
  freeaddrinfo: { parameters: ["pointer"], result: "void" },
  gai_strerror: { parameters: ["i32"], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * What sockets call: the functions by their names in C, each a thin one over the library's. Tests put faults
 * between. All of them return −1 on a failure, and {@linkcode Libc.errno} tells then which; it counts only
 * right behind the call.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Uint8Array, length: Uint8Array, flags: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  getpeername(fd: number, address: Uint8Array, length: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: Uint8Array,
  ): number;
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  poll(table: Uint8Array, count: number, timeoutMs: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  epoll_wait(epoll: number, events: Uint8Array, most: number, timeoutMs: number): number;
  /**
   * Waits on a thread of its own until `epoll` has events, and fetches none. Its memory is the library's:
   * the thread may outlive a worker that is terminated, and all that its isolate had.
   */
  epollReady(epoll: number, timeoutMs: number): Promise<number>;
  /** Waits likewise until an entry of a table is ready, and sets nothing in it. */
  pollElsewhere(table: Uint8Array): Promise<number>;
  eventfd(initial: number, flags: number): number;
  /** Adds 1. */
  eventfd_write(fd: number): number;
  eventfd_read(fd: number, value: Uint8Array): number;
  /** For all threads of the process; the groups are `gid_t`s. */
  setgroups(count: number, groups: Uint8Array): number;
  inet_pton(family: number, text: Uint8Array, address: Uint8Array): number;
  /** The text of an address. */
  inet_ntop(family: number, address: Uint8Array): string;
  if_nametoindex(name: Uint8Array): number;
  /**
   * The addresses of a name as `struct sockaddr`s of `SOCK_STREAM`, in the system's order; it blocks.
   *
   * @throws {Error} when there is no such name
   */
  getaddrinfo(name: string): Uint8Array[];
  errno(): number;
  strerror(errno: number): string;
}

let opened: Libc | undefined;

/**
 * The C library, opened once a program.
 *
 * @throws {LwsError} `unsupported` elsewhere than on Linux, on other architectures, or where the library isn't
 *   found; `permission-denied` without `--allow-ffi`, or with a list of libraries behind it.
 */
export function openLibc(): Libc {
  return opened ??= load();
}

/** Whether {@linkcode openLibc} would ask for no permission. */
export function mayOpenLibc(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

function load(): Libc {
  const { os, arch } = Deno.build;
  if (os !== "linux" || !ARCHITECTURES.includes(arch)) {
    throw new LwsError(
      "unsupported",
      `the epoll network needs Linux on x86-64 or arm64, and this is ${os} on ${arch}; leave network out`,
    );
  }
  const libc = tableOf(openAny().symbols);
  verifyLayouts(libc);
  return libc;
}

/** Opens the library at one of its paths. */
function openAny(): Deno.DynamicLibrary<typeof SYMBOLS> {
  let missing: unknown;
  try {
    Deno.UnsafePointer.of(new Uint8Array(1)); // a list of libraries grants no pointers
    for (const path of PATHS) {
      try {
        return Deno.dlopen(path, SYMBOLS);
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable) throw error;
        missing ??= error;
      }
    }
  } catch (cause) {
    throw new LwsError(
      "permission-denied",
      "the epoll network calls the C library; run with --allow-ffi (a list of libraries behind it is not " +
        "enough, as the runtime then refuses pointers)",
      { cause },
    );
  }
  throw new LwsError("unsupported", `the epoll network finds no C library: ${PATHS.join(", ")}`, {
    cause: missing,
  });
}

function tableOf(symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]): Libc {
  // Of the thread that runs this program; the pointer stays the same.
  const errno = new Deno.UnsafePointerView(symbols.__errno_location()!);
  /** Texts by `errno`: a crowd that leaves by resets asks for the same one, again and again. */
  const errors: string[] = [];
  const text = new Uint8Array(64);
  const { words } = epollEventLayout(Deno.build.arch);
  const oneEvent = symbols.calloc(1n, BigInt(words * 4));
  const buffer = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>;
  return {
    // What is called for each message goes to the library without a step between.
    ...symbols as unknown as Omit<
      Libc,
      | "epollReady"
      | "pollElsewhere"
      | "eventfd_write"
      | "setgroups"
      | "getaddrinfo"
      | "inet_ntop"
      | "errno"
      | "strerror"
    >,
    epollReady: (epoll, timeoutMs) => symbols.epoll_wait_elsewhere(epoll, oneEvent, 1, timeoutMs),
    async pollElsewhere(table) {
      const size = BigInt(table.length);
      const memory = symbols.calloc(1n, size);
      symbols.memcpy(memory, buffer(table), size);
      try {
        return await symbols.poll_elsewhere(memory, table.length / POLLFD_SIZE, -1);
      } finally {
        symbols.free(memory);
      }
    },
    eventfd_write: (fd) => symbols.eventfd_write(fd, 1n),
    setgroups: (count, groups) => symbols.setgroups(BigInt(count), buffer(groups)),
    inet_ntop(family, address) {
      symbols.inet_ntop(family, buffer(address), text, text.length);
      return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
    },
    getaddrinfo(name) {
      const first = new BigUint64Array(1);
      const hints = bytesOf(Int32Array.from({ length: ADDRINFO_SIZE / 4 }, () => 0));
      new DataView(hints.buffer).setInt32(8, SOCK_STREAM, true);
      const failed = symbols.getaddrinfo(buffer(cString(name)), null, buffer(hints), first);
      if (failed !== 0) throw new Error(`${name}: ${textAt(symbols.gai_strerror(failed))}`);
      const found = Deno.UnsafePointer.create(first[0]!);
      try {
        return socketAddresses(found);
      } finally {
        symbols.freeaddrinfo(found);
      }
    },
    errno: () => errno.getInt32(),
    strerror: (number) => errors[number] ??= textAt(symbols.strerror(number)),
  };
}

function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** Walks a list of `struct addrinfo`. */
function socketAddresses(first: Deno.PointerValue): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = first; at !== null;) {
    const info = new Deno.UnsafePointerView(at);
    const address = info.getPointer(ADDRINFO_ADDR);
    const length = info.getUint32(ADDRINFO_ADDRLEN);
    if (address !== null) {
      found.push(
        new Uint8Array(new Deno.UnsafePointerView(address).getArrayBuffer(length).slice(0)),
      );
    }
    at = info.getPointer(ADDRINFO_NEXT);
  }
  return found;
}

/**
 * Has the kernel tell of an event whose data are known, and of a socket whose address is.
 *
 * @throws {LwsError} `unsupported` when it uses other layouts than we do
 */
function verifyLayouts(libc: Libc): void {
  const { words, data } = epollEventLayout(Deno.build.arch);
  const event = new Int32Array(words);
  const told = new Int32Array(words);
  event[0] = EPOLLIN;
  event[data] = 0x12345678;
  event[data + 1] = -0x11223345;
  const epoll = libc.epoll_create1(EPOLL_CLOEXEC);
  const ready = libc.eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  const socket = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  libc.epoll_ctl(epoll, EPOLL_CTL_ADD, ready, bytesOf(event));
  const count = libc.epoll_wait(epoll, bytesOf(told), 1, 0);
  const address = new Uint8Array(SOCKADDR_SIZE);
  libc.getsockname(socket, address, int(address.length));
  for (const fd of [epoll, ready, socket]) if (fd >= 0) libc.close(fd);
  // Without a descriptor nothing is found out; the first use of them tells so.
  if (epoll < 0 || ready < 0 || socket < 0) return;
  const isSame = count === 1 && event.every((word, i) => word === told[i]) &&
    address[0] === AF_INET;
  if (!isSame) {
    throw new LwsError(
      "unsupported",
      "the kernel's structs are not as the epoll network knows them",
    );
  }
}
