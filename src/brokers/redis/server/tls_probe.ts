/**
 * Whether a server lets this end in over TLS. With TLS 1.3 it says no when the handshake is over for this end: in
 * Deno in the same breath, when the library does not listen for errors yet, and the process ends by that.
 */

import { connect, type ConnectionOptions } from "node:tls";

/** A connection for that. */
export interface TlsProbe {
  /** Rejects with what is in the way. */
  readonly done: Promise<void>;
  cancel(): void;
}

/** @param options as the library's socket has them */
export function probeTls(options: ConnectionOptions): TlsProbe {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(options);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the server has closed the connection")));
  // Whatever it answers, it has let this end in.
  socket.on("secureConnect", () => socket.write("PING\r\n"));
  socket.on("data", () => {
    resolve();
    socket.destroy();
  });
  return { done: promise, cancel: () => socket.destroy() };
}
