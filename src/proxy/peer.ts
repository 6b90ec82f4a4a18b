/** Who is at the other end of a connection. */

import type { Address, PeerAddresses } from "../api/network.ts";
import { forwardedAddress, type ProxyTrust } from "./forwarded_for.ts";

/** The other end of the socket, and whom that speaks for. */
export class Peer {
  readonly #socket: Address;
  #believed: Address;
  /** By reverse lookup, once somebody asked for it. */
  name = "";

  constructor(socket: Address) {
    this.#socket = socket;
    this.#believed = socket;
  }

  /** Who it is for the program. */
  get addresses(): PeerAddresses {
    const { hostname, port } = this.#believed;
    return { name: this.name, ip: hostname, port };
  }

  /** The address of the socket's other end, whoever that speaks for. */
  get socketAddress(): string {
    return this.#socket.hostname;
  }

  /** Takes it for the one that trusted proxies say it is. */
  believe(forwardedFor: string | undefined, trust: ProxyTrust): void {
    const socket = this.#socket;
    const hostname = forwardedAddress(socket.hostname, forwardedFor, trust);
    if (hostname === this.#believed.hostname) return;
    this.#believed = hostname === socket.hostname ? socket : { hostname, port: 0 };
    this.name = "";
  }
}
