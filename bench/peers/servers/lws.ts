/** An echo server of this module: `deno run --allow-net bench/peers/servers/lws.ts --port 0`. */

import { createContext, type Protocol } from "../../../mod.ts";
import { announce, option } from "../arguments.ts";

const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, wsi.frameIsBinary ? "binary" : "text");
  },
};

await using context = createContext({
  port: Number(option("port", "0")),
  iface: "127.0.0.1",
  protocols: [echo],
});
announce(context.port);
await context.closed;
