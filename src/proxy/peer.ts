/** The addresses of a connection's peer. */

import type { Address, PeerAddresses } from "../api/network.ts";
import { forwardedAddress, type ProxyTrust } from "./forwarded_for.ts";

/** The other end of the socket and, where that is a proxy that is believed, the client in front of it. */
export class Peer {
  readonly #socket: Address;
  #believed: Address;
  /** By reverse lookup, once `resolvePeerAddresses` has found it. */
  name = "";

  constructor(socket: Address) {
    this.#socket = socket;
    this.#believed = socket;
  }

  /** The client's, as the program sees it. */
  get addresses(): PeerAddresses {
    const { hostname, port } = this.#believed;
    return { name: this.name, ip: hostname, port };
  }

  /** The address of the socket's other end, a proxy's or the client's. */
  get socketAddress(): string {
    return this.#socket.hostname;
  }

  /** Takes over the client's address from trusted proxies' `X-Forwarded-For`. */
  believe(forwardedFor: string | undefined, trust: ProxyTrust): void {
    const socket = this.#socket;
    const hostname = forwardedAddress(socket.hostname, forwardedFor, trust);
    if (hostname === this.#believed.hostname) return;
    this.#believed = hostname === socket.hostname ? socket : { hostname, port: 0 };
    this.name = "";
  }
}
