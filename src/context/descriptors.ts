/** The descriptors of a context, and their connections. */

import type { Address, Network, PeerAddresses } from "../api/network.ts";
import { describeFailure, log } from "../base/log.ts";
import type { Connection } from "../connection/connection.ts";

/** The descriptor of the listener, and of what belongs to no connection. */
export const LISTENER_FD = 0;

/** Gives each number once, and knows which connection has which. */
export class Descriptors {
  readonly connections = new Map<number, Connection>();
  /** Where those come from that `filterNetworkConnection` is asked about now. */
  readonly filtering = new Map<number, Address>();
  #last = LISTENER_FD;

  /** One that nothing had. */
  next(): number {
    return ++this.#last;
  }

  /** What is known of the peer at once. */
  peerAddresses(socketFd: number): PeerAddresses {
    const address = this.filtering.get(socketFd);
    if (address !== undefined) return { name: "", ip: address.hostname, port: address.port };
    return this.connections.get(socketFd)?.peer?.addresses ?? { name: "", ip: "", port: 0 };
  }

  /** The same with the name that the network has for the address. */
  async resolvePeerAddresses(socketFd: number, network: Network): Promise<PeerAddresses> {
    const known = this.peerAddresses(socketFd);
    if (known.name !== "" || known.ip === "" || network.reverse === undefined) return known;
    const before = this.connections.get(socketFd);
    let name = "";
    try {
      name = await network.reverse(known.ip);
    } catch (error) {
      log("info", () => `${known.ip} has no name: ${describeFailure(error)}`);
    }
    // Asked for by a filter, it is for the connection that the filter has let in since.
    const peer = (before ?? this.connections.get(socketFd))?.peer;
    // A later request of the same connection may be another peer's, by a proxy that is believed.
    if (peer?.addresses.ip === known.ip) peer.name = name;
    return { ...known, name };
  }
}
