/** Connections that a proxy passes on with the PROXY protocol in front. */

import { parseProxyHeader, type ProxiedAddress } from "./core/proxy_protocol.ts";
import { type Preface, readPreface } from "./preface.ts";
import type { Transport } from "./transport/transport.ts";

/** Why a connection can't be served: nobody knows who it is of. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
}

/**
 * Reads the PROXY protocol's header, version 1 or 2, off an accepted connection, TLS or not: the header
 * comes before TLS.
 *
 * Fulfils with a transport that has the addresses which the proxy names, and the bytes behind the
 * header. Else the transport is closed, and the promise rejects: with a {@linkcode ProxyHeaderError} when
 * there is no such header, with the signal's reason when that aborts first. There is no timeout but
 * the signal.
 *
 * @param accepted not started
 */
export function readProxyHeader(accepted: Transport, signal: AbortSignal): Promise<Transport> {
  return readPreface(accepted, new ProxyPreface(), signal);
}

class ProxyPreface implements Preface {
  isComplete = false;
  localAddress: ProxiedAddress | undefined;
  remoteAddress: ProxiedAddress | undefined;

  take(bytes: Uint8Array): number {
    const header = parseProxyHeader(bytes);
    if (header.kind === "incomplete") return 0;
    if (header.kind === "invalid") throw new ProxyHeaderError(header.error);
    if (header.kind === "proxied") {
      this.localAddress = header.destination;
      this.remoteAddress = header.source;
    }
    this.isComplete = true;
    return header.length;
  }

  cutShort(): Error {
    return new ProxyHeaderError("the connection ended before its PROXY header was complete");
  }
}
