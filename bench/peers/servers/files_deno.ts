/**
 * Files as Deno's own server serves them in one line:
 * `deno run --allow-net --allow-read bench/peers/servers/files_deno.ts 0 FOLDER`.
 */

import { announce, FOLDER, PORT } from "./listening.mjs";

Deno.serve({
  hostname: "127.0.0.1",
  port: PORT,
  onListen: ({ port }) => announce(port),
}, async (request) => {
  const path = FOLDER + new URL(request.url).pathname;
  return new Response((await Deno.open(path)).readable);
});
