/** The descriptors of a context, and their connections. */

import type { Address, Network, PeerAddresses } from "../api/network.ts";
import { describeFailure, log } from "../base/log.ts";
import type { Connection } from "../connection/connection.ts";

/** The descriptor of the listener, and of what belongs to no connection. */
export const LISTENER_FD = 0;

/**
 * Gives each number once, and knows which connection has which. Where descriptors are real a program knows them by
 * those, and the system gives their numbers again.
 */
export class Descriptors {
  readonly connections = new Map<number, Connection>();
  /** Those that `filterNetworkConnection` is asked about now. */
  readonly filtering = new Map<number, { readonly remoteAddress: Address }>();
  /** Our numbers by real descriptors, where there are some. */
  readonly #ids: Map<number, number> | undefined;
  #last = LISTENER_FD;

  /** @param areReal whether the network has descriptors */
  constructor(areReal: boolean) {
    this.#ids = areReal ? new Map() : undefined;
  }

  /** One that nothing had. */
  next(): number {
    return ++this.#last;
  }

  /** A real descriptor is a connection's now. */
  open(id: number, fd: number): void {
    this.#ids?.set(fd, id);
  }

  /** A connection is gone; another one may have its descriptor already. */
  close(id: number, fd: number): void {
    this.connections.delete(id);
    if (this.#ids?.get(fd) === id) this.#ids.delete(fd);
  }

  /** The connection of a descriptor as programs know it. */
  connection(socketFd: number): Connection | undefined {
    return this.connections.get(this.#idOf(socketFd));
  }

  #idOf(socketFd: number): number {
    return this.#ids === undefined ? socketFd : this.#ids.get(socketFd) ?? -1;
  }

  /** What is known of the peer at once. */
  peerAddresses(socketFd: number): PeerAddresses {
    const asked = this.filtering.get(this.#idOf(socketFd));
    if (asked !== undefined) {
      const { hostname, port } = asked.remoteAddress;
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
      log("info", () => `${known.ip} has no name: ${describeFailure(error)}`);
    }
    // Asked for by a filter, it is for the connection that the filter has let in since.
    const peer = (before ?? this.connection(socketFd))?.peer;
    // A later request of the same connection may be another peer's, by a proxy that is believed.
    if (peer?.addresses.ip === known.ip) peer.name = name;
    return { ...known, name };
  }
}
