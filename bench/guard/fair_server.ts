/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

/** The server that is flooded, in an isolate of its own: plain, with TLS and on a unix socket. */

import { type ContextCreationInfo, createContext, permessageDeflate } from "../../mod.ts";

/** With which certificate to serve. */
export interface FairServerOrder {
  readonly cert: string;
  readonly key: string;
}

/** Where it serves. */
export interface FairServerPorts {
  readonly plain: number;
  readonly tls: number;
  readonly path: string;
}

/** What the neighbour sends; of all else nothing comes back. */
const ECHOED_LENGTH = 4;

function serve(info: Partial<ContextCreationInfo>) {
  return createContext({
    port: 0,
    ...info,
    extensions: [permessageDeflate()],
    protocols: [{
      name: "fair",
      callback(wsi, reason, _user, data) {
        if (reason === "receive" && data.length === ECHOED_LENGTH) wsi.write(data, "binary");
        if (reason !== "http") return;
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
    }],
  });
}

self.onmessage = ({ data: { cert, key } }: MessageEvent<FairServerOrder>) => {
  const path = `@lws-guard-${Deno.pid}`;
  const iface = "127.0.0.1";
  const plain = serve({ iface }).port;
  const tls = serve({ iface, sslCertFilepath: cert, sslPrivateKeyFilepath: key }).port;
  serve({ socketPath: path });
  self.postMessage({ plain, tls, path } satisfies FairServerPorts);
};
