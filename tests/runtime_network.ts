/** The runtime's own sockets, whatever network the tests run over. */

import type { Network } from "../src/api/network.ts";
import { tcpNetwork } from "../src/transport/network.ts";

/** The runtime's own sockets in any case, for what is made of them. */
export const runtimeNetwork: Network = { ...tcpNetwork };

/** For tests that are ignored over the epoll network, with the reason behind the name. */
export function unlessEpoll(name: string, why: string): { name: string; ignore: boolean } {
  const ignore = Deno.env.get("LWS_NETWORK") === "epoll";
  return { name: ignore ? `${name} (not over epoll: ${why})` : name, ignore };
}
