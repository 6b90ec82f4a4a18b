/** OpenSSL as a stack of TLS that a network brings. */

import type { TlsStack, TlsTuning } from "../../../tls/stack.ts";
import { OpensslClient } from "./client.ts";
import { OpensslContext } from "./context.ts";
import { OpensslServer } from "./server.ts";
import { openOpenssl, type Openssl } from "./library.ts";
import { pipesOf } from "./pipes.ts";

/**
 * Makes both sides by OpenSSL.
 *
 * @param openssl its functions; tests put faults between
 * @throws {LwsError} as {@linkcode openOpenssl}
 */
export function opensslStack(openssl: Openssl = openOpenssl()): TlsStack {
  const pipes = pipesOf(openssl);
  return {
    lendsContexts: true,
    server: (...given) => new OpensslServer(pipes, ...given),
    client: (...given) => new OpensslClient(pipes, ...given),
    check(tuning: TlsTuning) {
      new OpensslContext(openssl, {
        side: "server",
        identity: undefined,
        ca: [],
        trustsSystem: false,
        asksForCertificate: false,
        tuning,
      }).free();
    },
  };
}
