/**
 * Files as this module serves them:
 * `deno run --allow-net --allow-read bench/peers/servers/files_lws.ts 0 FOLDER`.
 */

import { createContext } from "../../../mod.ts";
import { announce, FOLDER, PORT } from "./listening.mjs";

await using context = createContext({
  port: PORT,
  iface: "127.0.0.1",
  mounts: [{ path: "/", folder: FOLDER }],
});
announce(context.port);
await context.closed;
