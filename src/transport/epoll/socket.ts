/** Making sockets: what listening and connecting have in common. */

import { isIPv6 } from "node:net";
import type { NetworkTarget } from "../../api/network.ts";
import {
  IPPROTO_TCP,
  SO_KEEPALIVE,
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
import { AF_INET, AF_INET6, int } from "./structs.ts";

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

export function familyOf(ip: string): number {
  return isIPv6(ip) ? AF_INET6 : AF_INET;
}
