/** A TLS layer of the program's own, under the rules of ours. */

import { LwsError } from "./errors.ts";
import type { TlsMembers } from "./tls_members.ts";
import { type StreamConn, StreamTransport } from "./transport/tcp.ts";
import type { Transport } from "./transport/transport.ts";
import { TransportConn } from "./transport_conn.ts";

/**
 * Asks the program for the stream behind the handshake. However it ends, nothing stays open: `inner` is
 * closed with a failure, and so is a stream that comes when nobody waits for it any more.
 */
export function provided(
  provide: NonNullable<TlsMembers["providedClientTls"]>,
  inner: Transport,
  target: { readonly serverName: string; readonly port: number },
  signal: AbortSignal,
): Promise<Transport> {
  if (signal.aborted) {
    inner.close();
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const settle = () => signal.removeEventListener("abort", giveUp);
    const fail = (error: unknown) => {
      settle();
      inner.close();
      reject(error);
    };
    const giveUp = () => fail(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    call(provide, inner, target).then((conn) => {
      if (signal.aborted) return closeQuietly(conn);
      try {
        const transport = transportOver(conn);
        settle();
        resolve(transport);
      } catch (error) {
        closeQuietly(conn);
        fail(error);
      }
    }, fail);
  });
}

/** Has a program's throw come as a rejection, too. */
async function call(
  provide: NonNullable<TlsMembers["providedClientTls"]>,
  inner: Transport,
  { serverName, port }: { readonly serverName: string; readonly port: number },
): Promise<StreamConn> {
  return await provide(serverName, port, new TransportConn(inner));
}

function transportOver(conn: StreamConn): Transport {
  for (const method of ["read", "write", "closeWrite", "close"] as const) {
    if (typeof conn?.[method] === "function") continue;
    throw new LwsError("invalid-argument", `providedClientTls: its connection has no ${method}`);
  }
  for (const member of ["localAddr", "remoteAddr"] as const) {
    if (typeof conn[member] === "object" && conn[member] !== null) continue;
    throw new LwsError("invalid-argument", `providedClientTls: its connection has no ${member}`);
  }
  return new StreamTransport(conn);
}

function closeQuietly(conn: StreamConn): void {
  try {
    conn.close();
  } catch { /* It is closed, or was none. */ }
}
