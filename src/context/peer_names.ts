/** Who the peer of a descriptor is: its address, and the name that belongs to it. */

import type { Address, Network, PeerAddresses } from "../api/network.ts";
import { refuseArgument } from "../base/check.ts";
import { describeFailure, log } from "../base/log.ts";
import type { Connection } from "../connection/connection.ts";

/** Where descriptors lead. */
export interface Descriptors {
  readonly connections: ReadonlyMap<number, Connection>;
  /** Where the connection comes from that a filter is asked about now, if it is this one. */
  readonly filtering: (socketFd: number) => Address | undefined;
}

/** What is known at once. */
export function peerAddressesOf(
  { connections, filtering }: Descriptors,
  socketFd: number,
): PeerAddresses {
  const address = filtering(socketFd);
  if (address !== undefined) return { name: "", ip: address.hostname, port: address.port };
  return connections.get(socketFd)?.peer?.addresses ?? { name: "", ip: "", port: 0 };
}

/** The same with the name that the network has for the address. */
export async function resolvedPeer(
  descriptors: Descriptors,
  socketFd: number,
  network: Network,
): Promise<PeerAddresses> {
  const { connections } = descriptors;
  const known = peerAddressesOf(descriptors, socketFd);
  if (known.name !== "" || known.ip === "" || network.reverse === undefined) return known;
  const before = connections.get(socketFd);
  let name = "";
  try {
    name = await network.reverse(known.ip);
  } catch (error) {
    log("info", () => `${known.ip} has no name: ${describeFailure(error)}`);
  }
  // Asked for by a filter, it is for the connection that the filter has let in since.
  const peer = (before ?? connections.get(socketFd))?.peer;
  // A later request of the same connection may be another peer's, by a proxy that is believed.
  if (peer?.addresses.ip === known.ip) peer.name = name;
  return { ...known, name };
}

/** Refuses what is no descriptor. */
export function checkFd(call: string, socketFd: number): void {
  if (!Number.isInteger(socketFd)) refuseArgument(call, "socketFd", socketFd, "a whole number");
}
