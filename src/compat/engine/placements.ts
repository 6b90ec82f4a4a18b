/** Where the data of a reason goes: the newest generation's ways, and those of older ones. */

import type { PollArgs, PollLock } from "../../api/service.ts";
import type { Wsi } from "../../api/wsi.ts";
import { TLS_PLACEMENTS } from "../calls/tls.ts";
import type { Given, Placements } from "./generation.ts";
import { HANDSHAKE_ROOM, HandshakeLines } from "./handshake_lines.ts";

/** `struct lws_pollargs`. */
export interface lws_pollargs {
  /** The descriptor. */
  fd: number;
  /** What to watch for from now on. */
  events: number;
  /** What was watched for before. */
  prev_events: number;
}

/** A reason without data. */
export function plain(user: unknown): Given {
  return [user, null, 0];
}

/** Bytes, or a text, and how long they are. */
export function measured(user: unknown, data: Uint8Array | string): Given {
  return [user, data, data.length];
}

/** A name, whose length C did not tell. */
export function named(user: unknown, name: string | null): Given {
  return [user, name, 0];
}

/** What a client asks for, as it sent it; null for nothing. */
export function protocolsAskedFor(wsi: Wsi): string | null {
  return wsi.hdrCopy("sec-websocket-protocol") ?? null;
}

/** Where the newest generation has data; all that is missing has none. */
export const NEWEST: Placements = {
  ...TLS_PLACEMENTS,
  established: (user, tls) => [user, tls ?? null, 0],
  receive: measured,
  receivePong: measured,
  clientReceive: measured,
  clientReceivePong: measured,
  broadcast: measured,
  http: measured,
  httpBody: measured,
  filterNetworkConnection: (_user, fd) => [null, fd, 0],
  wsiCreate: userless,
  serverNewClientInstantiated: userless,
  filterHttpConnection: measured,
  filterProtocolConnection: (user, _filter, wsi) => named(user, protocolsAskedFor(wsi)),
  clientConnectionError: measured,
  clientAppendHandshakeHeader: (_user, fields) => [
    null,
    new HandshakeLines(fields),
    HANDSHAKE_ROOM,
  ],
  confirmExtensionOkay: named,
  clientConfirmExtensionSupported: named,
  addPollFd: polled,
  delPollFd: polled,
  changeModePollFd: polled,
  lockPoll: locked,
  unlockPoll: locked,
};

/** The poll reasons until 2013: a descriptor and events, the descriptor in `user` or in `in`. */
export function pollPlacements(place: "user" | "in"): Placements {
  const put = (fd: number, len: number, wsi: Wsi): Given =>
    place === "user" ? [fd, null, len] : [wsi.user ?? null, fd, len];
  return {
    filterNetworkConnection: (_user, fd) => place === "user" ? [fd, null, 0] : [null, fd, 0],
    addPollFd: (_user, { fd, events }, wsi) => put(fd, events, wsi),
    delPollFd: (_user, { fd }, wsi) => put(fd, 0, wsi),
    changeModePollFd: (_user, { fd, events }, wsi) => put(fd, events, wsi),
  };
}

/** A reason of a connection that has no `user` yet. */
function userless(): Given {
  return [null, null, 0];
}

function polled(user: unknown, { fd, events, prevEvents }: PollArgs): Given {
  return [user, { fd, events, prev_events: prevEvents } satisfies lws_pollargs, 0];
}

function locked(user: unknown, lock: PollLock): Given {
  return [user, polled(user, lock)[1], lock.isTableChange ? 1 : 0];
}
