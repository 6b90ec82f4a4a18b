/**
 * A server of this module as it is for npm, for Node and Bun; the second argument is where it is built:
 *
 *     node bench/peers/servers/lws_npm.mjs 9001 file:///…/mod.js
 */

import process from "node:process";
import { announce, DEFLATES, PORT, TLS } from "./listening.mjs";

const { createContext, permessageDeflate, prepareMessage } = await import(process.argv[3]);

const kindOf = (wsi) => wsi.frameIsBinary ? "binary" : "text";
const audience = new Set();

const echo = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, kindOf(wsi));
  },
};

const broadcast = {
  name: "broadcast",
  callback(wsi, reason, _user, data) {
    if (reason === "established") audience.add(wsi);
    else if (reason === "closed") audience.delete(wsi);
    else if (reason === "receive") {
      const message = prepareMessage(data, kindOf(wsi));
      for (const each of audience) each.write(message);
    }
  },
};

const context = createContext({
  port: PORT,
  iface: "127.0.0.1",
  protocols: [echo, broadcast],
  ...TLS && { sslCertFilepath: TLS.cert, sslPrivateKeyFilepath: TLS.key },
  extensions: DEFLATES ? [permessageDeflate({ threshold: 0 })] : [],
});
announce(context.port);
