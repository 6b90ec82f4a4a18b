/** Calls of sockets that fail at random. */

import type { constants } from "node:os";
import type { Libc } from "../../../src/transport/epoll/libc.ts";
import { type Fault, FaultyLibc } from "../../unit/transport/epoll/faulty_libc.ts";
import type { Dice } from "./dice.ts";
import { failing, systemError } from "./failing.ts";

/** Whether a fault of this name is due, which has such odds; one that is counts. */
export type IsDue = (name: string, odds: number) => boolean;

const ODDS = 0.03;

type Code = keyof typeof constants.errno;
const LIBC_FAULTS: Partial<Record<keyof Libc, readonly Code[]>> = {
  accept4: ["EMFILE", "ENFILE", "ECONNABORTED", "EINTR", "ENOMEM"],
  recv: ["ECONNRESET", "EINTR", "EAGAIN", "ENOMEM", "EIO"],
  send: ["EPIPE", "EINTR", "EAGAIN", "ENOBUFS", "EIO"],
  epoll_wait: ["EINTR"],
  epoll_ctl: ["ENOMEM", "ENOSPC"],
  eventfd_read: ["EAGAIN"],
  setsockopt: ["ENOMEM"],
  shutdown: ["ENOTCONN"],
};

/** Judges calls of a table of the C library's. */
export function failingLibc(faulty: FaultyLibc, dice: Dice, isDue: IsDue): FaultyLibc["judge"] {
  return (name, args): Fault | undefined => {
    const codes = LIBC_FAULTS[name];
    // What the library never asks again for, as it can't fail, is left alone.
    if (codes === undefined || (name === "epoll_ctl" && args[1] === 2)) return undefined;
    if (!isDue(name, ODDS)) return undefined;
    const code = dice.pick(`${name}'s`, codes);
    // There is no connection then that would have to be told.
    return name === "shutdown" ? faulty.saysItFails(code) : faulty.fails(code);
  };
}

/** Has calls of a connection of the runtime's fail. */
export function failingConn(conn: Deno.TcpConn | Deno.TlsConn, isDue: IsDue): void {
  const error = () => systemError("ECONNRESET", "Connection reset", "ConnectionReset");
  for (const call of ["read", "write", "closeWrite", "setNoDelay", "handshake"] as const) {
    if (!(call in conn)) continue;
    const isIt = () => isDue(call, ODDS);
    failing(conn as Deno.TlsConn & Deno.TcpConn, call, { times: Infinity, isIt, error });
  }
}
