/** The descriptors of a context, and their connections. */

import type { Address, Network, PeerAddresses } from "../api/network.ts";
import { describeFailure, line, log } from "../base/log.ts";
import type { Connection } from "../connection/connection.ts";

/** The descriptor of the listener, and of what belongs to no connection. */
export const LISTENER_FD = 0;

/** A connection that is no connection of the context's yet. Implemented by its transport. */
interface Filtered {
  readonly remoteAddress: Address;
}

/** What `filterNetworkConnection` is asked about in this very call. */
interface Asked {
  readonly id: number;
  readonly whom: Filtered;
  /** One that is asked in service by a callback comes within another. */
  readonly outer: Asked | undefined;
}

/**
 * Gives each number once, and knows which connection has which. Where descriptors are real a program knows them by
 * those, and the system gives their numbers again.
 */
export class Descriptors {
  readonly connections = new Map<number, Connection>();
  /** Those whose `filterNetworkConnection` is awaited. */
  readonly filtering = new Map<number, Filtered>();
  #asked: Asked | undefined;
  /** Our numbers by real descriptors, where there are some; 0 for none. The system's are small. */
  readonly #ids: number[] | undefined;
  #last = LISTENER_FD;

  /** @param areReal whether the network has descriptors */
  constructor(areReal: boolean) {
    this.#ids = areReal ? [] : undefined;
  }

  /** One that nothing had. */
  next(): number {
    return ++this.#last;
  }

  /** A real descriptor is a connection's now. */
  open(id: number, fd: number): void {
    if (this.#ids !== undefined && fd >= 0) this.#ids[fd] = id;
  }

  /** A connection is gone. */
  close(id: number, fd: number): void {
    this.connections.delete(id);
    this.release(id, fd);
  }

  /** A descriptor is gone; another connection may have it already. */
  release(id: number, fd: number): void {
    if (this.#ids?.[fd] === id) this.#ids[fd] = 0;
  }

  /** The connection of a descriptor as programs know it. */
  connection(socketFd: number): Connection | undefined {
    return this.connections.get(this.#idOf(socketFd));
  }

  #idOf(socketFd: number): number {
    if (this.#ids === undefined) return socketFd;
    // A program may ask for anything.
    const id = Number.isInteger(socketFd) ? this.#ids[socketFd] : undefined;
    return id === undefined || id === 0 ? -1 : id;
  }

  /** Its filter is asked from now on, until {@linkcode hasAsked}. */
  asks(id: number, whom: Filtered): void {
    this.#asked = { id, whom, outer: this.#asked };
  }

  hasAsked(): void {
    this.#asked = this.#asked!.outer;
  }

  #filtered(id: number): Filtered | undefined {
    for (let each = this.#asked; each !== undefined; each = each.outer) {
      if (each.id === id) return each.whom;
    }
    return this.filtering.get(id);
  }

  /** What is known of the peer at once. */
  peerAddresses(socketFd: number): PeerAddresses {
    const filtered = this.#filtered(this.#idOf(socketFd));
    if (filtered !== undefined) {
      const { hostname, port } = filtered.remoteAddress;
      return { name: "", ip: hostname, port };
    }
    return this.connection(socketFd)?.peer?.addresses ?? { name: "", ip: "", port: 0 };
  }

  /** The same with the name that the network has for the address. */
  async resolvePeerAddresses(socketFd: number, network: Network): Promise<PeerAddresses> {
    const known = this.peerAddresses(socketFd);
    if (known.name !== "" || known.ip === "" || network.reverse === undefined) return known;
    const before = this.connection(socketFd);
    let name = "";
    try {
      name = await network.reverse(known.ip);
    } catch (error) {
      log("info", () => line`${known.ip} has no name: ${describeFailure(error)}`);
    }
    // Asked for by a filter, it is for the connection that the filter has let in since.
    const peer = (before ?? this.connection(socketFd))?.peer;
    // A later request of the same connection may be another peer's, by a proxy that is believed.
    if (peer?.addresses.ip === known.ip) peer.name = name;
    return { ...known, name };
  }
}
