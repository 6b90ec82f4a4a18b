/** Listening on an address, a name, a unix socket, or a descriptor that the program was started with. */

import { isIP } from "node:net";
import type { Address, NetworkTarget } from "../../api/network.ts";
import { LwsError } from "../../base/errors.ts";
import { bindUnix } from "../unix.ts";
import { refuseIpv6 } from "../network.ts";
import {
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  O_NONBLOCK,
  SO_ACCEPTCONN,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from "./constants.ts";
import { failure, must } from "./failure.ts";
import { EpollListener } from "./listener.ts";
import type { Readiness } from "./readiness.ts";
import {
  addressFrom,
  familyOf,
  inetAddress,
  openSocket,
  orClose,
  setOption,
  tune,
  unixAddress,
} from "./socket.ts";
import { AF_INET6, AF_UNIX, bytesOf, SOCKADDR_SIZE } from "./structs.ts";
import { localAddressOf } from "./transport.ts";

/** As the runtime's own listeners; the system has its own limit, too. */
const BACKLOG = 511;

/** Listens. @throws as {@linkcode Network.listen} does */
export function listenOn(loop: Readiness, target: NetworkTarget): EpollListener {
  const { path, fd, mode } = target;
  if (fd !== undefined) return onDescriptor(loop, fd, target);
  if (path !== undefined) return bindUnix(path, mode, (real) => onUnix(loop, path, real));
  refuseIpv6(target, target.hostname);
  return onAddress(loop, target);
}

function onAddress(loop: Readiness, target: NetworkTarget): EpollListener {
  const { libc } = loop;
  const { hostname, port } = target;
  const ip = isIP(hostname) !== 0 ? hostname : resolved(loop, target);
  const address = inetAddress(libc, ip, port);
  const family = familyOf(ip);
  const fd = openSocket(libc, family);
  return orClose(libc, fd, () => {
    setOption(libc, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (target.reusePort) setOption(libc, fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (family === AF_INET6 && target.ipv6Only !== undefined) {
      setOption(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, target.ipv6Only ? 1 : 0);
    }
    must(libc, "bind", libc.bind(fd, address, address.length));
    // What it accepts has the same options.
    tune(libc, fd, target);
    must(libc, "listen", libc.listen(fd, BACKLOG));
    const bound = localAddressOf(loop, fd);
    if (bound === undefined) throw failure(libc, "getsockname", libc.errno());
    return new EpollListener(loop, fd, { address: bound, tunes: false });
  });
}

/** The first address of a name that will do. */
function resolved({ libc }: Readiness, { hostname, disableIpv6 }: NetworkTarget): string {
  const found = libc.getaddrinfo(hostname).map((each) => addressFrom(libc, each).hostname);
  const fit = found.find((each) => !(disableIpv6 && isIP(each) === 6));
  if (fit !== undefined) return fit;
  throw new LwsError(
    "invalid-option",
    `${hostname} has only ${found.join(", ")}, which disableIpv6 turns off`,
  );
}

function onUnix(loop: Readiness, path: string, real: string): EpollListener {
  const { libc } = loop;
  const address = unixAddress(real);
  const fd = openSocket(libc, AF_UNIX);
  let isFile = false;
  return orClose(libc, fd, () => {
    must(libc, "bind", libc.bind(fd, address, address.length));
    isFile = real[0] !== "\0";
    try {
      must(libc, "listen", libc.listen(fd, BACKLOG));
      return new EpollListener(loop, fd, {
        address: { hostname: `unix:${path}`, port: 0 },
        tunes: false,
        onClose: () => removeFile(),
      });
    } catch (error) {
      removeFile();
      throw error;
    }
  });

  function removeFile(): void {
    if (!isFile) return;
    try {
      Deno.removeSync(real);
    } catch { /* It is gone, or was never permitted. */ }
  }
}

/** Takes over a socket that listens already, or is bound. */
function onDescriptor(loop: Readiness, fd: number, target: NetworkTarget): EpollListener {
  const { libc } = loop;
  const refuse = (call: string) =>
    new LwsError(
      "invalid-option",
      `can't listen on descriptor ${fd}; it must be open, and a TCP or unix socket`,
      { cause: failure(libc, call, libc.errno()) },
    );
  const name = new Uint8Array(SOCKADDR_SIZE);
  const length = Int32Array.of(name.length);
  if (libc.getsockname(fd, name, bytesOf(length)) < 0) throw refuse("getsockname");
  const isUnix = name[0] === AF_UNIX && name[1] === 0;
  const address: Address = isUnix
    ? { hostname: `unix:${unixPath(name.subarray(2, length[0]))}`, port: 0 }
    : addressFrom(libc, name);
  refuseIpv6(target, address.hostname);
  if (!isListening(loop, fd) && libc.listen(fd, BACKLOG) < 0) throw refuse("listen");
  const flags = must(libc, "fcntl", libc.fcntl(fd, F_GETFL, 0));
  // One that blocks would have the whole program wait.
  must(libc, "fcntl", libc.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
  must(libc, "fcntl", libc.fcntl(fd, F_SETFD, FD_CLOEXEC));
  // Connections that wait there already have what it had when they came.
  return new EpollListener(loop, fd, { address, tunes: !isUnix, keepAlive: target.keepAlive });
}

function isListening({ libc }: Readiness, fd: number): boolean {
  const value = Int32Array.of(0);
  const length = Int32Array.of(4);
  libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, bytesOf(value), bytesOf(length));
  return value[0] === 1;
}

/** What a `struct sockaddr_un` has behind its family: a path, or `@` and an abstract name. */
function unixPath(name: Uint8Array): string {
  const isAbstract = name.length > 0 && name[0] === 0;
  const end = isAbstract ? name.length : Math.max(0, name.indexOf(0));
  const text = new TextDecoder().decode(name.subarray(isAbstract ? 1 : 0, end));
  return isAbstract ? `@${text}` : text;
}
