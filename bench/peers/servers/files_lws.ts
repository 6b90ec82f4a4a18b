/**
 * Files as this module serves them:
 * `deno run --allow-net --allow-read bench/peers/servers/files_lws.ts 0 FOLDER`.
 */

import { createContext, handlers, hostFileOps } from "../../../mod.ts";
import { announce, FOLDER, PORT } from "./listening.mjs";

await using context = createContext({
  port: PORT,
  iface: "127.0.0.1",
  fileOps: hostFileOps(FOLDER),
  protocols: [{
    name: "http",
    callback: handlers({ http: (wsi, _user, path) => wsi.serveHttpFile(path) }),
  }],
});
announce(context.port);
await context.closed;
