/**
 * Loaded before all tests: with `LWS_NETWORK=epoll` whatever uses the system's sockets by default does so by
 * the epoll network.
 */

import { epollNetwork } from "../src/transport/epoll/mod.ts";
import type { Network } from "../src/api/network.ts";
import { tcpNetwork } from "../src/transport/network.ts";

const wanted = Deno.env.get("LWS_NETWORK");

/** The runtime's own sockets in any case, for what is made of them. */
export const runtimeNetwork: Network = { ...tcpNetwork };

/** For tests that are ignored over the epoll network, with the reason behind the name. */
export function unlessEpoll(name: string, why: string): { name: string; ignore: boolean } {
  const ignore = wanted === "epoll";
  return { name: ignore ? `${name} (not over epoll: ${why})` : name, ignore };
}

if (wanted === "epoll") {
  const network = epollNetwork();
  Object.assign(tcpNetwork, {
    listen: network.listen.bind(network),
    connect: network.connect.bind(network),
    released: network.released?.bind(network),
  });
} else if (wanted !== undefined) {
  throw new Error(`LWS_NETWORK is ${wanted}; it can be "epoll"`);
}
