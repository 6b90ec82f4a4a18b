/** The runtime's own sockets, so that a test can have the calls of each one fail. */

import type { Network } from "../../../src/api/network.ts";
import { adoptListener } from "../../../src/transport/network.ts";
import { runtimeNetwork } from "../../runtime_network.ts";

export interface WatchedNetwork {
  readonly network: Network;
  /** The last that was listened on. */
  readonly listener: Deno.TcpListener;
  /** What was accepted and is not closed, in order. */
  readonly accepted: readonly Deno.TcpConn[];
  /** Called with what is accepted, before anything else has it. */
  onAccept: (conn: Deno.TcpConn) => void;
}

export function watchedNetwork(): WatchedNetwork {
  const accepted: Deno.TcpConn[] = [];
  let last: Deno.TcpListener | undefined;
  const watched = {
    accepted,
    get listener() {
      return last!;
    },
    onAccept: (_conn: Deno.TcpConn) => {},
    network: {
      ...runtimeNetwork,
      listen({ hostname, port }: { hostname: string; port: number }) {
        const listener = last = Deno.listen({ hostname, port });
        return adoptListener({
          addr: listener.addr,
          async accept() {
            const conn = await listener.accept();
            watched.onAccept(conn);
            accepted.push(conn);
            return conn;
          },
          close: () => listener.close(),
        });
      },
    },
  };
  return watched;
}
