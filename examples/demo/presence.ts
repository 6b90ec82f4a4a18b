/** The visitors that are connected, for the protocol `lws-status`. */

import type { Wsi } from "@x/lws";

/** A page lists no more of them. */
const LISTED = 100;

/** One line of the list. */
export interface Visitor {
  readonly id: number;
  readonly protocol: string;
  readonly address: string;
  readonly since: number;
}

/** The WebSocket connections of a server, in the order they came. */
export class Presence {
  readonly #visitors = new Map<number, Visitor>();
  /** Called after every change. */
  onChange: () => void = () => {};

  /** How many there are. */
  get size(): number {
    return this.#visitors.size;
  }

  /** A connection is established. */
  enter(wsi: Wsi): void {
    const { ip, port } = wsi.peerAddresses;
    this.#visitors.set(wsi.socketFd, {
      id: wsi.socketFd,
      protocol: wsi.protocol.name,
      address: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
      since: Date.now(),
    });
    this.onChange();
  }

  /** It has ended. */
  leave(wsi: Wsi): void {
    this.#visitors.delete(wsi.socketFd);
    this.onChange();
  }

  /** The first of them, as the page wants them. */
  list(): readonly unknown[] {
    const now = Date.now();
    return [...this.#visitors.values()].slice(0, LISTED).map(({ since, ...visitor }) => ({
      ...visitor,
      seconds: Math.floor((now - since) / 1000),
    }));
  }
}
