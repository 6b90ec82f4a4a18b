/** The TLS of a context, for which the first protocol is asked what the members don't say. */

import { CONTEXT_PORT_NO_LISTEN } from "../api/creation_info.ts";
import type { Connection, ProtocolEntry } from "../connection/connection.ts";
import type { CheckedInfo } from "./creation_options.ts";
import { ContextTls } from "../tls/context_tls.ts";

/**
 * Sets TLS up.
 *
 * @param standIn Whose callbacks they are, as there is no connection.
 */
export function tlsOf(info: CheckedInfo, standIn: Connection, first: ProtocolEntry): ContextTls {
  return new ContextTls({
    ...info.options,
    members: info.tls,
    listens: info.listen.port !== CONTEXT_PORT_NO_LISTEN,
    handshakeTimeoutMs: info.limits.headerTimeoutMs,
  }, {
    loadClientTrust(loader) {
      standIn.call(first, "opensslLoadExtraClientVerifyCerts", loader, undefined);
    },
    loadServerTrust(loader) {
      standIn.call(first, "opensslLoadExtraServerVerifyCerts", loader, undefined);
    },
    requirePrivateKey(loader) {
      return standIn.call(first, "opensslContextRequiresPrivateKey", loader, undefined);
    },
  });
}
