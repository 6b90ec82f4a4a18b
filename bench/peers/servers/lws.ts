/**
 * A server of this module: `deno run --allow-net bench/peers/servers/lws.ts 9001`; with `--epoll` and
 * `--allow-ffi` over the epoll network, with `--openssl` there by OpenSSL.
 */

import {
  createContext,
  permessageDeflate,
  prepareMessage,
  type Protocol,
  type Wsi,
} from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { announce, DEFLATES, PORT, TLS } from "./listening.mjs";

/** Every message that is measured comes in one piece, see `rxBufferSize`. */
const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, wsi.frameIsBinary ? "binary" : "text");
  },
};

const audience = new Set<Wsi>();

const broadcast: Protocol = {
  name: "broadcast",
  callback(wsi, reason, _user, data) {
    if (reason === "established") audience.add(wsi);
    else if (reason === "closed") audience.delete(wsi);
    else if (reason === "receive") {
      const message = prepareMessage(data, wsi.frameIsBinary ? "binary" : "text");
      for (const each of audience) each.write(message);
    }
  },
};

await using context = createContext({
  port: PORT,
  iface: "127.0.0.1",
  protocols: [echo, broadcast],
  ...Deno.args.includes("--epoll") && { network: epollNetwork() },
  ...Deno.args.includes("--openssl") && { network: epollNetwork({ tls: "openssl" }) },
  ...TLS && { sslCertFilepath: TLS.cert, sslPrivateKeyFilepath: TLS.key },
  extensions: DEFLATES ? [permessageDeflate({ threshold: 0 })] : [],
});
announce(context.port);
await context.closed;
