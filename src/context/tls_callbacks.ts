/** The TLS of a context, for which the first protocol is asked what the members don't say. */

import { CONTEXT_PORT_NO_LISTEN } from "../api/creation_info.ts";
import { call } from "../connection/callbacks.ts";
import type { Connection } from "../connection/connection.ts";
import type { ProtocolEntry } from "../connection/owner.ts";
import type { CheckedInfo } from "./creation_options.ts";
import { ContextTls } from "../tls/context_tls.ts";
import { tlsStackOf } from "../tls/stack.ts";

/**
 * Sets TLS up.
 *
 * @param standIn What callbacks get in place of a connection.
 */
export function tlsOf(info: CheckedInfo, standIn: Connection, first: ProtocolEntry): ContextTls {
  return new ContextTls({
    ...info.options,
    members: info.tls,
    listens: info.listen.port !== CONTEXT_PORT_NO_LISTEN,
    handshakeTimeoutMs: info.limits.headerTimeoutMs,
    stack: tlsStackOf(info.network),
  }, {
    loadClientTrust(loader) {
      call(standIn, first, "opensslLoadExtraClientVerifyCerts", loader, undefined);
    },
    loadServerTrust(loader) {
      call(standIn, first, "opensslLoadExtraServerVerifyCerts", loader, undefined);
    },
    requirePrivateKey(loader) {
      return call(standIn, first, "opensslContextRequiresPrivateKey", loader, undefined);
    },
  });
}
