/** The visitors that are connected, for the protocol `lws-status`. */

import type { Wsi } from "../../mod.ts";

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

  /** The list as the page wants it. */
  list(): readonly unknown[] {
    const now = Date.now();
    return [...this.#visitors.values()].map(({ since, ...visitor }) => ({
      ...visitor,
      seconds: Math.floor((now - since) / 1000),
    }));
  }
}
