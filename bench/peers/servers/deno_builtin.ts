/** An echo server of Deno's own: `deno run --allow-net bench/peers/servers/deno_builtin.ts`. */

import { announce, option } from "../arguments.ts";

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(option("port", "0")),
  onListen: ({ port }) => announce(port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => socket.send(event.data);
  return response;
});
